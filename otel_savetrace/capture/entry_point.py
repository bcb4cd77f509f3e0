"""Loaded by `opentelemetry-instrument` after its own instrumentations, with no code in the app.

OpenTelemetry calls this unguarded: an error here would leave the app uninstrumented. So nothing is imported
before the guard stands.
"""

from __future__ import annotations

from otel_savetrace.capture.guard import guard


def switch_on() -> None:
    """Switch capture on as the environment says; never raises."""
    guard.run("it is switched on", _switch_on)


def _switch_on() -> None:
    from otel_savetrace.capture.instrumentation import instrument

    instrument()
