"""What a row, or a save, shows of its request, to be held against what another witness shows of it."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, identity, values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.known_routes import path_of
from otel_savetrace.analysis.matching import NEVER, SECOND, Sight
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import Span

GAVE_UP = frozenset({408, 499, 502, 503, 504})
"""Statuses by which a front server ends a request whatever the app does."""

LEAST_WORD = 3
"""A shorter part of a path is in too many keys to tell anything."""


def sight_of(row: Span, save: Save | None = None) -> Sight:
    """Return what a row shows; it is that of `save` by now, or a witness's own."""
    held = row.attributes
    status = values.integer(conventions.either(held, "http.response.status_code"))
    route = values.text(held.get("http.route"))
    path = path_of(save.span if save else row)
    return Sight(
        start=_start(row),
        end=_end(row, save),
        method=values.text(conventions.either(held, "http.request.method")),
        path=path,
        route=f"{row.service} {route}" if route else None,
        # A browser's is that of the page which it was sent on to.
        status=None if witness.is_browsers(row) else status,
        agent=values.text(conventions.either(held, "user_agent.original")),
        body_size=values.integer(held.get(attributes.REQUEST_BODY_SIZE)),
        words=_words(path, save),
        gave_up=_gave_up(row),
    )


def _gave_up(row: Span) -> bool:
    """Return whether a witness did not wait for the app, whose own end may come later."""
    if witness.is_browsers(row):
        return row.attributes.get(attributes.OUTCOME) == attributes.FAILED
    status = values.integer(row.attributes.get(witness.FRONT_STATUS))
    return (
        witness.only_told_by_front(row)
        and status in GAVE_UP
        and row.attributes.get(witness.UPSTREAM_ANSWERED) is not True
    )


def _start(row: Span) -> tuple[int, int] | None:
    if witness.only_told_by_front(row) and witness.FRONT_SECONDS not in row.attributes:
        return None
    return row.start_nanoseconds, row.start_nanoseconds + _rounded(row)


def _end(row: Span, save: Save | None) -> tuple[int, int]:
    end = row.end_nanoseconds
    if save is not None and save.answered != "yes":
        return end, NEVER
    return end, end + _rounded(row)


def _rounded(row: Span) -> int:
    """Return what a log may have cut off its times: those of a trace are exact."""
    if not witness.is_told_by_log(row):
        return 0
    return SECOND - 1 if row.end_nanoseconds % SECOND == 0 else SECOND // 1000


def _words(path: str | None, save: Save | None) -> frozenset[str]:
    told = [path or ""]
    if save is not None:
        told += [value for _, value in identity.thing(save)]
        told += [call.key or "" for call in save.calls]
    return frozenset(word for one in told for word in one.split("/") if len(word) >= LEAST_WORD)
