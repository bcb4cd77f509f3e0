"""`load(sources, query)`: what a report needs of millions of saves, in bounded memory.

What is small is read whole. Large files are read twice. First each save's own span alone is parsed, and a
light row of it kept in a table (`light`): so many saves there are, so many failed. Then the saves that the
report looks at are read in full: all of them where there are few, else the failed ones (of each kind some,
where they are very many), what may be their retries, those that worked near them in time, some that stand
for the whole time, and the extremes.
"""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.analysis.exhibits import Moment, moments
from otel_savetrace.analysis.findings import Report, Sample, SaveCounts, SourceSeen
from otel_savetrace.analysis.saves import Route, Save, saves
from otel_savetrace.loading.archive import Archive, spans_of_traces
from otel_savetrace.loading.choosing import Bounds, choose
from otel_savetrace.loading.gathering import LARGE_BYTES, gather
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.light_row import Fits, is_failing
from otel_savetrace.loading.moments import all_moments
from otel_savetrace.loading.progress import Progress
from otel_savetrace.loading.reading_lightly import LightReading
from otel_savetrace.loading.unread import (
    NO_SAVES,
    Counted,
    Unread,
    counted,
    errors_of_all,
    unread_of,
    unread_of_log,
)
from otel_savetrace.spans.otlp_json import refuse_what_is_not_otlp
from otel_savetrace.spans.reading import Query, each_once, gathering_no_garbage
from otel_savetrace.spans.rows import Span

TRACES_AT_ONCE = 20_000
"""Traces that are read whole at a time to find saves in them that do not tell their outcome."""

ALL = Query()
BOUNDS = Bounds()


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """What the sources held.

    `saves` are those read in full, oldest first, whether they fit or not, and `spans` all of their traces;
    `sample` tells how many there are beside them, None where no more were left out than a log holds too many.
    `moments` has every save that fits, read in full or not; `unread` counts those that were not.
    `jaeger_address` is where the pages of a Jaeger stand that is one of the sources.
    """

    sources: tuple[SourceSeen, ...]
    saves: tuple[Save, ...]
    spans: tuple[Span, ...]
    moments: Sequence[Moment]
    sample: Sample | None
    unread: Unread
    jaeger_address: str | None

    def completed(self, report: Report) -> Report:
        """Return a report on `saves` with the counts, the errors and the time of all saves that fit."""
        if self.sample is None and self.unread == NO_SAVES:
            return report
        read, unread = report.saves, self.unread.saves
        return dataclasses.replace(
            report,
            saves=SaveCounts(
                read.total + unread.total,
                read.succeeded + unread.succeeded,
                read.failed + unread.failed,
                read.unknown + unread.unknown,
            ),
            errors=errors_of_all(report.errors, self.unread),
            start=_moment(self.moments[0]) if self.moments else None,
            end=_moment(self.moments[-1]) if self.moments else None,
            sample=self.sample,
        )


def load(
    sources: Sequence[str],
    query: Query = ALL,
    *,
    fits: Fits | None = None,
    window_seconds: float = WINDOW_SECONDS,
    progress: Progress | None = None,
    bounds: Bounds = BOUNDS,
    large_bytes: int = LARGE_BYTES,
) -> Loaded:
    """Read the sources; `fits` says of a save whether it is one of those asked for, None: each is.

    It is asked with a save that has no calls, and must not look at them. Raises `SourceError` where a source
    cannot be read at all.
    """
    with (
        tempfile.TemporaryDirectory(prefix="savetrace-") as folder,
        progress or Progress(shown=False) as shown,
    ):
        archives = gather(sources, query, Path(folder), shown, large_bytes)
        return _load(archives, fits, window_seconds, shown, bounds, Path(folder))


def _load(
    archives: Sequence[Archive],
    fits: Fits | None,
    window_seconds: float,
    progress: Progress,
    bounds: Bounds,
    folder: Path,
) -> Loaded:
    with gathering_no_garbage():
        if any(archive.files for archive in archives):
            return _chosen(archives, fits, window_seconds, progress, bounds, folder)
        spans = each_once(span for archive in archives for span in archive.spans)
        found = saves(spans)
        sources = _sources(archives, _spans_by_source(archives), _saves_by_source(archives, found))
        # Whether those fit that were only counted, or are another source's as well, nobody knows.
        is_all = fits is None and len(archives) == 1
        unread = unread_of_log(archives[0].counted) if is_all else NO_SAVES
        return _loaded(archives, sources, found, spans, _moments(found, fits), None, unread)


def _chosen(
    archives: Sequence[Archive],
    fits: Fits | None,
    window_seconds: float,
    progress: Progress,
    bounds: Bounds,
    folder: Path,
) -> Loaded:
    with LightTable(folder) as table:
        routes = _read_lightly(archives, LightReading(table, fits), progress)
        table.finish()
        sources = _sources(archives, table.spans_by_source(), table.saves_by_source())
        wanted = choose(table.database, window_seconds, bounds)
        every = counted(table.database, table.named.kinds)
        told = all_moments(table.database, table.named.codes.names)
    # What DuckDB held is given back before spans take its room.
    held = _spans(archives, wanted, "looking closer", progress)
    spans = each_once(span for _, span in held)
    found = saves(spans, routes)
    if len(found) >= every.saves:
        return _loaded(archives, sources, found, spans, _moments(found, fits), None)
    unread = unread_of(every, _fitting(found, fits))
    return _loaded(archives, sources, found, spans, told, _sample(every, found), unread)


def _read_lightly(archives: Sequence[Archive], reading: LightReading, progress: Progress) -> frozenset[Route]:
    for number, archive in enumerate(archives):
        found = reading.read(number, archive, progress.step(f"reading {archive.name}", archive.bytes))
        if archive.files and archive.jaeger_address is None:
            refuse_what_is_not_otlp(archive.name, archive.account, found=found)
    done: frozenset[int] = frozenset()
    while waiting := sorted(reading.others() - done):
        for first in range(0, len(waiting), TRACES_AT_ONCE):
            traces = frozenset(waiting[first : first + TRACES_AT_ONCE])
            _read_whole(archives, traces, reading, progress)
        done |= frozenset(waiting)
    return frozenset(reading.routes)


def _read_whole(
    archives: Sequence[Archive], traces: frozenset[int], reading: LightReading, progress: Progress
) -> None:
    told: dict[str, int] = {}
    spans: list[Span] = []
    for number, span in _spans(archives, traces, "reading traces without outcome", progress):
        told.setdefault(span.trace_id, number)
        spans.append(span)
    for save in saves(each_once(spans), reading.routes):
        reading.add(told[save.trace_id], save)


def _spans(
    archives: Sequence[Archive], traces: frozenset[int], what: str, progress: Progress
) -> Iterator[tuple[int, Span]]:
    for number, archive in enumerate(archives):
        for span in spans_of_traces(archive, traces, progress.step(what, archive.bytes)):
            yield number, span


def _sample(every: Counted, found: Sequence[Save]) -> Sample:
    failed_read = sum(is_failing(save) for save in found)
    return Sample(every.failing, failed_read, every.saves - every.failing, len(found) - failed_read)


def _moments(found: Sequence[Save], fits: Fits | None) -> list[Moment]:
    return list(moments(_fitting(found, fits)))


def _fitting(found: Sequence[Save], fits: Fits | None) -> Iterator[Save]:
    return (save for save in found if fits is None or fits(save))


def _loaded(
    archives: Sequence[Archive],
    sources: tuple[SourceSeen, ...],
    found: Sequence[Save],
    spans: Sequence[Span],
    told: Sequence[Moment],
    sample: Sample | None,
    unread: Unread = NO_SAVES,
) -> Loaded:
    return Loaded(
        sources=sources,
        saves=tuple(found),
        spans=tuple(spans),
        moments=told,
        sample=sample,
        unread=unread,
        jaeger_address=next((one.jaeger_address for one in archives if one.jaeger_address), None),
    )


def _sources(
    archives: Sequence[Archive], spans: Mapping[int, int], saves_told: Mapping[int, int]
) -> tuple[SourceSeen, ...]:
    return tuple(
        SourceSeen(one.kind, one.name, spans.get(number, 0), saves_told.get(number, 0), one.skipped)
        for number, one in enumerate(archives)
    )


def _spans_by_source(archives: Sequence[Archive]) -> dict[int, int]:
    return {number: len(archive.spans) for number, archive in enumerate(archives)}


def _saves_by_source(archives: Sequence[Archive], found: Sequence[Save]) -> dict[int, int]:
    """Return how many of the saves each source told something of."""
    traces = [{span.trace_id for span in archive.spans} for archive in archives]
    return Counter(
        number for save in found for number, of_source in enumerate(traces) if save.trace_id in of_source
    )


def _moment(moment: Moment) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment.nanoseconds / 1e9, tz=datetime.timezone.utc)
