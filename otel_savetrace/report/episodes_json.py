"""The document of `savetrace episodes --json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import CERTAINTY, Episode
from otel_savetrace.analysis.jaeger_page import comparison_address
from otel_savetrace.analysis.pairing import Pairing
from otel_savetrace.analysis.saves import Save
from otel_savetrace.report.as_json import identified, json_value, source
from otel_savetrace.spans.reading import Reading, jaeger_address

EPISODES_SCHEMA = "savetrace.episodes/1"


def episodes_document(
    readings: Sequence[Reading], saves: Sequence[Save], episodes: Sequence[Episode], pairing: Pairing
) -> dict[str, Any]:
    """Return the episodes in the order given, how they were paired, and what the sources held."""
    states = Counter(episode.state for episode in episodes)
    ways = Counter(one.paired_by for one in pairing.pairs)
    return {
        "schema": EPISODES_SCHEMA,
        "sources": [source(reading) for reading in readings],
        "saves": {"total": len(saves), **_counted(saves)},
        "episodes": {
            "total": len(episodes),
            **{state: states[state] for state in ("recovered", "abandoned", "open")},
        },
        "pairs": {
            **{way: ways[way] for way in reversed(CERTAINTY)},
            "memory_refuted": pairing.refuted,
            "cookie_against_inference": pairing.disagreeing,
        },
        "episode_list": [episode_document(episode, jaeger_address(readings)) for episode in episodes],
    }


def episode_document(episode: Episode, jaeger: str | None) -> dict[str, Any]:
    """Return one episode; `compare_url` is Jaeger's page with its first failure and what ended it."""
    first, ended = episode.failed[0], episode.recovered_by
    return {
        "storymap": dict(first.thing),
        "target": _target(episode),
        "state": episode.state,
        "failed": [
            {**identified(save), "code": save.error_code, "user_saw": save.user_error}
            for save in episode.failed
        ],
        "recovered_by": identified(ended) if ended else None,
        "same_content": episode.same_content,
        "paired_by": episode.paired_by,
        "seconds": episode.seconds,
        "differences": _differences(episode.failed[-1], ended) if ended else [],
        "compare_url": comparison_address(jaeger, first.trace_id, ended.trace_id)
        if jaeger and ended
        else None,
    }


def _counted(saves: Sequence[Save]) -> Mapping[str, int]:
    outcomes = Counter(save.outcome for save in saves)
    return {outcome: outcomes[outcome] for outcome in ("succeeded", "failed", "unknown")}


def _target(episode: Episode) -> str | None:
    """Return bucket and key of what was to be written, of the first save that knows them."""
    for save in episode.members:
        for span in (save.span, *(call.span for call in save.calls if call.writes)):
            names = [span.attributes.get(name) for name in (attributes.S3_BUCKET, attributes.S3_KEY)]
            if all(names):
                return "/".join(str(name) for name in names)
    return None


def _differences(failed: Save, succeeded: Save) -> list[dict[str, Any]]:
    return [
        {
            "attribute": found.attribute,
            "failed": json_value(found.a),
            "succeeded": json_value(found.b),
        }
        for found in compare(failed, succeeded).differences
        if not found.consequence
    ]
