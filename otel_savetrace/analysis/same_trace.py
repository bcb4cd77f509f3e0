"""Which of a trace's saves a witness's rows tell of, where there are several of either.

A request may be sent again under the same ids: by a server on the way that asks another host, or by the
browser itself, for which a kept connection that broke off before any answer is reason enough (RFC 9110, 9.2.2,
leaves that to it; Chromium does so with a POST too).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from otel_savetrace.analysis.known_routes import path_of
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import Span


def meant(rows: Sequence[Span], told: Sequence[Save]) -> dict[int, int]:
    """Return which save each row of one witness tells of, both by their numbers; all are of one trace.

    As many rows as saves of a path tell of them one after the other; else each tells of the last, as a server
    that tried again tells of nothing before. A row of another path tells of none, unless all have another:
    then a server on the way has changed it.
    """
    saves_on, rows_on = defaultdict(list), defaultdict(list)
    for number, save in enumerate(told):
        saves_on[path_of(save)].append(number)
    for number, row in enumerate(rows):
        rows_on[path_of(Save(row, (), {}))].append(number)
    if saves_on.keys().isdisjoint(rows_on):
        return _in_order(rows, range(len(rows)), told, range(len(told)))
    found: dict[int, int] = {}
    for path in saves_on.keys() & rows_on.keys():
        found |= _in_order(rows, rows_on[path], told, saves_on[path])
    return found


def _in_order(
    rows: Sequence[Span], some_rows: Sequence[int], told: Sequence[Save], some_told: Sequence[int]
) -> dict[int, int]:
    if len(some_rows) != len(some_told):
        last = max(some_told, key=lambda number: told[number].span.end_nanoseconds)
        return dict.fromkeys(some_rows, last)
    return dict(
        zip(
            sorted(some_rows, key=lambda number: rows[number].start_nanoseconds),
            sorted(some_told, key=lambda number: told[number].span.start_nanoseconds),
            strict=True,
        )
    )
