"""The document of `savetrace report --json`, and the JSON Schema of it that ships with the package."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import (
    Condition,
    ErrorFound,
    PatternFound,
    Report,
    SourceSeen,
    Verdict,
)
from otel_savetrace.report.as_json import identified, json_value, time
from otel_savetrace.report.episodes_json import episode_document

REPORT_SCHEMA = "savetrace.report/1"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the report's document."""
    text = (resources.files("otel_savetrace.report") / "report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def report_document(report: Report, episodes: Iterable[Episode] | None = None) -> dict[str, Any]:
    """Return the report as JSON has it; with `episodes`, each of them in ``episode_list``, as ordered."""
    document = {
        "schema": REPORT_SCHEMA,
        "sources": [_source(source) for source in report.sources],
        "window": {"start": _time(report.start), "end": _time(report.end)},
        "saves": {
            "total": report.saves.total,
            "succeeded": report.saves.succeeded,
            "failed": report.saves.failed,
            "unknown": report.saves.unknown,
        },
        "episodes": {
            "total": report.episodes.total,
            "recovered": report.episodes.recovered,
            "abandoned": report.episodes.abandoned,
            "open": report.episodes.open,
        },
        "errors": [_error(found) for found in report.errors],
        "patterns": [_pattern(found) for found in report.patterns],
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
        "undetermined": {"saves": report.undetermined.saves, "why": report.undetermined.why},
    }
    if report.sample is not None:
        document["sample"] = dataclasses.asdict(report.sample)
    if episodes is not None:
        document["episode_list"] = [_episode(episode) for episode in episodes]
    return document


def _source(source: SourceSeen) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "name": source.name,
        "spans": source.spans,
        "saves": source.saves,
        "skipped": [{"why": skipped.why, "count": skipped.count} for skipped in source.skipped],
    }


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else time(moment)


def _error(found: ErrorFound) -> dict[str, Any]:
    return {
        "code": found.code,
        "stage": found.stage,
        "saves": found.saves,
        "share": found.share.value,
        "intermittent": found.intermittent,
        "user_saw": list(found.user_saw),
    }


def _pattern(found: PatternFound) -> dict[str, Any]:
    return {
        "pattern": found.pattern,
        "holds": found.holds,
        "episodes": found.episodes,
        "share": found.share,
        "says": found.says,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "cause": verdict.cause,
        "confidence": verdict.confidence,
        "episodes": verdict.episodes,
        "saves": verdict.saves,
        "share": verdict.share,
        "condition": None if verdict.condition is None else _condition(verdict.condition),
        "because": [
            {
                "attribute": shown.attribute,
                "failed": json_value(shown.failed),
                "succeeded": json_value(shown.succeeded),
                "p": shown.p,
            }
            for shown in verdict.because
        ],
        "next": list(verdict.next),
        "examples": [
            {"failed": example.failed, "retry": example.retry, "compare_url": example.compare_url}
            for example in verdict.examples
        ],
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "attribute": condition.attribute,
        "operator": condition.operator,
        "value": json_value(condition.value),
        "failed_share": condition.failed_share,
        "succeeded_share": condition.succeeded_share,
    }


def _episode(episode: Episode) -> dict[str, Any]:
    """Return an episode in the report's shape, which leaves out what `savetrace episodes --json` adds."""
    told = episode_document(episode, jaeger=None)
    return {
        "storymap": told["storymap"],
        "target": told["target"],
        "failed": [{**identified(save), "code": save.error_code} for save in episode.failed],
        "recovered_by": told["recovered_by"],
        "same_content": told["same_content"],
        "paired_by": told["paired_by"],
        "seconds": told["seconds"],
        "differences": told["differences"],
    }
