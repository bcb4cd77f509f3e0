"""The document of `savetrace report --json`, as the report's contract has it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import ErrorFound, PatternFound, Report, SourceSeen, Verdict
from otel_savetrace.report.as_json import json_value
from otel_savetrace.report.episodes_json import episode_document

REPORT_SCHEMA = "savetrace.report/1"


def report_document(report: Report) -> dict[str, Any]:
    """Return the report; shares are between 0 and 1, times RFC 3339 in UTC, `null` is what is not known."""
    return {
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
        "errors": [_error(error) for error in report.errors],
        "patterns": [_pattern(pattern) for pattern in report.patterns],
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
        "undetermined": {"saves": report.undetermined.saves, "why": report.undetermined.why},
    }


def episode_list(episodes: Sequence[Episode], jaeger: str | None) -> list[dict[str, Any]]:
    """Return the episodes that ``--json-episodes`` adds."""
    return [episode_document(episode, jaeger) for episode in episodes]


def _source(source: SourceSeen) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "name": source.name,
        "spans": source.spans,
        "saves": source.saves,
        "skipped": [{"why": skipped.why, "count": skipped.count} for skipped in source.skipped],
    }


def _error(error: ErrorFound) -> dict[str, Any]:
    return {
        "code": error.code,
        "stage": error.stage,
        "saves": error.saves,
        "share": error.share.value,
        "intermittent": error.intermittent,
        "user_saw": list(error.user_saw),
    }


def _pattern(pattern: PatternFound) -> dict[str, Any]:
    return {
        "pattern": pattern.pattern,
        "holds": pattern.holds,
        "episodes": pattern.episodes,
        "share": pattern.share,
        "says": pattern.says,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    condition = verdict.condition
    return {
        "cause": verdict.cause,
        "confidence": verdict.confidence,
        "episodes": verdict.episodes,
        "saves": verdict.saves,
        "share": verdict.share,
        "condition": None
        if condition is None
        else {
            "attribute": condition.attribute,
            "operator": condition.operator,
            "value": json_value(condition.value),
            "failed_share": condition.failed_share,
            "succeeded_share": condition.succeeded_share,
        },
        "because": [
            {
                "attribute": evidence.attribute,
                "failed": json_value(evidence.failed),
                "succeeded": json_value(evidence.succeeded),
                "p": evidence.p,
            }
            for evidence in verdict.because
        ],
        "next": list(verdict.next),
        "examples": [
            {"failed": example.failed, "retry": example.retry, "compare_url": example.compare_url}
            for example in verdict.examples
        ],
    }


def _time(time: datetime.datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="microseconds").replace("+00:00", "Z")
