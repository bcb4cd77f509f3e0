"""OTLP's JSON encoding of spans, as files and Jaeger's `/api/v3` carry it.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids are hex, 64-bit integers are strings,
enumerations are numbers. Writers that follow protobuf's own JSON mapping instead (ids in base64,
enumerations by name) are understood too.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from otel_savetrace.spans.rows import AttributeValue, Event, Link, Span, SpanKind, SpanStatus

KINDS: tuple[SpanKind, ...] = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES: tuple[SpanStatus, ...] = ("unset", "ok", "error")

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8

LATEST_NANOSECONDS = 2**64 - 1
"""OTLP's times are unsigned 64-bit numbers."""

Name = TypeVar("Name", bound=str)


class NotOtlpError(ValueError):
    """What was read is not OTLP JSON; the text says what is wrong, in a few words."""


class Place(NamedTuple):
    """What a span stands below: its resource's attributes, and the instrumentation that wrote it."""

    resource: Mapping[str, AttributeValue]
    service: str
    scope: str
    scope_version: str


def spans_of(traces: Mapping[str, Any]) -> Iterator[Span | NotOtlpError]:
    """Yield each span of an OTLP ``TracesData`` object, or why it cannot be read."""
    for resource_spans in _list(traces, "resourceSpans"):
        resource = _object(resource_spans, "resource")
        for scope_spans in _list(resource_spans, "scopeSpans"):
            place = place_of(resource, _object(scope_spans, "scope"))
            for span in _list(scope_spans, "spans"):
                try:
                    yield span_of(span, place)
                except NotOtlpError as error:  # noqa: PERF203 - a span that cannot be read costs no other
                    yield error


def place_of(resource: Mapping[str, Any], scope: Mapping[str, Any]) -> Place:
    """Return what an OTLP ``Resource`` and ``InstrumentationScope`` say; raises `NotOtlpError`."""
    held = _attributes(resource)
    return Place(held, str(held.get("service.name") or ""), _text(scope, "name"), _text(scope, "version"))


def span_of(span: Mapping[str, Any], place: Place) -> Span:
    """Return the row of an OTLP ``Span``; raises `NotOtlpError` where it cannot be read."""
    status = _object(span, "status")
    return Span(
        trace_id=_id(span, "traceId", TRACE_ID_BYTES),
        span_id=_id(span, "spanId", SPAN_ID_BYTES),
        parent_span_id=_id(span, "parentSpanId", SPAN_ID_BYTES) if span.get("parentSpanId") else None,
        name=_text(span, "name"),
        kind=_enumeration(span.get("kind", 0), KINDS, "SPAN_KIND_"),
        scope=place.scope,
        scope_version=place.scope_version,
        service=place.service,
        start_nanoseconds=_integer(span, "startTimeUnixNano"),
        end_nanoseconds=_integer(span, "endTimeUnixNano"),
        status=_enumeration(status.get("code", 0), STATUSES, "STATUS_CODE_"),
        status_message=_text(status, "message"),
        attributes=_attributes(span),
        resource=place.resource,
        links=tuple(_link(link) for link in _list(span, "links")),
        events=tuple(_event(event) for event in _list(span, "events")),
    )


def _link(link: Mapping[str, Any]) -> Link:
    return Link(_id(link, "traceId", TRACE_ID_BYTES), _id(link, "spanId", SPAN_ID_BYTES), _attributes(link))


def _event(event: Mapping[str, Any]) -> Event:
    return Event(_text(event, "name"), _integer(event, "timeUnixNano", 0), _attributes(event))


def _attributes(holder: Mapping[str, Any]) -> dict[str, AttributeValue]:
    items = holder.get("attributes") or ()
    try:
        # As every writer has them: most of the time of reading goes here. What does not fit is told below.
        held = {
            sys.intern(item["key"]): _VALUE_READERS[kind](value)
            for item in items
            for kind, value in item["value"].items()
        }
        fits = len(held) == len(items)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        fits = False
    if not fits:
        return {_text(item, "key"): value_of(_object(item, "value")) for item in _list(holder, "attributes")}
    return held


def value_of(value: Mapping[str, Any]) -> AttributeValue:
    """Return what an OTLP ``AnyValue`` holds; raises `NotOtlpError`."""
    for kind, read in _VALUE_READERS.items():
        if kind in value:
            try:
                return read(value[kind])
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                raise NotOtlpError(f"a span with an attribute whose {kind} cannot be read") from error
    if value:
        raise NotOtlpError("a span with an attribute whose kind of value is unknown")
    return None


_VALUE_READERS: Mapping[str, Callable[[Any], AttributeValue]] = {
    "stringValue": str,
    "boolValue": lambda value: _boolean(value),
    "intValue": int,
    "doubleValue": float,
    "bytesValue": str,
    "arrayValue": lambda array: tuple(value_of(item) for item in _list(array, "values")),
    "kvlistValue": lambda pairs: {
        _text(item, "key"): value_of(_object(item, "value")) for item in _list(pairs, "values")
    },
}


def _id(holder: Mapping[str, Any], field: str, size: int) -> str:
    text = holder.get(field)
    if isinstance(text, str):
        for decode in (bytes.fromhex, base64.b64decode):
            try:
                decoded = decode(text)
            except (ValueError, binascii.Error):
                continue
            if len(decoded) == size:
                return decoded.hex()
    raise NotOtlpError(f"a span whose {field} is not {size} bytes in hex")


def _integer(holder: Mapping[str, Any], field: str, default: int | None = None) -> int:
    value = holder.get(field, default)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise NotOtlpError(f"a span whose {field} is not a whole number") from None
    if not 0 <= number <= LATEST_NANOSECONDS:
        raise NotOtlpError(f"a span whose {field} is beyond what 64 bits hold")
    return number


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(holder: Mapping[str, Any], field: str) -> str:
    value = holder.get(field, "")
    if not isinstance(value, str):
        raise NotOtlpError(f"a {field} that is not text")
    return value


def _enumeration(value: object, names: tuple[Name, ...], prefix: str) -> Name:
    """Names beyond those known are read as the first, which stands for "not said"."""
    if isinstance(value, str) and not value.isdigit():
        name = value.removeprefix(prefix).lower()
        return name if name in names else names[0]
    try:
        number = int(cast("int", value))
    except (TypeError, ValueError, OverflowError):
        return names[0]
    return names[number] if 0 <= number < len(names) else names[0]


def _list(holder: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    value = holder.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise NotOtlpError(f"{field} that is not a list of objects")
    return value


def _object(holder: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = holder.get(field) or {}
    if not isinstance(value, dict):
        raise NotOtlpError(f"a {field} that is not an object")
    return value
