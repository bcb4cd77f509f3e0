"""Hears browsers and front servers, whose spans stand beside the app's: one save stays one.

What they tell of a save of the app is put on that save's own row. What they alone tell of is a save too where
it failed: it never reached the app, or nothing of it was left there.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.known_routes import STORING_METHODS, Routes, path_of
from otel_savetrace.analysis.matching import match
from otel_savetrace.analysis.same_trace import left_by_browser, meant
from otel_savetrace.analysis.save import Route, Save
from otel_savetrace.analysis.sights import sight_of
from otel_savetrace.analysis.testimony import FAILED_FROM, of_browser_alone, with_browser, with_front
from otel_savetrace.spans.rows import Span

PAGE_CLOSED = "page_closed"
"""What a browser says of a save under way when its page was left."""


def parted(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Return the app's own spans, and those of browsers and front servers."""
    own: list[Span] = []
    of_witnesses: dict[tuple[str, str], Span] = {}
    for span in spans:
        if witness.is_browsers(span) or witness.is_fronts(span):
            of_witnesses[span.trace_id, span.span_id] = span
        else:
            own.append(span)
    return own, list(of_witnesses.values())


def heard(told: Sequence[Save], spans: Sequence[Span], routes: Set[Route] = frozenset()) -> list[Save]:
    """Return the saves with what browsers and front servers tell of them, and those that only they know.

    `told` are the app's saves, `spans` the others', `routes` those that are known to be saves' beside the
    app's. The browser is heard last, as its word counts most.
    """
    if not spans:
        return list(told)
    fronts = [_with_status(span) for span in spans if not witness.is_browsers(span)]
    browsers = [span for span in spans if witness.is_browsers(span)]
    known = Routes(told, routes)
    found = _heard(told, fronts, known)
    return _with_retries(_heard(found, browsers, known))


def _with_retries(found: Sequence[Save]) -> list[Save]:
    """Return the saves; a failed one that a browser knows by its own span is known here by the app's."""
    spans = {
        (save.trace_id, span_id): save.span.span_id
        for save in found
        if (span_id := values.text(save.span.attributes.get(witness.BROWSER_SPAN_ID))) is not None
    }
    return [_told_of_retry(save, spans) for save in found]


def _told_of_retry(save: Save, spans: Mapping[tuple[str, str], str]) -> Save:
    held = save.span.attributes
    names = (attributes.PREVIOUS_TRACE_ID, attributes.PREVIOUS_SPAN_ID)
    trace_id, span_id = (values.text(held.get(name)) for name in names)
    of_app = spans.get((trace_id or "", span_id or ""))
    if of_app is None or of_app == span_id:
        return save
    changed = {**held, attributes.PREVIOUS_SPAN_ID: of_app}
    return dataclasses.replace(save, span=dataclasses.replace(save.span, attributes=changed))


def _with_status(span: Span) -> Span:
    """Return a front server's span as the row that its log would have made."""
    held = dict(span.attributes)
    status = values.integer(conventions.either(held, "http.response.status_code"))
    failed = (status or 0) >= FAILED_FROM
    held[attributes.OUTCOME] = attributes.FAILED if failed else attributes.UNKNOWN
    held[witness.WITNESSES] = span.scope
    held.setdefault(witness.FRONT_SECONDS, values.seconds(span))
    if status is not None:
        held.setdefault(witness.FRONT_STATUS, status)
        if failed:
            held.setdefault(attributes.USER_ERROR, witness.phrase(status))
    return dataclasses.replace(
        span, attributes={name: value for name, value in held.items() if value is not None}
    )


def _heard(told: Sequence[Save], rows: Sequence[Span], known: Routes) -> list[Save]:
    of_save, of_none = _by_trace(told, rows)
    of_save |= _sent_again(told, of_save)
    by_trace = {id(row) for found in (*of_save.values(), of_none) for row in found}
    left = [row for row in rows if id(row) not in by_trace and _is_a_saves(row, known)]
    of_save |= _by_time(told, left, set(of_save), ids_tell=bool(by_trace))
    placed = {id(row) for found in of_save.values() for row in found}
    found = [_told_more(save, of_save.get(number, ())) for number, save in enumerate(told)]
    alone = (row for row in left if id(row) not in placed)
    # Where the app is silent, whatever is told is a save.
    silent = not told and not known
    return found + [_alone(row, known) for row in alone if silent or _has_failed(row)]


def _by_trace(told: Sequence[Save], rows: Sequence[Span]) -> tuple[dict[int, list[Span]], list[Span]]:
    """Return for saves, by their numbers, the rows of their traces; and rows there that tell of no save."""
    of_trace: dict[str, list[int]] = defaultdict(list)
    for number, save in enumerate(told):
        of_trace[save.trace_id].append(number)
    of_witness: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.start_nanoseconds):
        if row.trace_id in of_trace:
            of_witness[row.trace_id, row.scope].append(row)
    found: dict[int, list[Span]] = defaultdict(list)
    of_none: list[Span] = []
    for (trace_id, _), of_one in of_witness.items():
        numbers = of_trace[trace_id]
        tells = meant(of_one, [told[number] for number in numbers])
        for row_number, index in tells.items():
            found[numbers[index]].append(of_one[row_number])
        of_none += [of_one[row_number] for row_number in left_by_browser(of_one, tells)]
    return dict(found), of_none


def _sent_again(told: Sequence[Save], of_save: Mapping[int, list[Span]]) -> dict[int, list[Span]]:
    """Return for saves that a browser sent again by itself, by their numbers, its row of that.

    The front server took it for a user who was gone; but the user saw nothing of it.
    """
    sent = {(row.trace_id, row.span_id): row for rows in of_save.values() for row in rows}
    return {
        number: [row]
        for number, save in enumerate(told)
        if number not in of_save
        and (row := sent.get((save.trace_id, save.span.parent_span_id or ""))) is not None
        and witness.is_browsers(row)
        and save.span.attributes.get(witness.FRONT_STATUS) == witness.CLIENT_GONE
        and attributes.ERROR_CODE not in save.span.attributes
    }


def _by_time(
    told: Sequence[Save], rows: Sequence[Span], but: Set[int], *, ids_tell: bool
) -> dict[int, list[Span]]:
    """Return for saves the rows that fit them, and nothing else, by time and request.

    A form's trace ends in the browser. Where others' ids are those of the app's traces, a row that should
    have been in one is of a request that never arrived.
    """
    lines = {number: sight_of(row) for number, row in enumerate(rows) if _is_forms(row) or not ids_tell}
    open_saves = {number: sight_of(save.span, save) for number, save in enumerate(told) if number not in but}
    return {save: [rows[line]] for line, save in match(lines, open_saves).pairs} if lines else {}


def _is_forms(row: Span) -> bool:
    return witness.is_browsers(row) and row.attributes.get(attributes.BROWSER_JOINED) is not True


def _is_a_saves(row: Span, known: Routes) -> bool:
    method, path = _request(row)
    return known.known(method, path) is not None if known else method in STORING_METHODS


def _request(row: Span) -> tuple[str, str]:
    method = values.text(conventions.either(row.attributes, "http.request.method")) or ""
    return method, path_of(row) or ""


def _told_more(save: Save, rows: Iterable[Span]) -> Save:
    for row in rows:
        if witness.is_browsers(row):
            more = with_browser(save, row)
        else:
            more = with_front(save, save.span, row, traced=witness.has_trace(save.span))
        save = dataclasses.replace(save, span=more)
    return save


def _has_failed(row: Span) -> bool:
    """Return whether a request that the app has nothing of failed: what went well was left out there.

    A page that was closed did not see the end; where the app has nothing of it there was none.
    """
    held = row.attributes
    closed = held.get(attributes.ERROR_CODE) == PAGE_CLOSED and witness.is_browsers(row)
    return held.get(attributes.OUTCOME) == attributes.FAILED or closed


def _alone(row: Span, known: Routes) -> Save:
    made = of_browser_alone(row) if witness.is_browsers(row) else row
    route = known.known(*_request(row))
    if route is None:
        return Save(made, (), {})
    held = {**made.attributes, "http.route": route.route, **route.thing}
    return Save(dataclasses.replace(made, service=route.service, attributes=held), (), dict(route.thing))
