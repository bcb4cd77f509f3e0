"""In which pieces of time a Jaeger is searched, so that each answer is small and nothing is missed.

A search answers `depth` traces and does not say whether there were more, nor which ones it left out: some
storages give the latest, some what they met first. So an answer that is full counts for nothing, and a
shorter time is asked for; the next one is as long as the last one showed to be right. How many traces are
asked for follows from how long Jaeger took, and how much it sent.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Container, Iterator

from otel_savetrace.spans.jaeger_api import Jaeger, Page, Search
from otel_savetrace.spans.jaeger_http import TooMuchAskedError
from otel_savetrace.spans.reading import Account

FIRST_DEPTH = 100
MOST_DEPTH = 400
"""Traces asked for at once, at first and at most."""

FULL = 0.6
"""Share of the depth that the next piece of time should bring, so that few are asked for twice."""

QUICK_SECONDS, SLOW_SECONDS = 1.0, 5.0
SMALL_BYTES, LARGE_BYTES = 2_000_000, 8_000_000
"""More is asked for after a quick and small answer, less after a slow or a large one."""

MOST_REFUSALS = 3
"""So often, one after the other, less is asked for, until it is told that Jaeger cannot give it."""

SHORTEST_NANOSECONDS = 1_000
"""Jaeger stores times in microseconds: no time is shorter than one."""


@dataclasses.dataclass
class Paging:
    """Searches of one time, from `start` to `end`, in nanoseconds since 1970.

    `told` gets the share of the work that is done, and how many new traces came. `depth` is how many traces
    are asked for, `known` which have come.
    """

    jaeger: Jaeger
    start: int
    end: int
    account: Account
    told: Callable[[float, int], None]
    depth: int = dataclasses.field(default_factory=lambda: min(FIRST_DEPTH, MOST_DEPTH))
    known: set[str] = dataclasses.field(default_factory=set)

    def some(self, search: Search, depth: int, end: int | None = None) -> Page:
        """Return at most `depth` of the traces that a search finds, of the time up to `end`."""
        return self.jaeger.find(search, self.start, self.end if end is None else end, depth)

    def pages(self, search: Search, done: float, part: float) -> Iterator[Page]:
        """Yield what a search finds, the latest first, without what was yielded before.

        `done` and `part` say what share of the work was done before, and what share this is.
        Neighbours share a moment, so that no trace falls between them.
        """
        later, width, refused = self.end, self.end - self.start, 0
        while later > self.start:
            width = max(width, SHORTEST_NANOSECONDS)
            earlier = max(self.start, later - width)
            began = time.monotonic()
            try:
                page = self.jaeger.find(search, earlier, later, self.depth, self.known)
            except TooMuchAskedError:
                refused += 1
                if refused > MOST_REFUSALS or (self.depth == 1 and width <= SHORTEST_NANOSECONDS):
                    raise
                self.depth, width = max(self.depth // 4, 1), min(width, later - earlier) // 4
                continue
            refused = 0
            depth = self.depth
            self._learn(time.monotonic() - began, page.size)
            width = later - earlier
            full = page.found >= depth
            if full and width > SHORTEST_NANOSECONDS:
                width = min(width // 2, _spread(page, later, FULL))
                continue
            if full:
                self.account.add(f"possibly more than {depth} traces in one microsecond", self.jaeger.address)
            new = _without(page, self.known)
            self.known.update(new.begins)
            self.told(done + part * (self.end - earlier) / (self.end - self.start), len(new.begins))
            if new.begins:
                yield new
            width = int(width * min(max(FULL * self.depth / max(page.found, 1), 0.5), 4.0))
            later = earlier

    def _learn(self, seconds: float, size: int) -> None:
        if seconds > SLOW_SECONDS or size > LARGE_BYTES:
            self.depth = max(self.depth // 2, 1)
        elif seconds < QUICK_SECONDS and size < SMALL_BYTES:
            self.depth = min(self.depth * 2, MOST_DEPTH)


def _spread(page: Page, later: int, share: float) -> int:
    """Return how long a time may bring that share of a page: a guess, as if it held the latest traces."""
    return int((later - min(page.begins.values(), default=later)) * share)


def _without(page: Page, known: Container[str]) -> Page:
    begins = {trace_id: at for trace_id, at in page.begins.items() if trace_id not in known}
    if len(begins) == len(page.begins):
        return page
    resources = [
        {**resource, "scopeSpans": [
            {**scope, "spans": [span for span in scope.get("spans") or () if span.get("traceId") in begins]}
            for scope in resource.get("scopeSpans") or ()
        ]}
        for resource in page.resources
    ]  # fmt: skip
    return dataclasses.replace(page, resources=resources, begins=begins)
