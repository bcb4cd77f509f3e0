"""The span processor: knows a request by the server span that Flask's instrumentation starts for it."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import Save, current_save, live_save

FLASK_SCOPE = "opentelemetry.instrumentation.flask"


class SaveTraceSpanProcessor(SpanProcessor):
    """Opens a `Save` when a request's span starts and closes it when it ends.

    It exports nothing and may stand anywhere in the provider's chain of processors. Everything about a save
    is written by hooks while its span lives: when a processor hears of an end, the span is already closed.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a request's span; every other span passes."""
        guard.run("a span starts", self._on_start, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Forget a request whose span has ended."""
        guard.run("a span ends", self._on_end, span)

    @staticmethod
    def _on_start(span: Span) -> None:
        scope = span.instrumentation_scope
        if scope is None or scope.name != FLASK_SCOPE:
            return
        outer = live_save()
        if outer is None or outer.span is not span:
            current_save.set(Save(span, outer))

    @staticmethod
    def _on_end(span: ReadableSpan) -> None:
        save = current_save.get()
        if save is not None and span.context is not None and save.span.get_span_context() == span.context:
            current_save.set(save.outer)
