"""What is switched on in this process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from opentelemetry import trace

from otel_savetrace.capture import instrumentation
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.processor import SaveTraceSpanProcessor
from otel_savetrace.capture.seam import Seam
from otel_savetrace.doctor.facts import Loading, SeamFacts


def loading(_: str) -> Loading:
    """Return what OpenTelemetry and capture have put in place before the program began."""
    provider: Any = trace.get_tracer_provider()
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    placed = _placed()
    owners = [getattr(undo, "__self__", None) for undo in placed]
    botocore = _instrumentor("botocore", "BotocoreInstrumentor")
    hook = getattr(botocore, "request_hook", None)
    resource = getattr(getattr(provider, "resource", None), "attributes", {})
    sampler = getattr(provider, "sampler", None)
    return {
        "opentelemetry": "opentelemetry.instrumentation.auto_instrumentation" in sys.modules,
        "provider": type(provider).__name__,
        "takes_processors": hasattr(provider, "add_span_processor"),
        "switched_on": instrumentation._installed is not None,
        "processor": any(isinstance(one, SaveTraceSpanProcessor) for one in processors),
        "flask": _state("flask", _instrumentor("flask", "FlaskInstrumentor")),
        "botocore": _state("botocore", botocore),
        "request_watch": any(type(owner).__name__ == "RequestWatch" for owner in owners),
        "call_hooks": str(getattr(hook, "__module__", "")).startswith("otel_savetrace."),
        "seams": [_seam(owner) for owner in owners if isinstance(owner, Seam)],
        "caught": [f"{kind} when {moment}" for moment, kind in guard.caught],
        "sampler": sampler.get_description() if sampler is not None else "",
        "service_name": str(resource.get("service.name", "")),
    }


def _placed() -> list[Any]:
    """Return what would undo each step of the installation: the truth about what was done."""
    installed = instrumentation._installed
    return [] if installed is None else list(installed._undo)


def _seam(seam: Seam) -> SeamFacts:
    # A module or a class; both have a name.
    place = f"{seam._owner.__name__}.{seam._name}"
    return {"place": place, "carries": seam._carries, "in_place": seam._ours is not None}


def _instrumentor(package: str, name: str) -> Any:
    """Return OpenTelemetry's one instrumentor of a package, `None` where it cannot be imported."""
    try:
        module = importlib.import_module(f"opentelemetry.instrumentation.{package}")
    except ImportError:
        return None
    return getattr(module, name)()


def _state(package: str, instrumentor: Any) -> str:
    if importlib.util.find_spec(package) is None:
        return "not installed"
    on = instrumentor is not None and instrumentor.is_instrumented_by_opentelemetry
    return "instrumented" if on else "not instrumented"
