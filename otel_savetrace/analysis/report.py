"""The report as a whole: each part made by its own module, put together here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from otel_savetrace.analysis import findings, limits, patience
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.errors import errors_found
from otel_savetrace.analysis.patterns import patterns_found
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.troubled import trouble_among
from otel_savetrace.analysis.unsaid import unsaid_of
from otel_savetrace.analysis.verdicts import verdicts_on
from otel_savetrace.spans.reading import Reading
from otel_savetrace.spans.rows import Span

Fits = Callable[[Save], bool]


def make_report(
    sources: Sequence[findings.SourceSeen],
    saves: Sequence[Save],
    episodes: Sequence[Episode],
    fits: Fits,
    spans: Iterable[Span] = (),
    jaeger: str | None = None,
) -> findings.Report:
    """Return what is to be said of the saves that fit.

    `saves` are all of the sources, oldest first: what failed is held against all that worked, whether it
    fits or not. `episodes` are theirs; `spans`, at least those of the traces that failed, tell of other
    services. `jaeger` is the address of Jaeger's own pages, where the saves came from one.
    """
    meant = [save for save in saves if fits(save)]
    told = [one for one in episodes if any(fits(save) for save in one.failed)]
    trouble = trouble_among(saves, meant, episodes)
    return findings.Report(
        sources=tuple(sources),
        start=min((save.time for save in meant), default=None),
        end=max((save.time for save in meant), default=None),
        saves=_save_counts(meant, len(trouble.failed)),
        episodes=_episode_counts(told),
        errors=errors_found(trouble.failed, told),
        patterns=patterns_found(trouble.failed, told),
        verdicts=verdicts_on(trouble, saves, episodes, spans, jaeger),
        undetermined=trouble.undetermined,
        limits=limits.limits_used(meant),
        patience=patience.patience_found(meant),
        unsaid=unsaid_of(meant),
    )


def sources_seen(readings: Sequence[Reading], saves: Sequence[Save]) -> tuple[findings.SourceSeen, ...]:
    """Return what each source gave."""
    return tuple(
        findings.SourceSeen(
            reading.kind,
            reading.name,
            len(reading.spans),
            len(saves) if len(readings) == 1 else _saves_of(reading, saves),
            reading.skipped,
        )
        for reading in readings
    )


def _saves_of(reading: Reading, saves: Sequence[Save]) -> int:
    held = {(span.trace_id, span.span_id) for span in reading.spans}
    return sum((save.trace_id, save.span.span_id) in held for save in saves)


def _save_counts(saves: Sequence[Save], failed: int) -> findings.SaveCounts:
    succeeded = sum(save.outcome == "succeeded" for save in saves)
    return findings.SaveCounts(len(saves), succeeded, failed, len(saves) - succeeded - failed)


def _episode_counts(episodes: Sequence[Episode]) -> findings.EpisodeCounts:
    states = Counter(episode.state for episode in episodes)
    return findings.EpisodeCounts(len(episodes), states["recovered"], states["abandoned"], states["open"])
