"""Rows written back as OTLP JSON lines, as a Collector's file exporter writes them."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.otlp import KINDS, STATUSES
from otel_savetrace.spans.rows import AttributeValue, Span


def spans_of_saves(saves: Iterable[Save]) -> list[Span]:
    """Return all spans of saves in the order in which they ended, as written, each with an id of its own."""
    found = []
    for save in saves:
        found.append(save.span)
        for number, call in enumerate(save.calls):
            call_id = f"{number + 1:02x}{save.span.span_id[2:14]}0c"
            above = save.span.span_id
            found.append(dataclasses.replace(call.span, span_id=call_id, parent_span_id=above))
            for place, attempt in enumerate(call.attempts):
                own = f"{number + 1:02x}{save.span.span_id[2:12]}{place:02x}0a"
                found.append(dataclasses.replace(attempt.span, span_id=own, parent_span_id=call_id))
    return sorted(
        found, key=lambda span: (span.end_nanoseconds, span.kind == "server", span.name == "S3.PutObject")
    )


def otlp_lines(spans: Iterable[Span], batch: int = 50) -> list[bytes]:
    """Return spans as lines of some spans each."""
    waiting = iter(spans)
    return [_line(held) for held in iter(lambda: list(itertools.islice(waiting, batch)), [])]


def _line(spans: Sequence[Span]) -> bytes:
    places = itertools.groupby(spans, key=lambda span: (repr(span.resource), span.scope, span.scope_version))
    return (
        json.dumps(
            {"resourceSpans": [_below(list(of_place)) for _, of_place in places]}, separators=(",", ":")
        ).encode()
        + b"\n"
    )


def _below(spans: Sequence[Span]) -> dict[str, Any]:
    first = spans[0]
    scope = {"scope": {"name": first.scope, "version": first.scope_version}, "spans": list(map(_span, spans))}
    return {"resource": {"attributes": _attributes(first.resource)}, "scopeSpans": [scope]}


def _span(span: Span) -> dict[str, Any]:
    above = {"parentSpanId": span.parent_span_id} if span.parent_span_id else {}
    return {
        "traceId": span.trace_id, "spanId": span.span_id, **above, "name": span.name,
        "kind": KINDS.index(span.kind), "startTimeUnixNano": str(span.start_nanoseconds),
        "endTimeUnixNano": str(span.end_nanoseconds), "attributes": _attributes(span.attributes),
        "links": [{"traceId": one.trace_id, "spanId": one.span_id} for one in span.links],
        "status": {"code": STATUSES.index(span.status)},
    }  # fmt: skip


def _attributes(held: Mapping[str, AttributeValue]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in held.items()]


def _value(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}
