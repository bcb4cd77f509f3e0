"""How long a client's retries may take, and which settings would fit into a limit."""

from __future__ import annotations

import dataclasses
import math

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Call

LONGEST_BACKOFF_SECONDS = 20.0
"""The longest single wait of the modes `standard` and `adaptive` (botocore.retries.standard)."""

CONNECT_SECONDS = 2.0
"""Enough for a connection: it takes milliseconds, or is not made at all."""

SPARE = 0.9
"""So much of a limit is used up at most: the app has work of its own to do."""

READ_SECONDS = 3.0
"""Less time for an answer is worth no second attempt."""

SLOWER = 2.0
"""An answer may take so many times as long as the slowest that was seen before it is given up."""


@dataclasses.dataclass(frozen=True, slots=True)
class Retries:
    """A client's settings: botocore's retry mode, requests a call may send, and the limits of each."""

    mode: str
    attempts: int
    connect_seconds: float
    read_seconds: float

    @property
    def worst_seconds(self) -> float:
        """The longest that one call may take, with every attempt timing out."""
        each = self.connect_seconds + self.read_seconds
        return self.attempts * each + longest_backoffs(self.mode, self.attempts)

    @property
    def config(self) -> str:
        """The settings as botocore takes them."""
        return (
            f"Config(connect_timeout={self.connect_seconds:g}, read_timeout={self.read_seconds:g},"
            f" retries={{'mode': '{self.mode}', 'total_max_attempts': {self.attempts}}})"
        )


def longest_backoffs(mode: str, attempts: int) -> float:
    """Return the longest sum, in seconds, of the waits between a call's attempts.

    `botocore.retryhandler.delay_exponential` and `botocore.retries.standard.ExponentialBackoff`: up to 1, 2,
    4, 8 … seconds, of which only the mode `legacy` has no longest. Chance makes each shorter.
    """
    waits = [2.0**number for number in range(attempts - 1)]
    return sum(waits if mode == "legacy" else (min(wait, LONGEST_BACKOFF_SECONDS) for wait in waits))


def retries_of(call: Call) -> Retries | None:
    """Return the settings that a call was made with; None where not all of them are recorded."""
    held = call.span.attributes
    mode = values.text(held.get(attributes.RETRY_MODE))
    connect = values.number(held.get(attributes.CONNECT_TIMEOUT_SECONDS))
    read = values.number(held.get(attributes.READ_TIMEOUT_SECONDS))
    if mode is None or call.attempts_allowed is None or connect is None or read is None:
        return None
    return Retries(mode, call.attempts_allowed, connect, read)


def fitting(now: Retries, limit_seconds: float, slowest_seconds: float = 0.0) -> Retries | None:
    """Return settings near those of `now` with which a call ends within a limit; None where none are.

    As many attempts are kept as leave each of them `READ_SECONDS`, and time for an answer `SLOWER` than the
    slowest seen.
    """
    connect = min(now.connect_seconds, CONNECT_SECONDS)
    for attempts in range(now.attempts, 0, -1):
        each = (limit_seconds * SPARE - longest_backoffs(now.mode, attempts)) / attempts
        read = min(math.floor(each - connect), now.read_seconds)
        enough = 1.0 if attempts == 1 else min(READ_SECONDS, now.read_seconds)
        if read >= max(enough, slowest_seconds * SLOWER):
            return Retries(now.mode, attempts, connect, float(read))
    return None


def least(now: Retries, slowest_seconds: float = 0.0) -> Retries:
    """Return settings with a single attempt, which has time for an answer `SLOWER` than the slowest seen."""
    read = max(1.0, float(math.ceil(slowest_seconds * SLOWER)))
    return Retries(now.mode, 1, min(now.connect_seconds, CONNECT_SECONDS), min(read, now.read_seconds))
