"""What a person sees in a terminal; each function returns something that a rich console prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from otel_savetrace.analysis.differences import Comparison
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import Report
from otel_savetrace.analysis.pairing import Pairing
from otel_savetrace.report.comparison import ComparisonView
from otel_savetrace.report.episodes import EpisodesView, EpisodeView
from otel_savetrace.report.report_view import ReportView
from otel_savetrace.report.tables import episodes_table, saves_table
from otel_savetrace.spans.reading import Reading, jaeger_address

__all__ = ["comparison", "episode_view", "episodes_table", "episodes_view", "report_view", "saves_table"]


def comparison(compared: Comparison, jaeger_address: str | None = None) -> RenderableType:
    """Return two saves side by side; with the address of Jaeger's own page where the saves came from one."""
    return ComparisonView(compared, jaeger_address)


def episodes_view(
    readings: Sequence[Reading], episodes: Sequence[Episode], shown: int, pairing: Pairing
) -> RenderableType:
    """Return the latest `shown` episodes, each with its saves and what stands between them.

    The readings are named in the command that compares the latest.
    """
    sources = [reading.name for reading in readings]
    return EpisodesView(episodes, shown, pairing, sources, jaeger_address(readings))


def episode_view(episode: Episode) -> RenderableType:
    """Return one episode: its saves and what stands between them."""
    return EpisodeView(episode)


def report_view(report: Report) -> RenderableType:
    """Return the report: the answer in three sentences, then all that it rests on."""
    return ReportView(report)
