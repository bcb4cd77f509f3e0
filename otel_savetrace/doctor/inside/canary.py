"""One span, sent through the very exporters that the app's spans take."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_savetrace.doctor.facts import Canary, Delivery, ExporterFacts
from otel_savetrace.doctor.inside.exporters import exporters
from otel_savetrace.doctor.inside.reach import Obstacle, obstacle

SCOPE = "otel_savetrace.doctor"
NAME = "savetrace doctor: canary"

SENT_BY = ("grpc", "http", "file", "other")
"""Kinds of exporter that it is given to; a console's would be printed among the app's lines."""

_STATUS = re.compile(r"StatusCode\.(\w+)|code: (\d{3})")


def canary(seconds: str) -> Canary:
    """Send the span, and wait `seconds` at most for each exporter's word on it."""
    provider: Any = trace.get_tracer_provider()
    resource = getattr(provider, "resource", None) or Resource.create()
    span = canary_span(resource)
    context = span.get_span_context()
    assert context is not None  # noqa: S101 - for the type checker: every span has one
    return {
        "trace_id": f"{context.trace_id:032x}",
        "service": str(resource.attributes.get("service.name", "")),
        "sent_seconds": time.time(),
        "deliveries": [
            deliver(exporter, facts, span, float(seconds))
            for exporter, facts in exporters()
            if facts["kind"] in SENT_BY
        ],
    }


class _AlwaysInTheShare(IdGenerator):
    """Trace ids that end as low as can be: a Collector that keeps a share of the traces keeps these."""

    def generate_trace_id(self) -> int:
        return secrets.randbits(72) << 56 | 1

    def generate_span_id(self) -> int:
        return secrets.randbits(63) + 1


class _Kept(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def canary_span(resource: Resource) -> ReadableSpan:
    """Make a span of the app's resource, whatever its sampler would say."""
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=_AlwaysInTheShare())
    kept = _Kept()
    provider.add_span_processor(kept)
    provider.get_tracer(SCOPE).start_span(NAME, Context()).end()
    return kept.ended[0]


def deliver(exporter: Any, facts: ExporterFacts, span: ReadableSpan, seconds: float) -> Delivery:
    """Give a span to an exporter, and wait `seconds` at most for its word."""
    began = time.monotonic()
    found = obstacle(facts) if facts["kind"] in {"grpc", "http"} else None
    if found is not None and found.stage in {"name", "connect"}:
        return _delivery(facts, found, "", began)
    messages, result = _export(exporter, (span,), seconds)
    if result is SpanExportResult.SUCCESS:
        return _delivery(facts, Obstacle("delivered", ""), "", began)
    said = " ".join(messages) or ("no answer" if result is None else "no reason given")
    status = next((one for match in _STATUS.finditer(said) for one in match.groups() if one), "")
    # The exporter's own word counts; ours explains it.
    reason = messages[0] if messages else said
    return _delivery(facts, found or Obstacle("export", reason), status, began)


def _export(
    exporter: Any, spans: Sequence[ReadableSpan], seconds: float
) -> tuple[list[str], SpanExportResult | None]:
    """Export in a thread, so that an exporter that never returns is left behind."""
    results: list[SpanExportResult] = []
    heard = _Heard()

    def export() -> None:
        try:
            results.append(exporter.export(spans))
        except Exception as error:  # of somebody's exporter
            heard.messages.append(f"{type(error).__name__}: {error}")
            results.append(SpanExportResult.FAILURE)

    with _listening(heard):
        thread = threading.Thread(target=export, daemon=True)
        thread.start()
        thread.join(seconds)
    return heard.messages, results[0] if results else None


@contextlib.contextmanager
def _listening(heard: logging.Handler) -> Iterator[None]:
    """Hear what OpenTelemetry logs, also what it would keep to itself for having said it before."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("opentelemetry.exporter.")]
    loggers = [logging.getLogger(name) for name in names]
    filters = [list(logger.filters) for logger in loggers]
    opentelemetry = logging.getLogger("opentelemetry")
    for logger in loggers:
        logger.filters.clear()
    opentelemetry.addHandler(heard)
    try:
        yield
    finally:
        opentelemetry.removeHandler(heard)
        for logger, held in zip(loggers, filters, strict=True):
            logger.filters.extend(held)


class _Heard(logging.Handler):
    """Keeps what exporters of spans log; those of metrics and logs speak at the same time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "trace" in message or "span" in message:
            self.messages.append(message)


def _delivery(facts: ExporterFacts, found: Obstacle, status: str, began: float) -> Delivery:
    return {
        "exporter": facts,
        "stage": found.stage,
        "status": status,
        "detail": found.detail,
        "seconds": time.monotonic() - began,
    }
