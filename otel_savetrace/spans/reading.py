"""What is asked of a source, and what came back: the spans, and an account of all that was not one."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.spans.rows import Span


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """Which spans are wanted; a source may use it to read less, and may answer more than was asked.

    `start_nanoseconds` and `end_nanoseconds` bound the time (since 1970, UTC); `attributes` stand together
    on some span of the trace; `service` made it; `trace_ids` are whole trace ids, or the beginnings of some;
    an attribute of the user's own that ends in ``.id`` has the value `thing_id`.
    """

    start_nanoseconds: int | None = None
    end_nanoseconds: int | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    service: str | None = None
    trace_ids: tuple[str, ...] = ()
    thing_id: str | None = None


Heard = Callable[[float, int], None]
"""Told how far the reading of a source is: which share of it is done, and how many traces have come."""


Ending: TypeAlias = tuple[str, str, str | None]
"""How a save ended: outcome, code (empty where it did not fail) and stage."""


@dataclasses.dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not read: why, how often, and where (file and line of the first, or an address)."""

    why: str
    count: int
    where: str


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """All that one source gave.

    `kind` is ``file``, ``folder``, ``log`` or ``jaeger``; `name` is how the person called it;
    `jaeger_address` is the address under which Jaeger's own pages stand, where the source is one; `counted`
    is how many saves there were beside those in `spans`.
    """

    kind: str
    name: str
    spans: tuple[Span, ...]
    skipped: tuple[Skipped, ...]
    jaeger_address: str | None = None
    counted: Mapping[Ending, int] = dataclasses.field(default_factory=dict)


def jaeger_address(readings: Sequence[Reading]) -> str | None:
    """Return where Jaeger's own pages stand, where one of the sources is a Jaeger."""
    return next((reading.jaeger_address for reading in readings if reading.jaeger_address), None)


class Account:
    """Counts what is not read, by reason, and remembers where each reason was first met."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, why: str, where: str) -> None:
        """Count one more."""
        self._counts[why] += 1
        self._first.setdefault(why, where)

    def skipped(self) -> tuple[Skipped, ...]:
        """Return each reason, in the order they were met."""
        return tuple(Skipped(why, count, self._first[why]) for why, count in self._counts.items())


def each_once(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans, those written twice (to an archive and a file of one's own) once: the first.

    One that was written from a dead process's record knows less than its own, which may have got through.
    """
    seen: dict[tuple[str, str], Span] = {}
    for span in spans:
        first = seen.setdefault((span.trace_id, span.span_id), span)
        if first is not span and attributes.FROM_RECORD in first.attributes:
            seen[span.trace_id, span.span_id] = span
    return tuple(seen.values())


@contextlib.contextmanager
def gathering_no_garbage() -> Iterator[None]:
    """Keep Python from looking for circles among millions of rows, where there are none.

    It would look through all of them again and again, which takes longer than to read them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
