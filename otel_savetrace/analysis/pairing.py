"""Which save is the retry of which: the SQL beside this module, run over a table of saves."""

from __future__ import annotations

import csv
import dataclasses
import re
import tempfile
from collections.abc import Hashable, Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb

from otel_savetrace import attributes
from otel_savetrace.analysis import identity, values
from otel_savetrace.analysis.partial import whole_things
from otel_savetrace.analysis.saves import Save

PairedBy = Literal["cookie", "memory", "inferred"]

Key: TypeAlias = tuple[str, str]
"""Trace and span id of a save."""

LATEST_NANOSECONDS = 2**63 - 1
"""The latest moment that the table holds; spans may tell later ones."""

MANY = 100_000
"""From so many saves on the work is shared among all cores."""

HEX = re.compile(r"[0-9a-f]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A retry and the save before it that failed, or whose answer never came."""

    retry: Key
    previous: Key
    paired_by: PairedBy


@dataclasses.dataclass(frozen=True, slots=True)
class Pairing:
    """What belongs together among some saves.

    `siblings` are failed saves of one thing that ran at once: none is the retry of another. `refuted` counts
    hints of a process's memory that the rows contradict, `disagreeing` the cookies by which another failed
    save came before than the rows alone would say: the cookie counts.
    """

    pairs: tuple[Pair, ...]
    siblings: tuple[tuple[Key, Key], ...]
    refuted: int
    disagreeing: int


def pair(saves: Iterable[Save], window_seconds: float) -> Pairing:
    """Pair the saves, given in any order."""
    held = list(saves)
    # To share little work out costs more than to do it.
    with duckdb.connect(config={"threads": 1} if len(held) < MANY else {}) as database:
        make_table(database)
        _fill(database, held)
        return pair_table(database, window_seconds)


def make_table(database: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table `saves`."""
    database.execute(_sql("saves.sql"))


def pair_table(database: duckdb.DuckDBPyConnection, window_seconds: float) -> Pairing:
    """Pair what the table `saves` holds."""
    # It would be drawn on standard output, where a script expects JSON.
    database.execute("SET enable_progress_bar = false")
    database.execute("SET VARIABLE window_nanoseconds = $1", [round(window_seconds * 1e9)])
    database.execute(_sql("pairing.sql"))
    pairs = database.execute(
        "SELECT retry.trace_id, retry.span_id, previous.trace_id, previous.span_id, paired_by FROM pairs"
        " JOIN numbered AS retry ON retry.save = pairs.retry"
        " JOIN numbered AS previous ON previous.save = pairs.previous"
    ).fetchall()
    siblings = database.execute(
        "SELECT save.trace_id, save.span_id, earlier.trace_id, earlier.span_id FROM siblings"
        " JOIN numbered AS save USING (save) JOIN numbered AS earlier ON earlier.save = siblings.earlier"
    ).fetchall()
    ((refuted, disagreeing),) = database.execute("SELECT refuted, disagreeing FROM tally").fetchall()
    return Pairing(
        tuple(Pair((row[0], row[1]), (row[2], row[3]), row[4]) for row in pairs),
        tuple(((row[0], row[1]), (row[2], row[3])) for row in siblings),
        refuted,
        disagreeing,
    )


def _fill(database: duckdb.DuckDBPyConnection, saves: Sequence[Save]) -> None:
    # A file is what DuckDB reads fastest without a further package: a hundred times faster than parameters.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saves.csv"
        with path.open("w", newline="", encoding="ascii") as file:
            csv.writer(file).writerows(_rows(saves))
        if path.stat().st_size:
            database.execute(f"COPY saves FROM '{path}' (FORMAT csv, HEADER false, AUTO_DETECT false)")


def _rows(saves: Sequence[Save]) -> Iterator[tuple[str | int | None, ...]]:
    numbers: dict[Hashable, int] = {}

    def number(value: Hashable) -> int | None:
        return numbers.setdefault(value, len(numbers)) if value else None

    for save, what in zip(saves, whole_things(saves), strict=True):
        who = identity.user(save)
        held = save.span.attributes
        yield (
            save.trace_id,
            save.span.span_id,
            min(save.span.start_nanoseconds, LATEST_NANOSECONDS),
            min(save.span.end_nanoseconds, LATEST_NANOSECONDS),
            save.outcome,
            save.answered,
            numbers.setdefault(save.span.service, len(numbers)),
            number(save.route),
            number(who),
            number(identity.agent(save)),
            number(what),
            len(who) + len(what),
            number(identity.first_content(save)),
            values.integer(held.get(attributes.REQUEST_BODY_SIZE)),
            _hex(save, attributes.PREVIOUS_TRACE_ID),
            _hex(save, attributes.PREVIOUS_SPAN_ID),
            recorded_by(save),
        )


def recorded_by(save: Save) -> Literal["cookie", "memory"] | None:
    """Return how a save knows the failed one before it; what is not said to be a cookie is only a hint."""
    if attributes.PREVIOUS_TRACE_ID not in save.span.attributes:
        return None
    return "cookie" if save.span.attributes.get(attributes.PAIRED_BY) == "cookie" else "memory"


def _hex(save: Save, name: str) -> str | None:
    told = values.text(save.span.attributes.get(name))
    return told if told and HEX.fullmatch(told) else None


def _sql(name: str) -> str:
    return (resources.files("otel_savetrace.analysis") / name).read_text(encoding="utf-8")
