"""What a browser sent, read and held to what our script may send.

The body is an OTLP/JSON ``ExportTraceServiceRequest``
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). Anybody may send anything, so nothing is
taken that is not looked for: a span's ids, kind, times, status, links, and attributes of the registry. What
the browser says of its resource is not asked.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from otel_savetrace.attributes import BROWSER_SCOPE, REGISTRY, SEARCHED_LIMIT, Attribute
from otel_savetrace.capture.text import shortened

MOST_SPANS = 64
"""In one body."""

_MOST_LINKS = 8
_MOST_ATTRIBUTES = 64
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_DAY = 24 * 60 * 60 * 10**9
# A browser keeps what it could not send for a day; its clock may be wrong by a time zone, or a date.
_OLDEST, _AHEAD = 2 * _DAY, _DAY
_KINDS = (1, 3)
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_LARGEST = 2**63

Value = str | int | float | bool


class NotOursError(ValueError):
    """A body that our script did not send; the text says what is wrong with it, in a few words."""


@dataclasses.dataclass(frozen=True)
class SentSpan:
    """One span as a browser sent it: ids in hex, times in nanoseconds since 1970 by the browser's clock.

    `kind` is OTLP's number (1 internal, 3 client), `status` too (2: error); `links` are trace and span ids.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    started: int
    ended: int
    status: int
    message: str
    attributes: Mapping[str, Value]
    links: tuple[tuple[str, str], ...]
    version: str


def read(body: bytes) -> list[SentSpan]:
    """Return the spans in a body.

    A span with anything wrong about it refuses the whole body. Attributes that are not in the registry are
    left out, since the script of a page may be of another version; texts are held to their limits.
    Raises `NotOursError` where a body, or a span in it, is not such as our script sends.
    """
    try:
        sent = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NotOursError("not JSON") from None
    spans: list[SentSpan] = []
    now = time.time_ns()
    for span, version in _spans_of(sent):
        if len(spans) == MOST_SPANS:
            raise NotOursError(f"more than {MOST_SPANS} spans")
        spans.append(_span(span, version, now))
    return spans


def _spans_of(sent: object) -> Iterator[tuple[Mapping[str, Any], str]]:
    for resource_spans in _objects(_object(sent), "resourceSpans"):
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            scope = _object(scope_spans.get("scope"))
            if scope.get("name") != BROWSER_SCOPE:
                raise NotOursError("a scope that is not ours")
            version = _matching(_VERSION, scope.get("version"), "version")
            for span in _objects(scope_spans, "spans"):
                yield span, version


def _span(span: Mapping[str, Any], version: str, now: int) -> SentSpan:
    parent = span.get("parentSpanId") or None
    status = _object(span.get("status") or {})
    started, ended = _time(span, "startTimeUnixNano", now), _time(span, "endTimeUnixNano", now)
    if ended < started:
        raise NotOursError("an end before the start")
    return SentSpan(
        trace_id=_matching(_TRACE_ID, span.get("traceId"), "traceId"),
        span_id=_matching(_SPAN_ID, span.get("spanId"), "spanId"),
        parent_span_id=None if parent is None else _matching(_SPAN_ID, parent, "parentSpanId"),
        name=_text(span.get("name"), SEARCHED_LIMIT),
        kind=_one_of(_KINDS, span.get("kind"), "kind"),
        started=started,
        ended=ended,
        status=_one_of((0, 1, 2), status.get("code", 0), "status"),
        message=_text(status.get("message", ""), SEARCHED_LIMIT),
        attributes=dict(_attributes(span)),
        links=tuple(_links(span)),
        version=version,
    )


def _attributes(span: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    pairs = _objects(span, "attributes")
    if len(pairs) > _MOST_ATTRIBUTES:
        raise NotOursError(f"more than {_MOST_ATTRIBUTES} attributes")
    for pair in pairs:
        name = pair.get("key")
        if not isinstance(name, str):
            raise NotOursError("an attribute without a name")
        registered = REGISTRY.get(name)
        if registered is not None and "browser" in registered.stands_on:
            yield name, _value(registered, _object(pair.get("value")))


def _value(registered: Attribute, told: Mapping[str, Any]) -> Value:
    """Return a value of the registered type. JavaScript has one kind of number: 2.0 seconds are sent as 2."""
    match registered.type, *told.items():
        case "string", ("stringValue", str(text)):
            return _text(text, registered.limit or SEARCHED_LIMIT)
        case "boolean", ("boolValue", bool(truth)):
            return truth
        case "int", ("intValue", number):
            return _integer(number)
        case "double", ("doubleValue", float(number)):
            return number
        case "double", ("intValue" | "doubleValue", number):
            return float(_integer(number))
    raise NotOursError(f"{registered.name} that is no {registered.type}")


def _links(span: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    links = _objects(span, "links")
    if len(links) > _MOST_LINKS:
        raise NotOursError(f"more than {_MOST_LINKS} links")
    for link in links:
        yield (
            _matching(_TRACE_ID, link.get("traceId"), "traceId"),
            _matching(_SPAN_ID, link.get("spanId"), "spanId"),
        )


def _time(span: Mapping[str, Any], field: str, now: int) -> int:
    nanoseconds = _integer(span.get(field))
    if not now - _OLDEST <= nanoseconds <= now + _AHEAD:
        raise NotOursError(f"a {field} of another time")
    return nanoseconds


def _integer(value: object) -> int:
    """Return a whole number of 64 bits, which OTLP/JSON writes as a text or as a number."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -_LARGEST <= value < _LARGEST:
        raise NotOursError("no whole number")
    return value


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise NotOursError("no text")
    # Half a character cannot be sent on.
    return shortened(value.encode("utf-8", "replace").decode(), limit)


def _matching(pattern: re.Pattern[str], value: object, field: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise NotOursError(f"a {field} that is none")
    return value


def _one_of(known: tuple[int, ...], value: object, field: str) -> int:
    if not isinstance(value, int) or value not in known or isinstance(value, bool):
        raise NotOursError(f"a {field} that is none")
    return value


def _objects(holder: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    value = holder.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise NotOursError(f"{field} that is no list of objects")
    return value


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotOursError("no object where one belongs")
    return value


def _no_number(name: str) -> float:
    raise NotOursError(f"{name} is no number")
