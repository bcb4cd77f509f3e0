"""The verdicts: each cause among the failed saves, its condition, its evidence, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import Undetermined, Verdict
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.reading import Reading


def verdicts_found(
    readings: Sequence[Reading], saves: Sequence[Save], meant: Sequence[Save], episodes: Sequence[Episode]
) -> tuple[tuple[Verdict, ...], Undetermined]:
    """Return the verdicts, strongest first, and what none could be given on."""
    return (), Undetermined(0, "")
