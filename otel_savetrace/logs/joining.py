"""One save, several witnesses: traces, an app's storage lines, access logs of the servers before it.

What a log tells is put on the save's own row, so that one save stays one. Where they disagree, the user got
what the front server sent, not what the app said; whether it is stored stays what the app or the store told.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.matching import match
from otel_savetrace.analysis.same_trace import left_by_browser, meant
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.sights import sight_of
from otel_savetrace.analysis.testimony import with_front
from otel_savetrace.logs.case import Case, Witness
from otel_savetrace.logs.joining_storage import join_storage
from otel_savetrace.spans.reading import Account, Reading
from otel_savetrace.spans.rows import Span

AMBIGUOUS_REQUEST = (
    "a request in a log that fits several saves, or a save that several requests fit: not joined"
)
SENT_AGAIN = "a request that the browser sent again before it came to the app"
UNPLACED = "a request that may be that of a save in a log without times: not joined"
Id: TypeAlias = tuple[str, str]
"""Trace and span id."""


def join(traced: Iterable[Span], logs: Sequence[Reading]) -> tuple[dict[Id, Span], list[Reading]]:
    """Join what logs tell to the saves of traces, and to one another.

    Returns the rows of traced saves that a log told more of, by their ids, and each log's reading with the
    rows that are left: the saves that it told of, those of them that nothing else knows included. What fits
    several saves is among its `skipped`.
    """
    cases = [Case(save, save.span, set(), traced=witness.has_trace(save.span)) for save in saves(traced)]
    accounts = [Account() for _ in logs]
    for number, log in enumerate(logs):
        join_storage(number, log, cases, accounts[number])
    for number, log in enumerate(logs):
        _join_access(number, log, cases, accounts[number])
    told = {(case.row.trace_id, case.row.span_id): case.row for case in cases if case.traced and case.told_by}
    return told, [
        dataclasses.replace(
            log,
            spans=tuple(_rows_of(number, log, cases)),
            skipped=(*log.skipped, *accounts[number].skipped()),
        )
        for number, log in enumerate(logs)
    ]


def _rows_of(number: int, log: Reading, cases: Sequence[Case]) -> Iterator[Span]:
    """Yield the rows of the saves that a log told of, and of the calls that only it knows."""
    kept = set()
    for case in cases:
        if any(log_number == number for log_number, _ in case.told_by):
            kept.add(case.row.span_id)
            yield case.row
    for span in log.spans:
        if span.kind != "server" and span.parent_span_id in kept:
            yield span


def _join_access(number: int, log: Reading, cases: list[Case], account: Account) -> None:
    of_scope: dict[str, list[Span]] = defaultdict(list)
    for span in log.spans:
        if witness.only_told_by_front(span):
            of_scope[span.scope].append(span)
    for scope, rows in of_scope.items():
        _join_rows((number, scope), rows, cases, account, log.name)


def _join_rows(by: Witness, rows: Sequence[Span], cases: list[Case], account: Account, where: str) -> None:
    left, has_ids = _joined_by_id(by, rows, cases, account, where)
    # Where a server's trace ids are those of the traces, a line whose id is in none has no trace.
    sights = {
        index: sight_of(row) for index, row in enumerate(left) if not (has_ids and _carries_trace_id(row))
    }
    open_cases = {
        index: sight_of(case.row, case.save) for index, case in enumerate(cases) if by not in case.told_by
    }
    strong = match(sights, {index: one for index, one in open_cases.items() if one.method is not None})
    # What nobody tells the request of is joined by its time, and by the thing saved.
    settled = {line for line, _ in strong.pairs} | strong.ambiguous
    weak = match(
        {index: one for index, one in sights.items() if index not in settled},
        {
            index: one
            for index, one in open_cases.items()
            if one.method is None and witness.UNTIMED not in cases[index].row.attributes
        },
    )
    pairs = dict((*strong.pairs, *weak.pairs))
    ambiguous = strong.ambiguous | weak.ambiguous
    unplaced = any(witness.UNTIMED in case.row.attributes and not case.traced for case in cases)
    for index, row in enumerate(left):
        if index in pairs:
            _hear(cases[pairs[index]], row, by)
        elif index in ambiguous:
            account.add(AMBIGUOUS_REQUEST, where)
        elif unplaced and row.attributes.get(attributes.OUTCOME) != attributes.FAILED:
            # It is the request of one of the saves whose log does not say when, most likely: it counts there.
            account.add(UNPLACED, where)
        else:
            cases.append(Case(Save(row, (), {}), row, {by}, traced=False))


def _joined_by_id(
    by: Witness, rows: Sequence[Span], cases: Sequence[Case], account: Account, where: str
) -> tuple[list[Span], bool]:
    """Join the rows whose trace id is a save's; return the others, and whether there was any such."""
    by_trace: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if by not in case.told_by:
            by_trace[case.save.trace_id].append(case)
    of_trace: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        ids = (row.trace_id, values.text(row.attributes.get(witness.FRONT_REQUEST_ID)) or "")
        of_trace[next((one for one in ids if one in by_trace), "")].append(row)
    left = of_trace.pop("", [])
    has_ids = len(left) < len(rows)
    for trace_id, told in of_trace.items():
        known = by_trace[trace_id]
        tells = meant(told, [case.save for case in known])
        of_none = left_by_browser(told, tells)
        for number, row in enumerate(told):
            if number in tells and by not in known[tells[number]].told_by:
                _hear(known[tells[number]], row, by)
            elif number in of_none:
                account.add(SENT_AGAIN, where)
            else:
                left.append(row)
    return left, has_ids


def _carries_trace_id(row: Span) -> bool:
    return row.attributes.get(witness.TRACE_ID_LOGGED) is True


def _hear(case: Case, row: Span, by: Witness) -> None:
    """Put what a front server's line tells on the row of a save."""
    case.told_by.add(by)
    case.row = with_front(case.save, case.row, row, traced=case.traced)
