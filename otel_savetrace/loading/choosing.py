"""Which saves are read in full: all where they are few, else what the SQL beside this module names."""

from __future__ import annotations

from importlib import resources

import duckdb

MOST_IN_FULL = 15_000
"""Saves that are read in full without choosing: some 200 MB of memory."""

MOST_FAILED = 3_000
"""Failed saves that are read in full where there are more saves than that."""

MOST_CONTROLS = 6_000
"""Saves that worked near failed ones, about."""

MOST_OVERALL = 1_500
"""Saves that worked and stand for the whole time."""

LEAST_EACH_SIDE, MOST_EACH_SIDE = 2, 40


def choose(database: duckdb.DuckDBPyConnection, window_seconds: float) -> frozenset[int]:
    """Return the numbers of the traces to be read in full; of a table `light`."""
    ((held, failing),) = database.execute("SELECT count(*), count(*) FILTER (failing) FROM light").fetchall()
    if held <= MOST_IN_FULL:
        return _numbers(database, "SELECT DISTINCT trace FROM light")
    each_side = MOST_CONTROLS // max(2 * min(failing, MOST_FAILED), 1)
    for name, value in (
        ("window_nanoseconds", round(window_seconds * 1e9)),
        ("most_failed", MOST_FAILED),
        ("most_overall", MOST_OVERALL),
        ("each_side", min(max(each_side, LEAST_EACH_SIDE), MOST_EACH_SIDE)),
    ):
        database.execute(f"SET VARIABLE {name} = $1", [value])
    database.execute((resources.files(__package__) / "choosing.sql").read_text(encoding="utf-8"))
    return _numbers(database, "SELECT DISTINCT trace FROM chosen")


def _numbers(database: duckdb.DuckDBPyConnection, query: str) -> frozenset[int]:
    return frozenset(number for (number,) in database.execute(query).fetchall())
