"""Which of a trace's saves a witness's rows tell of, where there are several of either.

A request may be sent again under the same ids: by a server on the way that asks another host, or by the
browser itself where a connection that had served before broke off (Chromium does so with a POST too:
``HttpNetworkTransaction::ShouldResendRequest``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.known_routes import path_of
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import Span

_ROUNDED = 1_000_000
"""Nanoseconds that a log may have cut off its times."""


def meant(rows: Sequence[Span], told: Sequence[Save]) -> dict[int, int]:
    """Return which save each row of one witness tells of, both by their numbers; all are of one trace.

    As many rows as saves of a path tell of them one after the other; else each tells of the last that began
    while it was under way, as a server that tried again tells of nothing before. A row of another path tells
    of none, unless all have another: then a server on the way has changed it.
    """
    requests = [save.span for save in told]
    rows_on, told_on = _by_path(rows), _by_path(requests)
    shared = rows_on.keys() & told_on.keys()
    if not shared:
        return _one_after_the_other(rows, _begun(rows), requests, _begun(requests))
    found: dict[int, int] = {}
    for path in shared:
        found |= _one_after_the_other(rows, rows_on[path], requests, told_on[path])
    return found


def left_by_browser(rows: Sequence[Span], found: Mapping[int, int]) -> set[int]:
    """Return the rows, by their numbers, of requests that never came to the app, and were sent again.

    The browser was gone for the front server, which has a later row of a save of this trace.
    """
    last = max((rows[number].start_nanoseconds for number in found), default=0)
    return {
        number
        for number, row in enumerate(rows)
        if number not in found
        and row.start_nanoseconds < last
        and row.attributes.get(witness.FRONT_STATUS) == witness.CLIENT_GONE
    }


def _begun(spans: Sequence[Span]) -> list[int]:
    """Return the numbers of some spans in the order in which these began."""
    return sorted(range(len(spans)), key=lambda number: spans[number].start_nanoseconds)


def _by_path(spans: Sequence[Span]) -> dict[str | None, list[int]]:
    found: dict[str | None, list[int]] = defaultdict(list)
    for number in _begun(spans):
        found[path_of(spans[number])].append(number)
    return dict(found)


def _one_after_the_other(
    rows: Sequence[Span], some_rows: Sequence[int], told: Sequence[Span], some_told: Sequence[int]
) -> dict[int, int]:
    """Return which of some saves each of some rows tells of; both are in the order in which they began."""
    if len(some_rows) == len(some_told):
        return dict(zip(some_rows, some_told, strict=True))
    found = {
        row: begun[-1]
        for row in some_rows
        if (begun := [save for save in some_told if _began_within(rows[row], told[save])])
    }
    # Clocks of two hosts may be further apart than a request is long.
    return found or dict.fromkeys(some_rows, some_told[-1])


def _began_within(row: Span, save: Span) -> bool:
    begun = save.start_nanoseconds
    return row.start_nanoseconds - _ROUNDED <= begun <= row.end_nanoseconds + _ROUNDED
