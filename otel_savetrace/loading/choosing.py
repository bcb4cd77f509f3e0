"""Which saves are read in full: all where they are few, else what the SQL beside this module names."""

from __future__ import annotations

import dataclasses
from importlib import resources

import duckdb

from otel_savetrace.loading.light_row import OUTCOMES

LEAST_EACH_SIDE, MOST_EACH_SIDE = 2, 40
"""Saves that worked before a failed one, and after it; with the least, not all failed ones have their own."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """How many saves are read in full; ten thousand take some 150 MB of memory.

    `in_full` are read without choosing. Where there are more: `failed` of those that failed, about `controls`
    that worked near them, and `overall` that worked and stand for the whole time.
    """

    in_full: int = 15_000
    failed: int = 10_000
    controls: int = 6_000
    overall: int = 1_500


def choose(database: duckdb.DuckDBPyConnection, window_seconds: float, bounds: Bounds) -> frozenset[int]:
    """Return the numbers of the traces to be read in full; of a table `light`."""
    ((held, failing),) = database.execute("SELECT count(*), count(*) FILTER (failing) FROM light").fetchall()
    if held <= bounds.in_full:
        return _numbers(database, "SELECT DISTINCT trace FROM light")
    wanted = bounds.controls // max(2 * failing, 1)
    each_side = min(max(wanted, LEAST_EACH_SIDE), MOST_EACH_SIDE)
    for name, value in (
        ("window_nanoseconds", round(window_seconds * 1e9)),
        ("most_failed", bounds.failed),
        ("most_overall", bounds.overall),
        ("each_side", each_side),
        ("succeeded", OUTCOMES.index("succeeded")),
        ("most_held_against", max(bounds.controls // (2 * each_side), 1)),
    ):
        database.execute(f"SET VARIABLE {name} = $1", [value])
    database.execute((resources.files(__package__) / "choosing.sql").read_text(encoding="utf-8"))
    return _numbers(database, "SELECT DISTINCT trace FROM chosen")


def _numbers(database: duckdb.DuckDBPyConnection, query: str) -> frozenset[int]:
    # Of a thing that was never saved there is no first save that worked.
    return frozenset(number for (number,) in database.execute(query).fetchall() if number is not None)
