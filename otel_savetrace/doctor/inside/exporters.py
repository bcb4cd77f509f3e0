"""The exporters that OpenTelemetry has made of its variables, each with the processor before it."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace

from otel_savetrace.doctor.facts import ExporterFacts

_OTLP = "opentelemetry.exporter.otlp.proto."


def exporters() -> list[tuple[Any, ExporterFacts]]:
    """Return each span exporter of this process with what is known of it."""
    found = []
    for processor in _processors():
        exporter = getattr(processor, "span_exporter", None)
        if exporter is not None:
            found.append((exporter, facts_of(processor, exporter)))
    return found


def _processors() -> tuple[Any, ...]:
    # The SDK has no public way to see them.
    chain = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    return tuple(getattr(chain, "_span_processors", ()))


def facts_of(processor: Any, exporter: Any) -> ExporterFacts:
    """Return what is known of an exporter and the processor before it."""
    kind = _kind(exporter)
    endpoint = str(getattr(exporter, "_endpoint", "") or getattr(exporter, "_path", ""))
    if kind == "grpc":
        secure = not getattr(exporter, "_insecure", False)
    else:
        secure = endpoint.lower().startswith("https:")
    client = getattr(exporter, "_client", None)
    timeout = getattr(exporter, "_timeout", None) or getattr(client, "_timeout", None)
    batch = getattr(processor, "_batch_processor", None)
    delay = getattr(batch, "_schedule_delay", None)
    return {
        "class_name": f"{type(exporter).__module__}.{type(exporter).__qualname__}",
        "kind": kind,
        "endpoint": endpoint,
        "secure": secure,
        "timeout_seconds": float(timeout) if isinstance(timeout, (int, float)) else None,
        "queue_size": getattr(batch, "_max_queue_size", None),
        "delay_seconds": float(delay) if isinstance(delay, (int, float)) else None,
    }


def _kind(exporter: Any) -> str:
    name = f"{type(exporter).__module__}.{type(exporter).__qualname__}"
    if name.startswith(f"{_OTLP}grpc."):
        return "grpc"
    if name.startswith(f"{_OTLP}http."):
        return "http"
    if name.startswith("otel_savetrace."):
        return "file"
    return "console" if "ConsoleSpanExporter" in name else "other"
