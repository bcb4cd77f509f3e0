"""Joins an app's storage lines to the saves of traces: by trace id, else by key and time of a call."""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.matching import Sight, match
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.sights import sight_of
from otel_savetrace.analysis.testimony import heard
from otel_savetrace.logs.case import Case
from otel_savetrace.spans.reading import Account, Reading

AMBIGUOUS_STORAGE = "a save in a log that fits several saves of the traces: not joined"


def join_storage(number: int, log: Reading, cases: list[Case], account: Account) -> None:
    """Put what a log's storage lines tell on the cases; a case more for each save that only they know."""
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
            lines[index] = dataclasses.replace(sight_of(save.span, save), route=whole)
    matched = match(lines, sights)
    # Without ids each call of a save is a save of its own in the log: several may be of one case.
    found |= {index: calls[call][0] for index, call in matched.pairs}
    return {**found, **dict.fromkeys(matched.ambiguous, _UNSURE)}


def _whole_key(beginning: str, keys: Sequence[str]) -> str | None:
    first = bisect.bisect_left(keys, beginning)
    fitting = [key for key in keys[first : first + 2] if key.startswith(beginning)]
    return fitting[0] if len(fitting) == 1 else None


def _note_storage(case: Case, told: Save, number: int) -> None:
    case.told_by.add((number, witness.STORAGE_LOG))
    held = heard(case.row, witness.STORAGE_LOG)
    if case.save.answered != "yes" and told.stored is not None:
        held.setdefault(attributes.STORED, told.stored)
    case.row = dataclasses.replace(case.row, attributes=held)
