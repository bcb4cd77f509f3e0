"""The saves that were not read in full: how many of each outcome they are, and of each error."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import duckdb

from otel_savetrace.analysis.errors import Kind, kind_of
from otel_savetrace.analysis.findings import ErrorFound, SaveCounts
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.shares import share
from otel_savetrace.loading.light_row import OUTCOMES, Places
from otel_savetrace.spans.reading import Ending


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """Counts of the saves that fit; `errors` are those whose outcome is ``failed``."""

    saves: SaveCounts
    errors: Mapping[Kind, int]


NO_SAVES = Unread(SaveCounts(0, 0, 0, 0), {})


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """Counts of all saves, those that do not fit too, and as in `Unread` of those that do."""

    saves: int
    failing: int
    outcomes: Counter[str]
    errors: Counter[Kind]


def counted(database: duckdb.DuckDBPyConnection, kinds: Places[Kind]) -> Counted:
    """Count what is in the table `light`."""
    ((saves, failing),) = database.execute("SELECT count(*), count(*) FILTER (failing) FROM light").fetchall()
    by_outcome = database.execute("SELECT outcome, count(*) FROM light WHERE fits GROUP BY outcome")
    outcomes = Counter({OUTCOMES[outcome]: held for outcome, held in by_outcome.fetchall()})
    by_kind = database.execute(
        "SELECT kind, count(*) FROM light WHERE fits AND outcome = $1 GROUP BY kind",
        [OUTCOMES.index("failed")],
    )
    errors = Counter({kinds.names[kind]: held for kind, held in by_kind.fetchall()})
    return Counted(saves, failing, Counter[str](outcomes), errors)


def unread_of(every: Counted, read: Iterable[Save]) -> Unread:
    """Return what was counted and is not among the saves that were `read`, all of which fit."""
    held = list(read)
    outcomes, errors = every.outcomes.copy(), every.errors.copy()
    outcomes.subtract(save.outcome for save in held)
    errors.subtract(kind_of(save) for save in held if save.outcome == "failed")
    return _unread(outcomes, errors)


def unread_of_log(counts: Mapping[Ending, int]) -> Unread:
    """Return what was no more than counted as a log was read."""
    outcomes: Counter[str] = Counter()
    errors: Counter[Kind] = Counter()
    for (outcome, code, stage), saves in counts.items():
        outcomes[outcome] += saves
        errors[code, stage] += saves if outcome == "failed" else 0
    return _unread(outcomes, errors)


def _unread(outcomes: Counter[str], errors: Counter[Kind]) -> Unread:
    return Unread(
        SaveCounts(outcomes.total(), outcomes["succeeded"], outcomes["failed"], outcomes["unknown"]), +errors
    )


def errors_of_all(found: Sequence[ErrorFound], unread: Unread) -> tuple[ErrorFound, ...]:
    """Return the errors that were found with the saves that were not read, the most frequent first."""
    counts = Counter({(one.code, one.stage): one.saves for one in found})
    counts.update(unread.errors)
    known = {(one.code, one.stage): one for one in found}
    every = counts.total()
    made = [
        dataclasses.replace(
            known.get(kind) or ErrorFound(*kind, saves, share(saves, every), None, ()),
            saves=saves,
            share=share(saves, every),
        )
        for kind, saves in counts.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.saves, one.code, one.stage or "")))
