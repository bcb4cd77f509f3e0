"""Which searches bring a Jaeger's saves and little else, and in which pieces of time they are made.

**Saves only.** Jaeger finds by service, span name and attributes, and cannot be asked for what is missing. So
where some traces of a service show that most of it is saves, or that there are few, it is read whole.
Else three kinds of searches bring each save that the analysis would know: by each span name that writes to
S3 (also saves whose own span is missing, and plain OpenTelemetry), by ``savetrace.outcome=failed`` (failed
before anything was written, or by the word of a browser or a front server alone), and by the names of the
spans that those two have shown to be saves' (no write, no outcome: it may have worked, or was never
answered). A service without any of them is not read: its spans come with the saves' traces. All that
worked are read too: a share of failed saves is true only where those are counted, and Jaeger counts nothing.

**Pieces of time.** A search answers `depth` traces and does not say whether there were more, nor which ones
it left out: some storages give the latest, some what they met first. So an answer that is full counts for
nothing, and a shorter time is asked for; the next one is as long as the last one showed to be right. How
many traces are asked for follows from how long Jaeger took, and how much it sent: one request at a time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from otel_savetrace import attributes
from otel_savetrace.analysis.conventions import own_names
from otel_savetrace.analysis.witnesses import ACCESS_LOG
from otel_savetrace.errors import SourceError
from otel_savetrace.spans.jaeger_api import SHOWN_SERVICES, Jaeger, Page, Search, TooMuchAskedError, spans_in
from otel_savetrace.spans.reading import Account, Heard, Query

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

LOOKED_AT, PARTS = 100, 5
"""Traces of a service that tell what it is, and in how many parts of the time some are looked at."""

SOME = 20
"""Saves of each kind that tell by which names the user's things are known."""

MOSTLY = 0.5
"""With so large a share of a service's spans in saves it is read whole: by name, each is read twice."""

LAST_WORD = re.compile(r"\w+\Z")
SERVERS = (2, "SPAN_KIND_SERVER")


def pages_of_saves(
    jaeger: Jaeger, query: Query, start: int, end: int, account: Account, heard: Heard | None = None
) -> Iterator[Page]:
    """Yield what holds the saves of a time, in nanoseconds since 1970; more may come, and some twice.

    Raises `SourceError` where the query names a service that Jaeger does not know.
    """
    services = _services(jaeger, query.service)
    way = _Way(heard, len(services))
    for number, service in enumerate(services):
        way.done = number
        searching = _Searching(jaeger, service, start, end, account, way)
        yield from searching.narrowed(query) if query.attributes else searching.saves(query.thing_id)
    if not way.traces:
        for service in way.without:
            account.add("a service without a span that writes to S3 or tells the outcome of a save", service)


def _services(jaeger: Jaeger, wanted: str | None) -> Sequence[str]:
    known = jaeger.services()
    if wanted is None:
        return known
    if wanted in known:
        return [wanted]
    shown = ", ".join(sorted(known)[:SHOWN_SERVICES])
    more = f" and {len(known) - SHOWN_SERVICES} more" if len(known) > SHOWN_SERVICES else ""
    knows = f"it knows {shown}{more}" if known else "it knows none: nothing has arrived there yet"
    raise SourceError(f"The Jaeger at {jaeger.address} knows no service {wanted!r}; {knows}.")


@dataclasses.dataclass
class _Way:
    """How far the reading is: services done, of how many, those without saves, and traces read."""

    heard: Heard | None
    services: int
    done: int = 0
    traces: int = 0
    without: list[str] = dataclasses.field(default_factory=list)

    def read(self, share: float, traces: int) -> None:
        self.traces += traces
        if self.heard is not None:
            self.heard((self.done + share) / max(self.services, 1), self.traces)


@dataclasses.dataclass
class _Searching:
    """The searches for one service's saves; `depth` is how many traces are asked for, `known` which came."""

    jaeger: Jaeger
    service: str
    start: int
    end: int
    account: Account
    way: _Way
    depth: int = dataclasses.field(default_factory=lambda: min(FIRST_DEPTH, MOST_DEPTH))
    known: set[str] = dataclasses.field(default_factory=set)

    def narrowed(self, query: Query) -> Iterator[Page]:
        """Yield the traces with the attributes that the query names."""
        yield from self._pages(Search(self.service, attributes=query.attributes), 0.0, 1.0)

    def saves(self, thing_id: str | None) -> Iterator[Page]:
        """Yield the service's saves; of one thing alone where that is wanted and can be found by its id."""
        operations = self.jaeger.operations(self.service)
        writing = [name for name in operations if is_write(name)]
        if operations and not writing and not self._any_told():
            self.way.without.append(self.service)
            return
        looked_at = self._looked_at()
        if looked_at is not None and looked_at.found < LOOKED_AT:
            self.way.read(1.0, looked_at.found)
            yield looked_at
            return
        searches = [*(Search(self.service, name) for name in writing), self._failed]
        if thing_id is not None:
            yield from self._of_thing(thing_id, searches)
            if self.known:
                return
        if looked_at is None or not operations or self._mostly_saves(looked_at):
            yield from self._pages(Search(self.service), 0.0, 1.0)
        else:
            yield from self._by_name(searches)

    @property
    def _failed(self) -> Search:
        return Search(self.service, attributes={attributes.OUTCOME: attributes.FAILED})

    def _by_name(self, searches: Sequence[Search]) -> Iterator[Page]:
        names: set[str] = set()
        for number, search in enumerate(searches):
            done = 0.5 * number / len(searches)
            for page in self._pages(search, done, 0.5 / len(searches)):
                names.update(_save_names(page, self.service, writing=search.operation is not None))
                yield page
        for number, name in enumerate(sorted(names)):
            done = 0.5 + 0.5 * number / len(names)
            yield from self._pages(Search(self.service, name), done, 0.5 / len(names))

    def _of_thing(self, thing_id: str, searches: Sequence[Search]) -> Iterator[Page]:
        """Yield the traces of a thing, by each name that ids have in some saves."""
        names: set[str] = set()
        for search in searches:
            names |= _id_names(self.jaeger.find(search, self.start, self.end, SOME))
        for number, name in enumerate(sorted(names)):
            search = Search(self.service, attributes={name: thing_id})
            yield from self._pages(search, number / len(names), 1.0 / len(names))

    def _any_told(self) -> bool:
        worked = Search(self.service, attributes={attributes.OUTCOME: attributes.SUCCEEDED})
        return any(
            self.jaeger.find(search, self.start, self.end, 1).found for search in (self._failed, worked)
        )

    def _looked_at(self) -> Page | None:
        """Return some traces, the newest where Jaeger gives those first; None where that is too much."""
        try:
            return self.jaeger.find(Search(self.service), self.start, self.end, LOOKED_AT)
        except TooMuchAskedError:
            return None

    def _mostly_saves(self, newest: Page) -> bool:
        """Return whether most spans are in traces of saves, by those looked at and some of earlier times."""
        pages = [newest]
        for part in range(1, PARTS):
            end = self.end - (self.end - self.start) * part // PARTS
            with contextlib.suppress(TooMuchAskedError):
                pages.append(self.jaeger.find(Search(self.service), self.start, end, LOOKED_AT // PARTS))
        of_saves = []
        for page in pages:
            saves = _of_saves(page)
            of_saves += [span.get("traceId") in saves for span in spans_in(page.resources)]
        return sum(of_saves) >= MOSTLY * len(of_saves)

    def _pages(self, search: Search, done: float, part: float) -> Iterator[Page]:
        """Yield what a search finds, the latest first, without what was yielded before.

        `done` and `part` say what share of the service's work was done before, and what share this is.
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
            self.way.read(done + part * (self.end - earlier) / (self.end - self.start), len(new.begins))
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


def is_write(name: str) -> bool:
    """Return whether a span's name is that of a call that writes to S3: its last word, however it begins."""
    word = LAST_WORD.search(name)
    return word is not None and word.group() in attributes.WRITES


def _of_saves(page: Page) -> set[str]:
    return {
        str(span.get("traceId"))
        for span in spans_in(page.resources)
        if is_write(str(span.get("name"))) or _tells_outcome(span)
    }


def _tells_outcome(span: Mapping[str, Any]) -> bool:
    return any(one.get("key") == attributes.OUTCOME for one in span.get("attributes") or ())


def _save_names(page: Page, service: str, *, writing: bool) -> set[str]:
    """Return the names of the service's spans that are saves: that tell an outcome, or above what writes.

    A front server's name nothing but the method, and tell only what failed.
    """
    return {
        str(span.get("name"))
        for resource in page.resources
        if _service_of(resource) == service
        for scope in resource.get("scopeSpans") or ()
        if not str((scope.get("scope") or {}).get("name")).endswith(ACCESS_LOG)
        for span in scope.get("spans") or ()
        if _tells_outcome(span) or (writing and span.get("kind") in SERVERS)
    }


def _id_names(page: Page) -> set[str]:
    """Return the names of the user's own attributes that hold ids: ``storymap.id``."""
    names = {
        str(one.get("key"))
        for span in spans_in(page.resources)
        for one in span.get("attributes") or ()
        if "stringValue" in (one.get("value") or {})
    }
    return {name for name in own_names(dict.fromkeys(names, "")) if name.endswith(".id")}


def _service_of(resource: Mapping[str, Any]) -> str:
    for one in (resource.get("resource") or {}).get("attributes") or ():
        if one.get("key") == "service.name":
            return str((one.get("value") or {}).get("stringValue"))
    return ""
