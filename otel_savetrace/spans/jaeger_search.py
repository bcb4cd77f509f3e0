"""Which searches bring a Jaeger's saves and little else.

Jaeger finds by service, span name and attributes, and cannot be asked for what is missing. So where some
traces of a service show that most of it is saves, or that there are few, it is read whole. Else three kinds
of searches bring each save that the analysis would know: by each span name that writes to S3 (also saves
whose own span is missing, and plain OpenTelemetry), by ``savetrace.outcome=failed`` (failed before anything
was written, or by the word of a browser or a front server alone), and by the names of the spans that those
two have shown to be saves' (no write, no outcome: it may have worked, or was never answered). A service
without any of them is not read: its spans come with the saves' traces.

All that worked are read too: a share of failed saves is true only where those are counted, and Jaeger counts
nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otel_savetrace import attributes
from otel_savetrace.analysis.conventions import own_names
from otel_savetrace.analysis.witnesses import ACCESS_LOG
from otel_savetrace.errors import SourceError
from otel_savetrace.spans.jaeger_api import Jaeger, Page, Search, spans_in
from otel_savetrace.spans.jaeger_http import TooMuchAskedError
from otel_savetrace.spans.jaeger_paging import Paging
from otel_savetrace.spans.reading import Account, Heard, Query

LOOKED_AT, PARTS = 100, 5
"""Traces of a service that tell what it is, and in how many parts of the time some are looked at."""

SOME = 20
"""Saves of each kind that tell by which names the user's things are known."""

MOSTLY = 0.5
"""With so large a share of a service's spans in saves it is read whole: by name, each is read twice."""

SHOWN_SERVICES = 8

SEARCHABLE = re.compile(r"[\w .,:=/@-]+")
"""Values that mean themselves where a storage, as Elasticsearch, takes them for a regular expression."""

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
    searching = [_Searching(name, Paging(jaeger, start, end, account, way.read), way) for name in services]
    for number, one in enumerate(searching):
        way.done = number
        yield from one.narrowed(query)
    if way.traces:
        return
    for number, one in enumerate(searching):
        way.done = number
        yield from one.saves()
    if not way.traces:
        for name in way.without:
            account.add("a service without a span that writes to S3 or tells the outcome of a save", name)


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
    """The searches for one service's saves."""

    service: str
    paging: Paging
    way: _Way

    def narrowed(self, query: Query) -> Iterator[Page]:
        """Yield the traces with the attributes, or of the thing, that the query names, if it names some."""
        if query.attributes:
            if all(map(_is_searchable, query.attributes.values())):
                yield from self.paging.pages(Search(self.service, attributes=query.attributes), 0.0, 1.0)
        elif query.thing_id is not None and _is_searchable(query.thing_id):
            yield from self._of_thing(query.thing_id)

    def saves(self) -> Iterator[Page]:
        """Yield the service's saves."""
        if not self._has_saves:
            self.way.without.append(self.service)
            return
        looked_at = self._looked_at()
        if looked_at is not None and looked_at.found < LOOKED_AT:
            self.way.read(1.0, looked_at.found)
            yield looked_at
        elif looked_at is None or not self._operations or self._mostly_saves(looked_at):
            yield from self.paging.pages(Search(self.service), 0.0, 1.0)
        else:
            yield from self._by_name()

    @functools.cached_property
    def _operations(self) -> list[str]:
        return self.paging.jaeger.operations(self.service)

    @functools.cached_property
    def _has_saves(self) -> bool:
        """Whether the service may have saves: also where the names of its spans are not known."""
        worked = Search(self.service, attributes={attributes.OUTCOME: attributes.SUCCEEDED})
        return (
            not self._operations
            or any(map(is_write, self._operations))
            or any(self.paging.some(search, 1).found for search in (self._failed, worked))
        )

    @property
    def _telling(self) -> list[Search]:
        """Searches that find saves of each kind."""
        return [*(Search(self.service, name) for name in filter(is_write, self._operations)), self._failed]

    @property
    def _failed(self) -> Search:
        return Search(self.service, attributes={attributes.OUTCOME: attributes.FAILED})

    def _by_name(self) -> Iterator[Page]:
        names: set[str] = set()
        searches = self._telling
        for number, search in enumerate(searches):
            done = 0.5 * number / len(searches)
            for page in self.paging.pages(search, done, 0.5 / len(searches)):
                names.update(_save_names(page, self.service, writing=search.operation is not None))
                yield page
        for number, name in enumerate(sorted(names)):
            done = 0.5 + 0.5 * number / len(names)
            yield from self.paging.pages(Search(self.service, name), done, 0.5 / len(names))

    def _of_thing(self, thing_id: str) -> Iterator[Page]:
        """Yield the traces of a thing, by each name that ids have in some saves."""
        names: set[str] = set()
        for search in self._telling:
            names |= _id_names(self.paging.some(search, SOME))
        for number, name in enumerate(sorted(names)):
            search = Search(self.service, attributes={name: thing_id})
            yield from self.paging.pages(search, number / len(names), 1.0 / len(names))

    def _looked_at(self) -> Page | None:
        """Return some traces, the newest where Jaeger gives those first; None where that is too much."""
        try:
            return self.paging.some(Search(self.service), LOOKED_AT)
        except TooMuchAskedError:
            return None

    def _mostly_saves(self, newest: Page) -> bool:
        """Return whether most spans are in traces of saves, by those looked at and some of earlier times."""
        pages = [newest]
        for part in range(1, PARTS):
            end = self.paging.end - (self.paging.end - self.paging.start) * part // PARTS
            with contextlib.suppress(TooMuchAskedError):
                pages.append(self.paging.some(Search(self.service), LOOKED_AT // PARTS, end))
        of_saves = []
        for page in pages:
            saves = _of_saves(page)
            of_saves += [span.get("traceId") in saves for span in spans_in(page.resources)]
        return sum(of_saves) >= MOSTLY * len(of_saves)


def _is_searchable(value: str) -> bool:
    return SEARCHABLE.fullmatch(value) is not None and len(value.encode()) <= attributes.SEARCHED_LIMIT


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
