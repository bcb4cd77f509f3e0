"""The documents that `--json` prints. Names and types stay as they are within a schema's number.

Times are RFC 3339 in UTC, lengths of time seconds, sizes bytes; `null` stands for what is not known.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otel_savetrace.analysis.calls import Attempt, Call, call_name
from otel_savetrace.analysis.differences import Comparison
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.jaeger_page import comparison_page
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.reading import Reading, jaeger_address
from otel_savetrace.spans.rows import AttributeValue

LIST_SCHEMA = "savetrace.list/1"
COMPARE_SCHEMA = "savetrace.compare/1"


def list_document(reading: Reading, saves: Sequence[Save], episodes: Iterable[Episode]) -> dict[str, Any]:
    """Return the saves and episodes in the order given, and what the source held."""
    return {
        "schema": LIST_SCHEMA,
        "sources": [source(reading)],
        "saves": [_save(save) for save in saves],
        "episodes": [_episode(episode) for episode in episodes],
    }


def compare_document(readings: Sequence[Reading], comparison: Comparison) -> dict[str, Any]:
    """Return two saves held against each other, and what each source held."""
    a, b = comparison.a, comparison.b
    return {
        "schema": COMPARE_SCHEMA,
        "sources": [source(reading) for reading in readings],
        "headline": headline(comparison),
        "a": {**_save(a), "calls": [_call(call, a) for call in a.calls]},
        "b": {**_save(b), "calls": [_call(call, b) for call in b.calls]},
        "pairs": [[_place(pair.a, a), _place(pair.b, b)] for pair in comparison.calls],
        "same_content": comparison.same_content,
        "same_thing": comparison.same_thing,
        "seconds_between": comparison.seconds_between,
        "differences": [
            {
                "attribute": found.attribute,
                "where": found.where,
                "a": json_value(found.a),
                "b": json_value(found.b),
                "consequence": found.consequence,
            }
            for found in comparison.differences
        ],
        "equal": {name: json_value(held) for name, held in comparison.equal.items()},
        "noise": list(comparison.noise),
        "compare_url": comparison_page(comparison, jaeger_address(readings)),
    }


def source(reading: Reading) -> dict[str, Any]:
    """Return what a source was, and what of it was not read."""
    return {
        "kind": reading.kind,
        "name": reading.name,
        "spans": len(reading.spans),
        "skipped": [
            {"why": skipped.why, "count": skipped.count, "where": skipped.where}
            for skipped in reading.skipped
        ],
    }


def _save(save: Save) -> dict[str, Any]:
    return {
        **identified(save),
        "service": save.span.service,
        "route": save.route,
        "seconds": save.seconds,
        "outcome": save.outcome,
        "error_code": save.error_code,
        "stage": save.stage,
        "stored": save.stored,
        "user_error": save.user_error,
        "status_code": save.status_code,
        "thing": dict(save.thing),
        "content_hash": save.content[0] if save.content else None,
        "content_size": save.content[1] if save.content else None,
        "attempts": save.attempts_made,
        "app_retries": save.app_retries,
        "notices": notices(save),
    }


def identified(save: Save) -> dict[str, Any]:
    """Return what a save is found by."""
    return {"trace_id": save.trace_id, "span_id": save.span.span_id, "time": time(save.time)}


def time(moment: datetime.datetime) -> str:
    """Return a moment as RFC 3339 has it, in UTC."""
    in_utc = moment.astimezone(datetime.timezone.utc)
    return in_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "thing": dict(episode.failed[-1].thing),
        "state": episode.state,
        "failed": [{**identified(save), "error_code": save.error_code} for save in episode.failed],
        "recovered_by": identified(episode.recovered_by) if episode.recovered_by else None,
        "same_content": episode.same_content,
        "paired_by": episode.paired_by,
        "seconds": episode.seconds,
    }


def _call(call: Call, save: Save) -> dict[str, Any]:
    return {
        "name": call_name(call),
        "operation": call.operation,
        "key": call.key,
        "span_id": call.span.span_id,
        "start_seconds": _offset(call.span.start_nanoseconds, save),
        "seconds": call.seconds,
        "failed": call.failed,
        "error_code": call.error_code,
        "attempts_made": call.attempts_made,
        "attempts_allowed": call.attempts_allowed,
        "app_retry": call.app_retry,
        "sent_by": call.sent_by,
        "attempts": [_attempt(attempt, save) for attempt in call.attempts],
    }


def _attempt(attempt: Attempt, save: Save) -> dict[str, Any]:
    return {
        "outcome": attempt.outcome,
        "succeeded": attempt.succeeded,
        "start_seconds": _offset(attempt.span.start_nanoseconds, save),
        "seconds": attempt.seconds,
        "backoff_seconds": attempt.backoff_seconds,
        "connection": attempt.connection,
        "connection_idle_seconds": attempt.connection_idle_seconds,
        "connection_age_seconds": attempt.connection_age_seconds,
        "connection_requests": attempt.connection_requests,
        "connection_pid": attempt.connection_pid,
        "errno": attempt.errno,
        "header_bytes": attempt.header_bytes,
        "attributes": {name: json_value(held) for name, held in attempt.span.attributes.items()},
    }


def _offset(nanoseconds: int, save: Save) -> float:
    return (nanoseconds - save.span.start_nanoseconds) / 1e9


def _place(call: Call | None, save: Save) -> int | None:
    return None if call is None else save.calls.index(call)


def json_value(held: AttributeValue) -> Any:
    """Return a value that JSON can hold: it has no word for infinity."""
    if isinstance(held, float) and not math.isfinite(held):
        return str(held)
    if isinstance(held, Mapping):
        return {name: json_value(one) for name, one in held.items()}
    return [json_value(one) for one in held] if isinstance(held, tuple) else held
