"""The first time that an archive is read: each save's light row, and which traces cannot be told so."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import is_call, operation_of
from otel_savetrace.analysis.requests import Request, requests
from otel_savetrace.analysis.saves import Route, Save, answer_missing, route_of, thing_names, thing_of
from otel_savetrace.analysis.witnesses import ACCESS_LOG, is_browsers, is_fronts
from otel_savetrace.loading.archive import Archive, At, lines_read, parsed, trace_number
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.light_span import light_span
from otel_savetrace.loading.waiting import Waiting
from otel_savetrace.spans.cutting import IDS_END, Piece
from otel_savetrace.spans.reading import Account
from otel_savetrace.spans.rows import Span

SERVER = b'"kind":2'
OUTCOME = b'"savetrace.outcome"'
STATUSES = (b'"http.status_code"', b'"http.response.status_code"')
FAILED = b'"failed"'
S3 = b"S3"
WRITING = re.compile(b"|".join(name.encode() for name in sorted(attributes.WRITES))).search

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
        for where, line in lines_read(archive, archive.account, at):
            for one in line:
                if isinstance(one, Span):
                    if not archive.spans:
                        archive.identities.append(_identity(one))
                    self._take(number, one)
                else:
                    archive.identities.append(hash(one.text[:IDS_END]))
                    self._take_piece(number, archive, one, where)

    def others(self) -> frozenset[int]:
        """Return the numbers of the traces that have to be read whole."""
        self._writing.extend(self._waiting.traces())
        writing, told = (np.unique(np.frombuffer(one, np.uint64)) for one in (self._writing, self._told))
        found = np.setdiff1d(writing, told, assume_unique=True).tolist()
        cut = [trace for trace, route in self._cut.items() if route in self.routes]
        return frozenset((*found, *cut, *self._disputed))

    def _take_piece(self, number: int, archive: Archive, piece: Piece, where: str) -> None:
        text = piece.text
        if piece.place.scope == attributes.BROWSER_SCOPE or piece.place.scope.endswith(ACCESS_LOG):
            self._take_witness(trace_number(piece.trace_id), disputes=FAILED in text)
        elif SERVER in text:
            trace = trace_number(piece.trace_id)
            calls = self._waiting.taken(trace)
            answered = STATUSES[0] in text or STATUSES[1] in text
            told = OUTCOME in text
            if told or calls or not answered:
                span = light_span(piece) if told else None
                span = span or parsed(piece, archive.account, where)
                if span is not None:
                    self._take(number, span, calls)
        elif S3 in text and WRITING(text):
            dropped = self._waiting.add(trace_number(piece.trace_id), piece)
            if dropped is not None:
                self._writing.append(dropped)

    def _take_witness(self, trace: int, *, disputes: bool) -> None:
        """Take a span of a browser or a front server: where it disputes what the app told, all is read."""
        self._writing.append(trace)
        if disputes:
            self._disputed.append(trace)

    def _take(self, number: int, span: Span, calls: Sequence[Piece] = ()) -> None:
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

    def _take_plain(self, number: int, span: Span, calls: Sequence[Piece]) -> None:
        """Take a request of plain OpenTelemetry, which is a save if it wrote."""
        unheard = Account()
        read = [parsed(piece, unheard, "") for piece in calls]
        for one in requests((span, *(call for call in read if call is not None))):
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


def _identity(span: Span) -> int:
    return hash(b'{"traceId":"%b","spanId":"%b"' % (span.trace_id.encode(), span.span_id.encode()))


def _learned(archive: Archive) -> frozenset[str]:
    spans = itertools.islice(_spans(archive), SPANS_TO_LEARN_FROM)
    sure = (one for one in requests(spans) if attributes.OUTCOME in one.span.attributes or one.writes)
    return thing_names(one for one in sure if one.seen)


def _spans(archive: Archive) -> Iterable[Span]:
    unheard = Account()
    for where, line in lines_read(archive, unheard):
        for one in line:
            span = one if isinstance(one, Span) else parsed(one, unheard, where)
            if span is not None:
                yield span
