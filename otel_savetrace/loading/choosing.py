"""Which saves are read in full: all where they are few, else what the SQL beside this module names."""

from __future__ import annotations

import dataclasses
from importlib import resources

import duckdb

LEAST_EACH_SIDE, MOST_EACH_SIDE = 2, 40


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
    each_side = bounds.controls // max(2 * min(failing, bounds.failed), 1)
    for name, value in (
        ("window_nanoseconds", round(window_seconds * 1e9)),
        ("most_failed", bounds.failed),
        ("most_overall", bounds.overall),
        ("each_side", min(max(each_side, LEAST_EACH_SIDE), MOST_EACH_SIDE)),
    ):
        database.execute(f"SET VARIABLE {name} = $1", [value])
    database.execute((resources.files(__package__) / "choosing.sql").read_text(encoding="utf-8"))
    return _numbers(database, "SELECT DISTINCT trace FROM chosen")


def _numbers(database: duckdb.DuckDBPyConnection, query: str) -> frozenset[int]:
    return frozenset(number for (number,) in database.execute(query).fetchall())
