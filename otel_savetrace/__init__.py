"""Says what differed between a save to S3 that failed and the retry that worked.

Switched on by the environment (see `otel_savetrace.environment_variables`) with no line of the app changed;
in code, for those who prefer it::

    settings = otel_savetrace.Settings(file=Path("spans.jsonl"))
    otel_savetrace.instrument(tracer_provider=provider, settings=settings)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_savetrace.capture.instrumentation import instrument, uninstrument
    from otel_savetrace.capture.processor import SaveTraceSpanProcessor
    from otel_savetrace.config import RequestAttribute, Settings

__all__ = ["RequestAttribute", "SaveTraceSpanProcessor", "Settings", "instrument", "uninstrument"]

_HOME = {
    "RequestAttribute": "otel_savetrace.config",
    "SaveTraceSpanProcessor": "otel_savetrace.capture.processor",
    "Settings": "otel_savetrace.config",
    "instrument": "otel_savetrace.capture.instrumentation",
    "uninstrument": "otel_savetrace.capture.instrumentation",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line needs no SDK, and a guarded start imports nothing early."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
