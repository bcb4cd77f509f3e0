"""One cause's failed saves and all that was found out about them: what advice is made of."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.decisive import failed_call, first_attempt_alike
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.facts import Facts
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.spans.rows import AttributeValue

MOST_LISTED = 3

LONGEST = 100
"""Characters of a text that is listed; keys and what users were told may be long."""


@dataclasses.dataclass(frozen=True)
class Case:
    """The failed saves of a cause, beside those that `worked`.

    `pairs` are the facts of failed saves, each with those of the one that worked in the end; `dependencies`
    names failed services by trace.
    """

    cause: str
    failed: Sequence[Save]
    pairs: Sequence[tuple[Facts, Facts]]
    condition: Condition | None
    worked: Sequence[Save]
    dependencies: Mapping[str, str]

    @functools.cached_property
    def calls(self) -> tuple[Call, ...]:
        """The call by which each save failed, where it failed by one."""
        found = (failed_call(save) for save in self.failed)
        return tuple(call for call in found if call is not None)

    def attempts(self) -> Iterator[Attempt]:
        """Yield the attempt that first failed as the call did."""
        for call in self.calls:
            attempt = first_attempt_alike(call)
            if attempt is not None:
                yield attempt

    @functools.cached_property
    def worked_calls(self) -> tuple[Call, ...]:
        """The writes of saves that worked, of those that were not refused themselves."""
        return tuple(
            call
            for save in self.worked
            for call in save.calls
            if not call.failed and call.writes and call.error_code is None
        )

    def worked_attempts(self) -> Iterator[Attempt]:
        """Yield the attempt by which each of those worked."""
        for call in self.worked_calls:
            if call.attempts:
                yield call.attempts[-1]

    def of_calls(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed calls, of those that have it."""
        return _held((call.span.attributes for call in self.calls), name)

    def of_attempts(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed attempts, of those that have it."""
        return _held((attempt.span.attributes for attempt in self.attempts()), name)

    def of_saves(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed saves, of those that have it."""
        return _held((save.span.attributes for save in self.failed), name)

    def of_worked_calls(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the writes that worked, of those that have it."""
        return _held((call.span.attributes for call in self.worked_calls), name)

    def of_worked_attempts(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the attempts that worked, of those that have it."""
        return _held((attempt.span.attributes for attempt in self.worked_attempts()), name)

    def of_worked(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the saves that worked, of those that have it."""
        return _held((save.span.attributes for save in self.worked), name)

    @property
    def kinds(self) -> frozenset[str]:
        """The codes that the saves failed with."""
        return frozenset(kind_of(save)[0] for save in self.failed)

    @property
    def codes(self) -> str:
        """The codes that the saves failed with, the most frequent first, as a person lists them."""
        return listed(kind_of(save)[0] for save in self.failed)

    @property
    def hosts(self) -> str:
        """The hosts that the saves failed on, as a person lists them; empty where none is known."""
        return listed(
            host
            for save in self.failed
            if (host := values.text(_of_process(save, attributes.HOST_NAME))) is not None
        )

    @property
    def peers(self) -> str:
        """The addresses that the failed attempts connected to, as a person lists them."""
        return listed(str(peer) for peer in self.of_attempts(attributes.PEER_ADDRESS))

    @property
    def endpoint(self) -> str | None:
        """The endpoint that most failed calls went to."""
        return values.text(most_common(self.of_calls(attributes.ENDPOINT)))

    @property
    def is_amazon(self) -> bool:
        """Whether the store is known to be Amazon's own."""
        return ".amazonaws.com" in (self.endpoint or "")


def numbers(held: Iterable[AttributeValue]) -> list[float]:
    """Return what of some values is a number."""
    return [number for number in map(values.number, held) if number is not None]


def most_common(held: Iterable[AttributeValue]) -> AttributeValue:
    """Return the most frequent value; None of nothing."""
    counted = Counter(held)
    return min(counted, key=lambda value: (-counted[value], str(value))) if counted else None


def middle(held: Sequence[float]) -> float:
    """Return the median as a value that was seen."""
    return sorted(held)[len(held) // 2]


def listed(held: Iterable[str]) -> str:
    """Return different texts as a person lists them, the most frequent first: ``a, b, c and 4 more``."""
    counted = Counter(held)
    ordered = sorted(counted, key=lambda text: (-counted[text], text))
    shown = ", ".join(
        text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in ordered[:MOST_LISTED]
    )
    return f"{shown} and {len(ordered) - MOST_LISTED} more" if len(ordered) > MOST_LISTED else shown


def extent(held: Sequence[float], unit: str = "byte") -> str:
    """Return between what whole numbers lie: ``9 to 1,024 bytes``, or ``9 bytes`` where all are one."""
    least, most = round(min(held)), round(max(held))
    return count(most, unit) if least == most else f"{least:,} to {count(most, unit)}"


def extent_of_time(held: Sequence[float]) -> str:
    """Return between what lengths of time, in seconds, lie: ``26 ms to 4.1 s``."""
    least, most = duration(min(held)), duration(max(held))
    return most if least == most else f"{least} to {most}"


def shared_folder(keys: Sequence[str]) -> str:
    """Return the folders that all keys begin with, each with its slash; empty where there is none."""
    parts = [key.split("/")[:-1] for key in keys]
    shared = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    return "".join(f"{level[0]}/" for level in shared)


def share_said(share: float) -> str:
    """Return a share in whole percents, neither none nor all where it is not: ``92 %``."""
    if 0 < share < 0.005:
        return "less than 1 %"
    if 0.995 <= share < 1:
        return "more than 99 %"
    return f"{share * 100:.0f} %"


def _of_process(save: Save, name: str) -> AttributeValue:
    held = save.span.attributes.get(name)
    return save.span.resource.get(name) if held is None else held


def _held(spans: Iterable[Mapping[str, AttributeValue]], name: str) -> list[AttributeValue]:
    return [held[name] for held in spans if held.get(name) is not None]
