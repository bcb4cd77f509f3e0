"""OpenTelemetry and capture in a process that runs no pytest."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_savetrace
from otel_savetrace.capture.guard import guard
from tests.fixture_capture import Captured, botocore_instrumentor

CREDENTIALS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}


def switch_on() -> Captured:
    """Switch OpenTelemetry's instrumentations on, then capture."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    flask_instrumentor: Any = FlaskInstrumentor()
    flask_instrumentor.instrument(tracer_provider=provider)
    botocore_instrumentor().instrument(tracer_provider=provider)
    assert otel_savetrace.instrument(provider, otel_savetrace.Settings())
    return Captured(exporter, provider)


def tell(found: object) -> None:
    """Print what was found; fail where the guard caught something."""
    assert not guard.caught, guard.caught
    print(json.dumps(found))  # noqa: T201 - how it is told
