"""One save, several witnesses: traces, an app's storage lines, access logs of the servers before it.

What a log tells is put on the save's own row, so that one save stays one. Where they disagree, the user got
what the front server sent, not what the app said; whether it is stored stays what the app or the store told.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, identity, values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.known_routes import path_of
from otel_savetrace.analysis.matching import NEVER, Sight, match
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.logs.times import SECOND
from otel_savetrace.spans.reading import Account, Reading
from otel_savetrace.spans.rows import AttributeValue, Span

AMBIGUOUS_REQUEST = (
    "a request in a log that fits several saves, or a save that several requests fit: not joined"
)
UNPLACED = "a request that may be that of a save in a log without times: not joined"
AMBIGUOUS_STORAGE = "a save in a log that fits several saves of the traces: not joined"

GAVE_UP = frozenset({408, 499, 502, 503, 504})
"""Statuses by which a front server ends a request whatever the app does."""

FAILED_FROM = 400
LEAST_WORD = 3
"""A shorter part of a path is in too many keys to tell anything."""

Id: TypeAlias = tuple[str, str]
"""Trace and span id."""

Witness: TypeAlias = tuple[int, str]
"""Number of a log, and the scope of the rows in it that are told by one program."""


@dataclasses.dataclass(slots=True)
class Case:
    """A save and the row that stands for it by now.

    `told_by` has of each log that told of it the number and the scope of its row.
    """

    save: Save
    row: Span
    told_by: set[Witness]
    traced: bool


def join(traced: Iterable[Span], logs: Sequence[Reading]) -> tuple[dict[Id, Span], list[Reading]]:
    """Join what logs tell to the saves of traces, and to one another.

    Returns the rows of traced saves that a log told more of, by their ids, and each log's reading with the
    rows that are left: the saves that it told of, those of them that nothing else knows included. What fits
    several saves is among its `skipped`.
    """
    cases = [Case(save, save.span, set(), traced=True) for save in saves(traced)]
    accounts = [Account() for _ in logs]
    for number, log in enumerate(logs):
        _join_storage(number, log, cases, accounts[number])
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


def _join_storage(number: int, log: Reading, cases: list[Case], account: Account) -> None:
    told = saves(span for span in log.spans if span.scope == witness.STORAGE_LOG)
    by_trace: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_trace[case.save.trace_id].append(case)
    left = []
    for save in told:
        known = [case for case in by_trace.get(save.trace_id, ()) if case.traced]
        if len(known) == 1:
            _note_storage(known[0], save, number)
        elif known:
            account.add(AMBIGUOUS_STORAGE, log.name)
        else:
            left.append(save)
    found = _by_call(left, [case for case in cases if case.traced])
    for index, save in enumerate(left):
        one = found.get(index)
        if isinstance(one, Case):
            _note_storage(one, save, number)
        elif one == _UNSURE:
            account.add(AMBIGUOUS_STORAGE, log.name)
        else:
            cases.append(Case(save, save.span, {(number, witness.STORAGE_LOG)}, traced=False))


_UNSURE = "several"


def _by_call(told: Sequence[Save], cases: Sequence[Case]) -> dict[int, Case | str]:
    """Return the case of each save of a log, by the key and the time of a call; `_UNSURE` for several."""
    calls = [(case, call) for case in cases for call in case.save.calls if call.key]
    keys = sorted({str(call.key) for _, call in calls})
    sights = {
        index: Sight((call.span.start_nanoseconds,) * 2, (call.span.end_nanoseconds,) * 2, route=call.key)
        for index, (_, call) in enumerate(calls)
    }
    lines: dict[int, Sight] = {}
    found: dict[int, Case | str] = {}
    for index, save in enumerate(told):
        held = save.span.attributes
        key = values.text(held.get(attributes.S3_KEY))
        if key is None:
            continue
        whole = _whole_key(key, keys) if held.get(witness.KEY_CUT) else key
        if held.get(witness.UNTIMED):
            if any(one == (whole or one) and one.startswith(key) for one in keys):
                found[index] = _UNSURE
        elif whole is not None:
            lines[index] = dataclasses.replace(_sight(save.span, save), route=whole)
    matched = match(lines, sights)
    # Without ids each call of a save is a save of its own in the log: several may be of one case.
    found |= {index: calls[call][0] for index, call in matched.pairs}
    return {**found, **dict.fromkeys(matched.ambiguous, _UNSURE)}


def _whole_key(beginning: str, keys: Sequence[str]) -> str | None:
    first = bisect.bisect_left(keys, beginning)
    fitting = [key for key in keys[first : first + 2] if key.startswith(beginning)]
    return fitting[0] if len(fitting) == 1 else None


def _join_access(number: int, log: Reading, cases: list[Case], account: Account) -> None:
    of_scope: dict[str, list[Span]] = defaultdict(list)
    for span in log.spans:
        if witness.only_told_by_front(span):
            of_scope[span.scope].append(span)
    for scope, rows in of_scope.items():
        _join_rows((number, scope), rows, cases, account, log.name)


def _join_rows(by: Witness, rows: Sequence[Span], cases: list[Case], account: Account, where: str) -> None:
    left, has_ids = _joined_by_id(by, rows, cases)
    # Where a server's trace ids are those of the traces, a line whose id is in none has no trace.
    sights = {
        index: _sight(row) for index, row in enumerate(left) if not (has_ids and _carries_trace_id(row))
    }
    open_cases = {
        index: _sight(case.row, case.save) for index, case in enumerate(cases) if by not in case.told_by
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
            _note_front(cases[pairs[index]], row, by)
        elif index in ambiguous:
            account.add(AMBIGUOUS_REQUEST, where)
        elif unplaced and row.attributes.get(attributes.OUTCOME) != attributes.FAILED:
            # It is the request of one of the saves whose log does not say when, most likely: it counts there.
            account.add(UNPLACED, where)
        else:
            cases.append(Case(Save(row, (), {}), row, {by}, traced=False))


def _joined_by_id(by: Witness, rows: Sequence[Span], cases: Sequence[Case]) -> tuple[list[Span], bool]:
    """Join the rows whose trace id is a save's; return the others, and whether there was any such."""
    by_trace: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_trace[case.save.trace_id].append(case)
    left = []
    for row in rows:
        ids = dict.fromkeys((row.trace_id, values.text(row.attributes.get(witness.FRONT_REQUEST_ID)) or ""))
        known = [case for one in ids for case in by_trace.get(one, ()) if by not in case.told_by]
        if len(known) > 1:
            known = [case for case in known if path_of(case.save) == row.attributes.get("url.path")]
        if len(known) == 1:
            _note_front(known[0], row, by)
        else:
            left.append(row)
    return left, len(left) < len(rows)


def _carries_trace_id(row: Span) -> bool:
    return row.attributes.get(witness.TRACE_ID_LOGGED) is True


def _knows_request(case: Case) -> bool:
    return conventions.either(case.row.attributes, "http.request.method") is not None


def _sight(row: Span, save: Save | None = None) -> Sight:
    held = row.attributes
    front = values.integer(held.get(witness.FRONT_STATUS))
    status = values.integer(conventions.either(held, "http.response.status_code"))
    method = values.text(conventions.either(held, "http.request.method"))
    route = values.text(held.get("http.route"))
    path = path_of(save or Save(row, (), {}))
    return Sight(
        start=_start(row),
        end=_end(row, save),
        method=method,
        path=path,
        route=f"{row.service} {route}" if route else None,
        status=status,
        agent=values.text(conventions.either(held, "user_agent.original")),
        body_size=values.integer(held.get(attributes.REQUEST_BODY_SIZE)),
        words=_words(path, save),
        gave_up=witness.only_told_by_front(row) and _gave_up(row, front),
    )


def _gave_up(row: Span, status: int | None) -> bool:
    return status in GAVE_UP and row.attributes.get(witness.UPSTREAM_ANSWERED) is not True


def _start(row: Span) -> tuple[int, int] | None:
    if witness.only_told_by_front(row):
        if witness.FRONT_SECONDS not in row.attributes:
            return None
        return row.start_nanoseconds, row.start_nanoseconds + _rounded(row)
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


def _note_storage(case: Case, told: Save, number: int) -> None:
    case.told_by.add((number, witness.STORAGE_LOG))
    held = {**case.row.attributes, witness.WITNESSES: _witnesses(case, witness.STORAGE_LOG)}
    if case.save.answered != "yes" and told.stored is not None:
        held.setdefault(attributes.STORED, told.stored)
    case.row = dataclasses.replace(case.row, attributes=held)


def _witnesses(case: Case, another: str) -> str:
    told = values.text(case.row.attributes.get(witness.WITNESSES)) or witness.TRACE
    return told if another in told.split(", ") else f"{told}, {another}"


def _note_front(case: Case, row: Span, by: Witness) -> None:
    """Put what a front server's line tells on the row of a save."""
    case.told_by.add(by)
    if not case.save.seen and case.traced:
        # The request's own span was lost, with its worker most likely: the line stands for it.
        case.row = dataclasses.replace(
            row, trace_id=case.save.trace_id, span_id=case.save.span.span_id, service=case.save.span.service,
            resource=case.save.span.resource,
            attributes={**case.row.attributes, **row.attributes, witness.APP_STATUS: witness.NO_ANSWER,
                        witness.WITNESSES: _witnesses(case, row.scope)},
        )  # fmt: skip
        return
    held = {**_of_request(row, case), **case.row.attributes}
    held[witness.WITNESSES] = _witnesses(case, row.scope)
    status = values.integer(row.attributes.get(witness.FRONT_STATUS)) or 0
    told = {name: value for name, value in row.attributes.items() if name in witness.OF_THE_FRONT_SERVER}
    before = values.integer(held.get(witness.FRONT_STATUS))
    if before is None or (before < FAILED_FROM <= status):
        held |= told
        held |= _what_the_user_got(case, status)
    else:
        held = {**told, **held}
    service = case.row.service or row.service
    case.row = dataclasses.replace(case.row, attributes=held, service=service)


def _of_request(row: Span, case: Case) -> dict[str, AttributeValue]:
    """Return what a line knows of its request, for a save of which nothing else does."""
    if _knows_request(case):
        return {}
    names = {
        "http.request.method", "http.route", "url.path", "user_agent.original", "client.address",
        attributes.REQUEST_BODY_SIZE, *conventions.own_names(row.attributes),
    }  # fmt: skip
    return {name: value for name, value in row.attributes.items() if name in names}


def _what_the_user_got(case: Case, status: int) -> Mapping[str, AttributeValue]:
    """Return what changes by the status that the front server sent."""
    of_app = case.save.status_code
    changed: dict[str, AttributeValue] = {}
    if case.traced and of_app != status:
        changed[witness.APP_STATUS] = witness.NO_ANSWER if of_app is None else of_app
    if of_app != status and (status >= FAILED_FROM or of_app is None):
        changed["http.response.status_code"] = status
    if status >= FAILED_FROM and case.save.outcome != "failed":
        changed[attributes.OUTCOME] = attributes.FAILED
        phrase = witness.phrase(status)
        if phrase is not None:
            changed[attributes.USER_ERROR] = phrase
    return changed
