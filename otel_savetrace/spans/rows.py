"""What every source yields: one `Span` a span, whatever wrote it and however it was stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, TypeAlias

AttributeValue: TypeAlias = (
    "str | bool | int | float | tuple[AttributeValue, ...] | Mapping[str, AttributeValue] | None"
)
"""A value as OTLP has it; bytes stay the base64 text that OTLP JSON writes."""

SpanKind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """Another span that a span points to."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, AttributeValue]


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """A moment within a span, such as an exception; time in nanoseconds since 1970, UTC."""

    name: str
    time_nanoseconds: int
    attributes: Mapping[str, AttributeValue]


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """One span.

    Ids are lower-case hex (32 and 16 digits), times nanoseconds since 1970 in UTC. `scope` is the name of
    the instrumentation that wrote it, `service` the resource's ``service.name`` (empty where none is given).
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: SpanKind
    scope: str
    scope_version: str
    service: str
    start_nanoseconds: int
    end_nanoseconds: int
    status: SpanStatus
    status_message: str
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    links: tuple[Link, ...]
    events: tuple[Event, ...]
