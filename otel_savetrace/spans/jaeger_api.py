"""Jaeger's query API, `/api/v3`: services, names of spans, traces.

Jaeger 2.13 spells its parameters `query.service_name`, later ones `query.serviceName`; each ignores the
other's, so both are sent. Before 2.19 a search of `/api/v3` takes no attributes: there `/api/traces`, which
is gone after 2.20, is asked which traces have them, and each is read by its id.

An answer is one JSON object however long it is (jaeger#6467), so whoever asks keeps it short.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import http
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from otel_savetrace.spans.jaeger_http import TIMEOUT_SECONDS, Connection


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """Which traces: of a service, with a span of that name, and one with these attributes."""

    service: str
    operation: str | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What one search found.

    `resources` are OTLP's ``ResourceSpans`` as they came; `found` counts the traces, those among them that
    were not read because they were known before; `begins` is the earliest start of each that was read, in
    nanoseconds since 1970; `size` is in bytes.
    """

    resources: Sequence[Mapping[str, Any]]
    found: int
    begins: Mapping[str, int]
    size: int


class Jaeger:
    """A Jaeger by the address of its page."""

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._connection = Connection(address, timeout_seconds)

    @property
    def address(self) -> str:
        """Where it is, without the password that it may have been given with."""
        return self._connection.address

    def services(self) -> list[str]:
        """Return the names of all services that it knows."""
        return [str(name) for name in self._list("/api/v3/services", {}, "services")]

    def operations(self, service: str) -> list[str]:
        """Return the names of a service's spans; none where they are not known."""
        held = self._list("/api/v3/operations", {"service": service}, "operations")
        return sorted({str(one.get("name")) for one in held if isinstance(one, dict)})

    def trace(self, trace_id: str) -> Page:
        """Return a trace by its id; no span where it is not there."""
        return self._page(f"/api/v3/traces/{trace_id}", {"raw_traces": "true", "rawTraces": "true"})

    def find(
        self, search: Search, start: int, end: int, depth: int, known: Container[str] = frozenset()
    ) -> Page:
        """Return at most `depth` traces that began from `start` to `end`, in nanoseconds since 1970.

        Those `known` may be left out. Raises `TooMuchAskedError` where fewer, or a shorter time, may do.
        """
        if search.attributes and not self._takes_attributes:
            return self._find_by_id(search, start, end, depth, known)
        return self._page("/api/v3/traces", _parameters(search, start, end, depth))

    @functools.cached_property
    def _takes_attributes(self) -> bool:
        # Who reads them complains of what is none.
        asked = {**_parameters(Search("savetrace"), 0, 1_000, 1), "query.attributes": "{"}
        status, body = self._connection.ask("/api/v3/traces", asked)
        return status == http.HTTPStatus.BAD_REQUEST and b"query.attributes" in body

    def _find_by_id(self, search: Search, start: int, end: int, depth: int, known: Container[str]) -> Page:
        asked = {
            "service": search.service,
            "tags": json.dumps(dict(search.attributes)),
            "start": str(start // 1_000),
            "end": str(end // 1_000),
            "limit": str(depth),
        }
        if search.operation is not None:
            asked["operation"] = search.operation
        ids = [str(one.get("traceID")).rjust(32, "0") for one in self._list("/api/traces", asked, "data")]
        read = [self.trace(trace_id) for trace_id in ids if trace_id not in known]
        return Page(
            [resource for page in read for resource in page.resources],
            len(ids),
            {trace_id: begins for page in read for trace_id, begins in page.begins.items()},
            sum(page.size for page in read),
        )

    def _list(self, path: str, parameters: Mapping[str, str], name: str) -> list[Any]:
        held = [answer.get(name) for answer in self._connection.answers(path, parameters)[0]]
        found = held[0] if held else None
        if found is not None and not isinstance(found, list):
            raise self._connection.not_a_jaeger()
        return found or []

    def _page(self, path: str, parameters: Mapping[str, str]) -> Page:
        answers, size = self._connection.answers(path, parameters)
        try:
            resources = [
                one for answer in answers for one in (answer.get("result") or {}).get("resourceSpans") or ()
            ]
            begins = _begins(resources)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._connection.not_a_jaeger() from None
        return Page(resources, len(begins), begins, size)


def _parameters(search: Search, start: int, end: int, depth: int) -> dict[str, str]:
    # Raw: as they were sent, before Jaeger's own adjustments of clocks.
    asked = {
        "query.service_name": search.service, "query.serviceName": search.service,
        "query.start_time_min": rfc3339(start), "query.startTimeMin": rfc3339(start),
        "query.start_time_max": rfc3339(end), "query.startTimeMax": rfc3339(end),
        "query.num_traces": str(depth), "query.searchDepth": str(depth),
        "query.raw_traces": "true", "query.rawTraces": "true",
    }  # fmt: skip
    if search.operation is not None:
        asked |= dict.fromkeys(("query.operation_name", "query.operationName"), search.operation)
    if search.attributes:
        asked["query.attributes"] = json.dumps(dict(search.attributes))
    return asked


def _begins(resources: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    begins: dict[str, int] = {}
    for span in spans_in(resources):
        # What cannot be read is counted by whoever reads the spans.
        trace_id, start = str(span.get("traceId")), str(span.get("startTimeUnixNano"))
        at = int(start) if start.isdigit() else 0
        begins[trace_id] = min(at, begins.get(trace_id, at))
    return begins


def spans_in(resources: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield OTLP's spans as they came."""
    for resource in resources:
        for scope in resource.get("scopeSpans") or ():
            yield from scope.get("spans") or ()


def rfc3339(nanoseconds: int) -> str:
    """Return a time since 1970 as Jaeger takes it."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
