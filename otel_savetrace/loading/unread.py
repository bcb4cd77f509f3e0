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


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """Counts of the saves that fit; `errors` are those whose outcome is ``failed``."""

    saves: SaveCounts
    errors: Mapping[Kind, int]


NO_SAVES = Unread(SaveCounts(0, 0, 0, 0), {})


def unread_of(database: duckdb.DuckDBPyConnection, kinds: Places[Kind], read: Iterable[Save]) -> Unread:
    """Return what of the table `light` is not among the saves that were `read`, all of which fit."""
    held = list(read)
    by_outcome = database.execute("SELECT outcome, count(*) FROM light WHERE fits GROUP BY outcome")
    outcomes = Counter({OUTCOMES[outcome]: saves for outcome, saves in by_outcome.fetchall()})
    outcomes.subtract(save.outcome for save in held)
    by_kind = database.execute(
        "SELECT kind, count(*) FROM light WHERE fits AND outcome = $1 GROUP BY kind",
        [OUTCOMES.index("failed")],
    )
    errors = Counter({kinds.names[kind]: saves for kind, saves in by_kind.fetchall()})
    errors.subtract(kind_of(save) for save in held if save.outcome == "failed")
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
