"""The first time that an archive is read: each save's light row, and which traces cannot be told so."""

from __future__ import annotations

import contextlib
import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import is_call, operation_of
from otel_savetrace.analysis.requests import Request, requests
from otel_savetrace.analysis.saves import Route, Save, answer_missing, route_of, thing_names, thing_of
from otel_savetrace.analysis.witnesses import ACCESS_LOG, is_browsers, is_fronts
from otel_savetrace.loading.archive import Archive, At, lines_read, read, trace_number
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.light_span import light_span
from otel_savetrace.loading.waiting import Waiting
from otel_savetrace.spans.otlp import NotOtlpError, Place
from otel_savetrace.spans.otlp_outline import SERVER, Kept, Outline, kept, span_of_kept
from otel_savetrace.spans.reading import Account
from otel_savetrace.spans.rows import Span

OUTCOME = b'"savetrace.outcome"'
STATUSES = (b'"http.status_code"', b'"http.response.status_code"')
FAILED = b'"failed"'
OPERATION = b'"rpc.method"'
WRITING = re.compile("|".join(sorted(attributes.WRITES))).search
WRITING_BYTES = re.compile("|".join(sorted(attributes.WRITES)).encode()).search

SPANS_TO_LEARN_FROM = 5_000
"""Spans at the beginning of an archive by which it is learned which attributes name what was saved."""


class LightReading:
    """Reads archives for what their saves' own spans say, or with plain OpenTelemetry, those and their calls.

    After `read`, `others` has the traces that must be read whole to know whether there is a save in them:
    those that write without a span that tells an outcome, requests that were never answered, and those of
    which a browser or a front server tells alone, or of a failure. `routes` are those of the saves that are
    known.
    """

    def __init__(self, table: LightTable) -> None:
        self._table = table
        self._told = array("Q")
        self._writing = array("Q")
        self._disputed = array("Q")
        self._waiting = Waiting()
        self._cut: dict[int, Route] = {}
        self.routes: set[Route] = set()
        self._names: frozenset[str] = frozenset()

    def read(self, number: int, archive: Archive, at: At | None = None) -> None:
        """Read one archive."""
        self._names = _learned(archive)
        for where, groups, spans in lines_read(archive, archive.account, at):
            if not archive.spans:
                archive.identities.extend([hash((span.trace_id, span.span_id)) for span in spans])
            for span in spans:
                self._take(number, span)
            for place, outlines in groups:
                archive.identities.extend([hash((one.trace_id, one.span_id)) for one in outlines])
                witness = place.scope == attributes.BROWSER_SCOPE or place.scope.endswith(ACCESS_LOG)
                for one in outlines:
                    if witness:
                        disputes = FAILED in bytes(one.attributes)
                        self._take_witness(trace_number(one.trace_id), disputes=disputes)
                    elif one.kind == SERVER:
                        self._take_request(number, archive, one, place, where)
                    elif _may_write(one, place):
                        self._keep(one, place)

    def others(self) -> frozenset[int]:
        """Return the numbers of the traces that have to be read whole."""
        self._writing.extend(self._waiting.traces())
        writing, told = (np.unique(np.frombuffer(one, np.uint64)) for one in (self._writing, self._told))
        found = np.setdiff1d(writing, told, assume_unique=True).tolist()
        cut = [trace for trace, route in self._cut.items() if route in self.routes]
        return frozenset((*found, *cut, *self._disputed))

    def _take_request(
        self, number: int, archive: Archive, outline: Outline, place: Place, where: str
    ) -> None:
        calls = self._waiting.taken(trace_number(outline.trace_id))
        held = bytes(outline.attributes)
        told = OUTCOME in held
        if told or calls or not (STATUSES[0] in held or STATUSES[1] in held):
            span = light_span(outline, place) if told else None
            span = span or read(outline, place, archive.account, where)
            if span is not None:
                self._take(number, span, calls)

    def _keep(self, call: Outline, place: Place) -> None:
        dropped = self._waiting.add(trace_number(call.trace_id), kept(call, place))
        if dropped is not None:
            self._writing.append(dropped)

    def _take_witness(self, trace: int, *, disputes: bool) -> None:
        """Take a span of a browser or a front server: where it disputes what the app told, all is read."""
        self._writing.append(trace)
        if disputes:
            self._disputed.append(trace)

    def _take(self, number: int, span: Span, calls: Sequence[Kept] = ()) -> None:
        if is_browsers(span) or is_fronts(span):
            disputes = span.attributes.get(attributes.OUTCOME) == attributes.FAILED
            self._take_witness(trace_number(span.trace_id), disputes=disputes)
        elif span.kind != "server":
            if is_call(span) and operation_of(span) in attributes.WRITES:
                self._writing.append(trace_number(span.trace_id))
        elif attributes.OUTCOME in span.attributes:
            self._told.append(trace_number(span.trace_id))
            self.add(number, Save(span, (), thing_of(Request(span, ()), self._names)))
        elif answer_missing(span):
            self._writing.extend([trace_number(span.trace_id)] if calls else ())
            route = route_of(span)
            if route is not None:
                self._cut[trace_number(span.trace_id)] = route
        elif calls:
            self._take_plain(number, span, calls)

    def _take_plain(self, number: int, span: Span, calls: Sequence[Kept]) -> None:
        """Take a request of plain OpenTelemetry, which is a save if it wrote."""
        for one in requests((span, *_read_calls(calls))):
            if one.span is span and one.writes:
                self._told.append(trace_number(span.trace_id))
                self.add(number, Save(span, one.calls, thing_of(one, self._names)))
                return
        self._writing.append(trace_number(span.trace_id))

    def add(self, number: int, save: Save) -> None:
        """Write a save's light row."""
        route = route_of(save.span)
        if route is not None:
            self.routes.add(route)
        self._table.add(number, save)


def _may_write(outline: Outline, place: Place) -> bool:
    """Return whether a span may be a call that stores something, by what can be seen without reading it."""
    if WRITING(outline.name):
        return True
    if place.scope == attributes.SCOPE:
        return False
    held = bytes(outline.attributes)
    return OPERATION in held and WRITING_BYTES(held) is not None


def _read_calls(calls: Iterable[Kept]) -> Iterator[Span]:
    for one in calls:
        with contextlib.suppress(NotOtlpError):
            yield span_of_kept(one)


def _learned(archive: Archive) -> frozenset[str]:
    spans = itertools.islice(_spans(archive), SPANS_TO_LEARN_FROM)
    sure = (one for one in requests(spans) if attributes.OUTCOME in one.span.attributes or one.writes)
    return thing_names(one for one in sure if one.seen)


def _spans(archive: Archive) -> Iterator[Span]:
    unheard = Account()
    for where, groups, spans in lines_read(archive, unheard):
        yield from spans
        for place, outlines in groups:
            found = (read(one, place, unheard, where) for one in outlines)
            yield from (span for span in found if span is not None)
