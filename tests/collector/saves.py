"""Saves as capture writes them, made with OpenTelemetry's SDK alone.

They stand in for capture where a test is about the Collector or Jaeger and needs saves of an exact shape,
many or secret-laden; what capture itself writes goes the same way in tests/e2e.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.util.types import AttributeValue

from otel_savetrace import attributes as names
from tests.fixture_jaeger import Jaeger

SERVICE = "storymap"
ROUTE = "/storymap/save/"
NANOSECONDS = 1_000_000_000


class Sender:
    """An app's tracing: makes saves and sends them to the Collector at `grpc` (``host:port``)."""

    def __init__(self, grpc: str, exporter_seconds: float = 60.0, service: str = SERVICE) -> None:
        # Longer than the 10 s that the exporter tries by default: the Collector may be gone for a while.
        exporter = OTLPSpanExporter(endpoint=grpc, insecure=True, timeout=exporter_seconds)
        self.processor = BatchSpanProcessor(exporter, schedule_delay_millis=100)
        self.provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer(names.SCOPE)

    def flush(self) -> None:
        """Return once everything ended so far has been acknowledged."""
        assert self.provider.force_flush()

    def shutdown(self) -> None:
        """Send what is left and end the exporter's thread."""
        self.provider.shutdown()

    def save(
        self,
        *,
        codes: tuple[str, ...] = (),
        outcome: str | None = None,
        seconds: float = 0.05,
        seconds_ago: float = 0.0,
        flush_before_end: bool = False,
        **attributes: AttributeValue,
    ) -> str:
        """Make a save of one storage call and return its trace id.

        `codes` are the S3 errors of its attempts, in order; a last attempt follows that succeeds, unless
        `outcome` is ``failed``. `seconds` is what its duration says, and it
        ended `seconds_ago`. With `flush_before_end` all but the save
        itself is sent first. `attributes` go to the save, ``storymap_id`` standing for ``storymap.id``.
        """
        outcome = outcome or names.SUCCEEDED
        end = time.time_ns() - int(seconds_ago * NANOSECONDS)
        begin = end - int(seconds * NANOSECONDS)
        save = self._start("POST /storymap/save/", SpanKind.SERVER, begin)
        call = self._start("S3.PutObject", SpanKind.CLIENT, begin, parent=save)
        self._attempts(call, codes, outcome, begin, end)
        if outcome == names.FAILED:
            call.set_attribute(names.ERROR_CODE, codes[-1])
            call.set_status(Status(StatusCode.ERROR))
        call.end(end)
        if flush_before_end:
            self.flush()
        save.set_attributes(_of_save(outcome, codes))
        save.set_attributes({name.replace("_", ".", 1): value for name, value in attributes.items()})
        save.end(end)
        return format_trace_id(save.get_span_context().trace_id)

    def _attempts(self, call: Span, codes: tuple[str, ...], outcome: str, begin: int, end: int) -> None:
        for number, code in enumerate(codes):
            attempt = self._start(f"{names.ATTEMPT_NAME}503 {code}", SpanKind.CLIENT, begin, parent=call)
            attempt.set_attributes({names.RETRY_ATTEMPT: number, names.ERROR_CODE: code})
            attempt.set_status(Status(StatusCode.ERROR))
            attempt.end(end)
        if outcome != names.FAILED:
            attempt = self._start(f"{names.ATTEMPT_NAME}200", SpanKind.CLIENT, begin, parent=call)
            attempt.set_attributes({names.RETRY_ATTEMPT: len(codes)})
            attempt.end(end)

    def _start(self, name: str, kind: SpanKind, begin: int, parent: Span | None = None) -> Span:
        context = None if parent is None else set_span_in_context(parent)
        span = self.tracer.start_span(name, context=context, kind=kind, start_time=begin)
        assert isinstance(span, Span)
        return span


def _of_save(outcome: str, codes: tuple[str, ...]) -> Mapping[str, AttributeValue]:
    written: dict[str, AttributeValue] = {
        names.OUTCOME: outcome,
        names.RETRY_ATTEMPTS: len(codes) - (outcome == names.FAILED),
        "http.route": ROUTE,
        "http.method": "POST",
        "http.target": ROUTE,
        "http.status_code": 200,
    }
    if outcome == names.FAILED:
        written[names.ERROR_CODE] = codes[-1]
    return written


@contextmanager
def sending_to(grpc: str, service: str = SERVICE) -> Iterator[Sender]:
    """Send saves to `grpc`; on leaving, everything made has been acknowledged."""
    sender = Sender(grpc, service=service)
    try:
        yield sender
        sender.flush()
    finally:
        sender.shutdown()


def failed_and_retried(jaeger: Jaeger) -> tuple[str, str]:
    """Return the traces of a save that failed and of the one that worked after it, once `jaeger` has both."""
    with sending_to(jaeger.otlp) as sender:
        failed = sender.save(codes=("SlowDown",), outcome="failed", storymap_id="my-map", seconds_ago=5.0)
        retry = sender.save(storymap_id="my-map")
    jaeger.wait_for({failed: 3, retry: 3})
    return failed, retry
