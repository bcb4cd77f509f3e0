"""Spans encoded in place, held against the exporter's own encoding."""

from __future__ import annotations

import random
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes
from opentelemetry.exporter.otlp.proto.common._internal.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otel_savetrace.capture import encoding
from otel_savetrace.capture.encoding import SpanEncoder, encoding_seams, wrap_encode_spans

AWKWARD: list[dict[str, Any]] = [
    {},
    {"a": 1, "b": 1.0, "c": True, "d": "1", "e": "", "f": 0, "g": False, "h": 0.0, "i": -0.0},
    {"a": True, "b": 1, "c": 1.0, "h": -0.0, "i": 0.0},
    {"a": 1.0, "b": True, "c": 1},
    {"a": "x" * 257, "b": "ü" * 256, "c": 2**62, "d": float("inf"), "e": -1},
    {"a": ("x", 1), "b": ("x", True), "c": {"nested": 1}, "d": b"bytes"},
    {"a": ["of", "an", "old", "version"]},
    {"": "no name", "ü": "ü", "n": None},
]

IMPOSSIBLE: list[dict[str, Any]] = [{"a": 1, "b": "\ud800", "c": 2}, {"a": 2**70, "c": 2}, {"\ud800": 1}]
"""Attributes that no message can hold; the exporter leaves them out and says so."""


def _scopes() -> list[Any]:
    return [InstrumentationScope("one", "1"), InstrumentationScope("two", schema_url="https://x/1")]


def _bytes(request: Any) -> bytes:
    encoded: bytes = request.SerializePartialToString()
    return encoded


def _context(number: int, *, remote: bool = False, state: TraceState | None = None) -> SpanContext:
    return SpanContext(2**127 + number, 2**63 + number, remote, TraceFlags(1), state)


def _span(attributes: dict[str, Any], number: int = 1, **told: Any) -> ReadableSpan:
    told.setdefault("name", "S3.PutObject")
    return ReadableSpan(
        context=_context(number), attributes=attributes, start_time=number, end_time=2**62, **told
    )


def _recorded(limits: SpanLimits | None = None) -> list[ReadableSpan]:
    """Return spans of the SDK's own, with all that a span may have."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "one"}), span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer, other = provider.get_tracer("one", "1"), provider.get_tracer("two", schema_url="https://x/1")
    parent = set_span_in_context(
        NonRecordingSpan(_context(7, remote=True, state=TraceState([("vendor", "1"), ("x", "y")])))
    )
    links = [Link(_context(8), {"why": "retry"}), Link(_context(9, remote=True)), Link(_context(10))]
    with tracer.start_as_current_span("save", parent, SpanKind.SERVER, {"a": 1}, links) as span:
        for number in range(4):
            span.add_event("event", {"number": number}, timestamp=number)
            span.set_attribute(f"attribute {number}", number)
        with other.start_as_current_span("call", kind=SpanKind.CLIENT) as below:
            below.set_status(Status(StatusCode.ERROR, "SlowDown"))
            below.record_exception(ValueError("x"), timestamp=1)
        with tracer.start_as_current_span("work") as below:
            below.set_status(Status(StatusCode.OK))
    return list(kept.get_finished_spans())


@pytest.mark.parametrize("attributes", AWKWARD)
def test_attributes_are_what_the_exporter_would_have_made(attributes: dict[str, Any]) -> None:
    """Whatever was encoded before, each attribute is encoded as the exporter alone does it, in its order."""
    encoder = SpanEncoder(_encode_attributes)
    encoder.request_of([_span(before) for before in AWKWARD])
    for _ in range(2):
        assert _bytes(encoder.request_of([_span(attributes)])) == _bytes(encode_spans([_span(attributes)]))


@pytest.mark.parametrize("attributes", IMPOSSIBLE)
def test_what_cannot_be_encoded_costs_itself_alone(
    attributes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An attribute that fits no message is left out and said by the exporter; all others are handed over."""
    encoder = SpanEncoder(_encode_attributes)
    spans = [_span({"a": 1}), _span(attributes), _span({"b": 2})]
    encoded = encoder.request_of(spans)
    assert "Failed to encode key" in caplog.text
    assert _bytes(encoded) == _bytes(encode_spans(spans))


@pytest.mark.parametrize("limits", [None, SpanLimits(2, 2, 2, 1, 1, 3)], ids=["unlimited", "limited"])
def test_a_request_is_what_the_exporter_would_have_made(limits: SpanLimits | None) -> None:
    """Events, links, states, outcomes and counts of what was dropped are those of the exporter's request."""
    spans = _recorded(limits)
    assert _bytes(SpanEncoder(_encode_attributes).request_of(spans)) == _bytes(encode_spans(spans))


def test_spans_of_one_name_keep_what_sets_them_apart() -> None:
    """Kind, status, its description and whether the parent is another process's are each span's own."""
    spans = [
        _span({}, name="S3.PutObject", kind=kind, status=status, parent=parent)
        for kind in SpanKind
        for status in (
            Status(StatusCode.UNSET),
            Status(StatusCode.OK),
            Status(StatusCode.ERROR),
            Status(StatusCode.ERROR, "SlowDown"),
            Status(StatusCode.ERROR, "InternalError"),
        )
        for parent in (None, _context(2), _context(2, remote=True))
    ]
    assert _bytes(SpanEncoder(_encode_attributes).request_of(spans)) == _bytes(encode_spans(spans))


def test_spans_stand_below_their_resource_and_scope() -> None:
    """Equal resources and scopes are one, whichever objects they are; spans keep their order below them."""
    chosen = random.Random(1)  # noqa: S311 - an order, no secret
    spans = [
        _span({"number": number}, number, resource=Resource({"service.name": chosen.choice("ab")}), **told)
        for number in range(50)
        for told in ({"instrumentation_scope": scope} for scope in (None, *_scopes()))
    ]
    chosen.shuffle(spans)
    encoded = SpanEncoder(_encode_attributes).request_of(spans)
    assert _bytes(encoded) == _bytes(encode_spans(spans))
    assert [len(one.scope_spans) for one in encoded.resource_spans] == [3, 3]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more pairs and kinds of span are kept than the limits, and no long string."""
    monkeypatch.setattr(encoding, "_MOST_PAIRS", 10)
    monkeypatch.setattr(encoding, "_MOST_FRAMES", 10)
    encoder = SpanEncoder(_encode_attributes)
    for number in range(1000):
        encoder.request_of([_span({"number": number, "long": f"{number}" + "x" * 256}, name=f"{number}")])
        assert 0 < len(encoder._pairs) <= 10
        assert 0 < len(encoder._frames) <= 10
    assert all(name == "number" for name, _, _ in encoder._pairs)


def test_what_is_equal_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair that was encoded before is not encoded anew, whatever stands beside it."""
    encoder = SpanEncoder(_encode_attributes)
    encoded: list[str] = []
    encode = encoder._encode

    def noted(pair: encoding.Pair, message: Any) -> bytes:
        encoded.append(pair[0])
        return encode(pair, message)

    monkeypatch.setattr(encoder, "_encode", noted)
    for other in ("x", "y"):
        encoder.request_of([_span({"text": "1", "number": 1, "share": 1.0, "flag": True, "other": other})])
    assert encoded == ["text", "number", "share", "flag", "other", "other"]


def test_a_later_version_s_spans_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a span's message has a field that is not known here, the exporter's own encoding stays."""
    assert list(encoding_seams())
    monkeypatch.setattr(encoding, "_SPAN_FIELDS", encoding._SPAN_FIELDS - {"links"})
    assert not list(encoding_seams())


def test_what_is_no_span_of_the_sdk_is_left_to_the_exporter(announced: set[str]) -> None:
    """A span that is made otherwise is encoded as before, and the guard says so."""

    class Other:
        context = _context(1)

    announced.add("spans are encoded")
    asked: list[object] = []

    def encode(spans: object) -> None:
        asked.append(spans)

    spans = [Other()]
    wrap_encode_spans(SpanEncoder(_encode_attributes))(encode)(spans)
    assert asked == [spans]
