"""The first time that an archive is read: each save's light row, and which traces cannot be told so."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import is_call, operation_of
from otel_savetrace.analysis.requests import Request, requests
from otel_savetrace.analysis.saves import Route, Save, answer_missing, route_of, thing_names, thing_of
from otel_savetrace.analysis.witnesses import ACCESS_LOG, is_browsers, is_fronts
from otel_savetrace.loading.archive import Archive, At, lines_read, trace_number
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.light_row import Fits, Row, row_of
from otel_savetrace.loading.light_shape import Shapes
from otel_savetrace.loading.waiting import Waiting
from otel_savetrace.spans.otlp import NotOtlpError, Place
from otel_savetrace.spans.otlp_outline import SERVER, Group, Kept, Outline, kept, read_outline, span_of_kept
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

    def __init__(self, table: LightTable, fits: Fits | None) -> None:
        self._table = table
        self._fits = fits
        self._disputed: set[int] = set()
        self._waiting = Waiting()
        self._cut: dict[int, Route] = {}
        self.routes: set[Route] = set()
        self._shapes = Shapes(frozenset(), table.named)

    def read(self, number: int, archive: Archive, at: At | None = None) -> bool:
        """Read one archive; return whether there was any span in it."""
        found = False
        self._shapes = Shapes(_learned(archive), self._table.named)
        for where, groups, spans in lines_read(archive, archive.account, at):
            found = found or bool(spans or groups)
            self._table.see(number, ((span.trace_id, span.span_id) for span in spans))
            for span in spans:
                self._take(number, span)
            requests_of_apps = [group for group in groups if not self._take_others(number, group)]
            # A request's calls stand before it, if not below a scope that comes later.
            for place, outlines in requests_of_apps:
                for one in outlines:
                    if one.kind == SERVER:
                        self._take_request(number, archive, one, place, where)
        return found

    def others(self) -> frozenset[int]:
        """Return the numbers of the traces that have to be read whole."""
        for trace in self._waiting.traces():
            self._table.write(trace)
        cut = [trace for trace, route in self._cut.items() if route in self.routes]
        return frozenset((*self._table.untold(), *cut, *self._disputed))

    def _take_others(self, number: int, group: Group) -> bool:
        """Take what is no request of an app; return whether the group holds none."""
        place, outlines = group
        self._table.see(number, ((one.trace_id, one.span_id) for one in outlines))
        if place.scope == attributes.BROWSER_SCOPE or place.scope.endswith(ACCESS_LOG):
            for one in outlines:
                self._take_witness(trace_number(one.trace_id), disputes=FAILED in bytes(one.attributes))
            return True
        for one in outlines:
            if one.kind != SERVER and _may_write(one, place):
                self._keep(one, place)
        return False

    def _take_request(
        self, number: int, archive: Archive, outline: Outline, place: Place, where: str
    ) -> None:
        calls = self._waiting.taken(trace_number(outline.trace_id))
        held = bytes(outline.attributes)
        told = OUTCOME in held
        simply = self._shapes.row(number, outline, place, self._fits) if told else None
        if simply is not None:
            self._write(*simply)
        elif told or calls or not (STATUSES[0] in held or STATUSES[1] in held):
            span = read_outline(outline, place, archive.account, where)
            if span is not None:
                self._take(number, span, calls)

    def _keep(self, call: Outline, place: Place) -> None:
        dropped = self._waiting.add(trace_number(call.trace_id), kept(call, place))
        if dropped is not None:
            self._table.write(dropped)

    def _take_witness(self, trace: int, *, disputes: bool) -> None:
        """Take a span of a browser or a front server: where it disputes what the app told, all is read."""
        self._table.write(trace)
        if disputes:
            self._disputed.add(trace)

    def _take(self, number: int, span: Span, calls: Sequence[Kept] = ()) -> None:
        if is_browsers(span) or is_fronts(span):
            disputes = span.attributes.get(attributes.OUTCOME) == attributes.FAILED
            self._take_witness(trace_number(span.trace_id), disputes=disputes)
        elif span.kind != "server":
            if is_call(span) and operation_of(span) in attributes.WRITES:
                self._table.write(trace_number(span.trace_id))
        elif attributes.OUTCOME in span.attributes:
            self.add(number, Save(span, (), thing_of(Request(span, ()), self._shapes.names)))
        elif answer_missing(span):
            if calls:
                self._table.write(trace_number(span.trace_id))
            route = route_of(span)
            if route is not None:
                self._cut[trace_number(span.trace_id)] = route
        elif calls:
            self._take_plain(number, span, calls)

    def _take_plain(self, number: int, span: Span, calls: Sequence[Kept]) -> None:
        """Take a request of plain OpenTelemetry, which is a save if it wrote."""
        for one in requests((span, *_read_calls(calls))):
            if one.span is span and one.writes:
                self.add(number, Save(span, one.calls, thing_of(one, self._shapes.names)))
                return
        self._table.write(trace_number(span.trace_id))

    def add(self, number: int, save: Save) -> None:
        """Write a save's light row."""
        fits = self._fits is None or self._fits(save)
        self._write(row_of(number, save, self._table.named, fits=fits), route_of(save.span))

    def _write(self, row: Row, route: Route | None) -> None:
        if route is not None:
            self.routes.add(route)
        self._table.add(row)


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
            found = (read_outline(one, place, unheard, where) for one in outlines)
            yield from (span for span in found if span is not None)
