"""Failures and their retries as points of the timeline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import duration
from otel_savetrace.report.page.time_bins import shown_code, told_time
from otel_savetrace.report.wording import MOST_LETTERS_OF_NAME, shortened, thing

MOST_POINTS = 1_000
SHORTEST_SECONDS = 0.1
"""A retry that came sooner, or before the failure was told, stands here: a logarithm has no zero."""


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodePoints:
    """One row an episode: when it failed first (``t``, milliseconds since 1970) and how long until saved.

    ``seconds`` is None where no later save worked. `left_out` counts the episodes beyond what can be drawn.
    """

    rows: Sequence[Mapping[str, Any]]
    left_out: int


def episode_points(episodes: Sequence[Episode], codes: Sequence[str]) -> EpisodePoints:
    """Return the points of the episodes, evenly thinned where there are too many."""
    step = max(1, math.ceil(len(episodes) / MOST_POINTS))
    shown = episodes[::step]
    return EpisodePoints([_row(episode, codes) for episode in shown], len(episodes) - len(shown))


def episode_name(episode: Episode) -> str:
    """Return the name under which a page's address finds an episode: that of its first failed save."""
    return f"episode-{episode.failed[0].trace_id}-{episode.failed[0].span.span_id}"


def _row(episode: Episode, codes: Sequence[str]) -> dict[str, Any]:
    first, worked = episode.failed[0], episode.recovered_by
    seconds = episode.seconds
    return {
        "episode": episode_name(episode),
        "t": _milliseconds(first),
        "when": told_time(_milliseconds(first)),
        "until": None if worked is None else _milliseconds(worked),
        "seconds": None if seconds is None else max(SHORTEST_SECONDS, seconds),
        "code": shown_code(first.error_code, codes),
        "state": episode.state,
        "what": shortened(thing(worked or first), MOST_LETTERS_OF_NAME) or "not recorded",
        "became": f"after {duration(max(0.0, seconds))}" if seconds is not None else "no later save worked",
        "failures": len(episode.failed),
    }


def _milliseconds(save: Save) -> int:
    return save.span.start_nanoseconds // 1_000_000
