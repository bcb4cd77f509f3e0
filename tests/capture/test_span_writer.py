"""What is written at the least cost, held against what the SDK's public ways make of the same."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import StatusCode

from otel_savetrace.capture.processor import SaveTraceSpanProcessor
from otel_savetrace.capture.span_writer import AttemptSpans, Known, set_attributes

KNOWN: Known = {"savetrace.header_bytes": 943, "savetrace.connection": "new", "savetrace.tls_seconds": 0.1}
STARTED, ENDED = 1_700_000_000_000_000_000, 1_700_000_000_500_000_000


class _Listens(SpanProcessor):
    """A user's own processor, which marks every span that starts."""

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        span.set_attribute("tenant", "one")


class _DropsAttempts(Sampler):
    """A sampler that takes no notice of the parent's decision."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_: Any, **__: Any
    ) -> SamplingResult:
        return SamplingResult(Decision.DROP if name.startswith("attempt") else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "drops attempts"


def _written(provider: TracerProvider, error: str | None = None) -> tuple[list[ReadableSpan], ReadableSpan]:
    """The attempt spans that were exported, and the call that they are below."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(SaveTraceSpanProcessor())
    spans = AttemptSpans(provider, provider.get_tracer("otel_savetrace", "1"), SaveTraceSpanProcessor)
    with provider.get_tracer("botocore").start_as_current_span("S3.PutObject") as call:
        spans.write(call, "attempt: 200", STARTED, ENDED, dict(KNOWN), error)
    *attempts, written_call = exporter.get_finished_spans()
    return attempts, written_call


def _encoded(span: ReadableSpan) -> Any:
    """A span as OTLP sends it, but for what no two spans share."""
    (resource,) = encode_spans([span]).resource_spans
    (scope,) = resource.scope_spans
    (encoded,) = scope.spans
    for name in ("trace_id", "span_id", "parent_span_id"):
        assert getattr(encoded, name)
        encoded.ClearField(name)
    return resource


@pytest.mark.parametrize("error", [None, "SlowDown"])
def test_a_span_written_quickly_is_the_sdks_own(error: str | None) -> None:
    """Encoded for export, an attempt is byte for byte what the SDK's tracer makes of the same facts."""
    resource = Resource({"service.name": "storymap"})
    (quick,), call = _written(TracerProvider(resource=resource), error)
    listening = TracerProvider(resource=resource)
    listening.add_span_processor(_Listens())
    (slow,), _ = _written(listening, error)
    assert dict(slow.attributes or {}) == KNOWN | {"tenant": "one"}, "the public way was taken"
    assert "tenant" not in dict(quick.attributes or {})
    slow._attributes = quick._attributes
    assert _encoded(quick).SerializeToString() == _encoded(slow).SerializeToString()
    assert quick.parent is not None
    assert call.context is not None
    assert (quick.parent.trace_id, quick.parent.span_id) == (call.context.trace_id, call.context.span_id)
    assert quick.status.status_code is (StatusCode.UNSET if error is None else StatusCode.ERROR)


def test_a_sampler_of_its_own_mind_is_asked() -> None:
    """A sampler that drops attempts whatever their parent is gets its way."""
    attempts, _ = _written(TracerProvider(sampler=_DropsAttempts()))
    assert attempts == []
    attempts, _ = _written(
        TracerProvider(sampler=ParentBased(ALWAYS_ON, local_parent_sampled=_DropsAttempts()))
    )
    assert attempts == []


@pytest.mark.parametrize(
    "limits",
    [
        SpanLimits(max_span_attribute_length=2),
        SpanLimits(max_span_attributes=1),
        SpanLimits(max_attribute_length=2),
    ],
)
def test_limits_are_kept(limits: SpanLimits) -> None:
    """Limits on the number and length of attributes hold for attempts and for what is set on a live span."""
    provider = TracerProvider(span_limits=limits)
    (attempt,), _ = _written(provider)
    with provider.get_tracer("botocore").start_as_current_span("S3.PutObject") as span:
        set_attributes(span, dict(KNOWN))
    for written in (attempt, span):
        kept = dict(written.attributes or {})  # type: ignore[union-attr]  # the SDK's span
        assert len(kept) < len(KNOWN) or kept["savetrace.connection"] == "ne"


def test_what_is_set_on_a_live_span_is_there_and_later_words_win() -> None:
    """Attributes set in one go stand beside others, and replace those of the same name."""
    span = (
        TracerProvider()
        .get_tracer("botocore")
        .start_span("S3.PutObject", attributes={"rpc.service": "S3", "a": 1})
    )
    set_attributes(span, {"a": 2, "b": "two"})
    span.set_attribute("b", "three")
    assert dict(span.attributes or {}) == {"rpc.service": "S3", "a": 2, "b": "three"}  # type: ignore[attr-defined]  # the SDK's


def test_nothing_is_set_on_a_span_that_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    """A span that has ended stays as it was, and the SDK says so."""
    span = TracerProvider().get_tracer("botocore").start_span("S3.PutObject")
    span.end()
    set_attributes(span, {"a": 2})
    assert dict(span.attributes or {}) == {}  # type: ignore[attr-defined]  # the SDK's span
    assert caplog.messages == ["Setting attribute on ended span."]


def test_processors_that_come_later_are_seen() -> None:
    """A processor that is added after the first attempt, and listens, hears of the next one's start."""
    provider = TracerProvider()
    (first,), _ = _written(provider)
    provider.add_span_processor(_Listens())
    second = _written(provider)[0][0]
    assert "tenant" not in dict(first.attributes or {})
    assert dict(second.attributes or {})["tenant"] == "one"


def test_the_processors_of_the_sdk_do_not_listen() -> None:
    """The SDK's own processors do nothing at a start, as the shorter way takes for granted."""
    for processor in (SpanProcessor, BatchSpanProcessor, SimpleSpanProcessor):
        assert set(processor.on_start.__code__.co_names) == set()
        assert set(processor._on_ending.__code__.co_names) == set()
