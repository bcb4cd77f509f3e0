"""`load(sources, query)`: what a report needs of millions of saves, in bounded memory.

The archives are read twice. First each save's own span alone is parsed, and a light row of it kept in a table
(`light`): so many saves there are, so many failed. Then the saves that the report looks at are read in full:
all of them where there are few, else the failed ones (of each kind some, where they are many), what may be
their retries, those that worked near them in time, some that stand for the whole time, and the extremes.
"""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.analysis.findings import SaveCounts, SourceSeen
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.loading.archive import Archive, spans_of_traces
from otel_savetrace.loading.choosing import choose
from otel_savetrace.loading.gathering import gather
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.progress import Progress
from otel_savetrace.loading.reading_lightly import Fits, LightReading
from otel_savetrace.spans.reading import Query, each_once, gathering_no_garbage
from otel_savetrace.spans.rows import Span

TRACES_AT_ONCE = 20_000
"""Traces that are read whole at a time to find saves in them that do not tell their outcome."""


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """What the sources held.

    `counts`, `start` and `end` are of all saves that fit; `failed` is how many of all saves, fitting or not,
    failed or were never answered. `saves` are those read in full, oldest first, whether they fit or not:
    `complete` says that these are all there are, else they were chosen as this module's head tells, and
    `failed_read` of the failed ones are among them. `jaeger_address` is where the pages of a Jaeger stand
    that is one of the sources.
    """

    sources: tuple[SourceSeen, ...]
    counts: SaveCounts
    start: datetime.datetime | None
    end: datetime.datetime | None
    saves: tuple[Save, ...]
    complete: bool
    failed: int
    failed_read: int
    jaeger_address: str | None


def load(
    sources: Sequence[str],
    query: Query,
    *,
    fits: Fits = lambda save: True,
    window_seconds: float = WINDOW_SECONDS,
    progress: Progress | None = None,
) -> Loaded:
    """Read the sources; `fits` says of a save whether it is one of those asked for.

    It is asked with a save that has no calls, and must not look at them. Raises `SourceError` where a source
    cannot be read at all.
    """
    with tempfile.TemporaryDirectory(prefix="savetrace-") as made, gathering_no_garbage():
        folder = Path(made)
        archives = gather(sources, query, folder)
        shown = progress or Progress(shown=False)
        with shown, LightTable(folder) as table:
            reading = _read_lightly(archives, query, table, fits, shown)
            table.finish()
            wanted = choose(table.database, window_seconds)
            spans = [span for _, span in _spans(archives, wanted, "looking closer", shown)]
            found = [save for save in saves(each_once(spans), reading.routes) if _is_asked_for(save, query)]
            return _loaded(archives, table.database, found)


def _read_lightly(
    archives: Sequence[Archive], query: Query, table: LightTable, fits: Fits, progress: Progress
) -> LightReading:
    reading = LightReading(table, fits, lambda save: _is_asked_for(save, query))
    for number, archive in enumerate(archives):
        reading.read(number, archive, progress.step(f"reading {archive.name}", archive.bytes))
    done: frozenset[int] = frozenset()
    while waiting := sorted(reading.others() - done):
        for first in range(0, len(waiting), TRACES_AT_ONCE):
            traces = frozenset(waiting[first : first + TRACES_AT_ONCE])
            told: dict[tuple[str, str], int] = {}
            spans: list[Span] = []
            for number, span in _spans(archives, traces, "reading traces without outcome", progress):
                told.setdefault((span.trace_id, span.span_id), number)
                spans.append(span)
            for save in saves(each_once(spans), reading.routes):
                reading.add(told.get((save.trace_id, save.span.span_id), 0), save)
        done |= frozenset(waiting)
    return reading


def _spans(
    archives: Sequence[Archive], traces: frozenset[int], what: str, progress: Progress
) -> Iterator[tuple[int, Span]]:
    for number, archive in enumerate(archives):
        for span in spans_of_traces(archive, traces, progress.step(what, archive.bytes)):
            yield number, span


def _is_asked_for(save: Save, query: Query) -> bool:
    starts = save.span.start_nanoseconds
    return (
        (query.start_nanoseconds is None or starts >= query.start_nanoseconds)
        and (query.end_nanoseconds is None or starts <= query.end_nanoseconds)
        and query.service in {None, save.span.service}
    )


def _loaded(archives: Sequence[Archive], database: duckdb.DuckDBPyConnection, found: list[Save]) -> Loaded:
    ((total, succeeded, failed, unknown, start, end, held, failing),) = database.execute(
        "SELECT count(*) FILTER (fits), count(*) FILTER (fits AND outcome = 'succeeded'),"
        " count(*) FILTER (fits AND outcome = 'failed'), count(*) FILTER (fits AND outcome = 'unknown'),"
        " min(starts) FILTER (fits), max(starts) FILTER (fits), count(*), count(*) FILTER (failing)"
        " FROM light"
    ).fetchall()
    by_source = dict(database.execute("SELECT source, count(*) FROM light GROUP BY source").fetchall())
    seen = tuple(
        SourceSeen(one.kind, one.name, one.spans_seen(), by_source.get(number, 0), one.account.skipped())
        for number, one in enumerate(archives)
    )
    failed_read = sum(save.outcome == "failed" or _unanswered(save) for save in found)
    return Loaded(
        sources=seen,
        counts=SaveCounts(total, succeeded, failed, unknown),
        start=_moment(start),
        end=_moment(end),
        saves=tuple(found),
        complete=len(found) >= held,
        failed=failing,
        failed_read=failed_read,
        jaeger_address=next((one.jaeger_address for one in archives if one.jaeger_address), None),
    )


def _unanswered(save: Save) -> bool:
    return save.outcome == "unknown" and save.answered != "yes"


def _moment(nanoseconds: int | None) -> datetime.datetime | None:
    if nanoseconds is None:
        return None
    return datetime.datetime.fromtimestamp(nanoseconds / 1e9, tz=datetime.timezone.utc)
