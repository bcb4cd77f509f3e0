"""The span processor: knows a request by the server span that Flask's instrumentation starts for it."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import doing, in_flight, stopped
from otel_savetrace.capture.failure import of_recorded
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import Save, current_save, live_save
from otel_savetrace.capture.worker import worker

if TYPE_CHECKING:
    from otel_savetrace.capture.elsewhere import Circumstances

FLASK_SCOPE = "opentelemetry.instrumentation.flask"

_BOTOCORE_SCOPE = "opentelemetry.instrumentation.botocore"
_STORAGE = "S3."


class SaveTraceSpanProcessor(SpanProcessor):
    """Opens a `Save` when a request's span starts, closes it when it ends; notes which dependencies failed.

    It exports nothing and may stand anywhere in the provider's chain of processors. Everything about a save
    is written by hooks while its span lives: when a processor hears of an end, the span is already closed.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a request's span, and whom a request asks beside storage."""
        scope = span.instrumentation_scope
        if scope is not None and scope.name == FLASK_SCOPE:
            guard.run("a request starts", _request_starts, span)
        elif span.kind is SpanKind.CLIENT and not span.name.startswith(_STORAGE):
            guard.run("a service is asked", _service_is_asked, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Forget a request whose span has ended; note that a dependency failed."""
        scope = span.instrumentation_scope
        if scope is None:
            return
        if scope.name == FLASK_SCOPE:
            guard.run("a request ends", _request_ends, span)
        elif span.kind is SpanKind.CLIENT:
            if span.status.status_code is StatusCode.ERROR:
                guard.run("a dependency failed", _dependency_failed, span, scope.name)
            error = sys.exc_info()[1]
            if error is not None and stopped.is_stop(error):
                guard.run("a service is waited for no more", _is_cut_off, span, error)


def _request_starts(span: Span) -> None:
    outer = live_save()
    if outer is None or outer.span is not span:
        save = Save(span, outer)
        save.number = worker.begin(save)
        current_save.set(save)
        save.circumstances = _circumstances_class()()
        if in_flight.recorder is not None:
            in_flight.recorder.request_starts(save)


@functools.cache
def _circumstances_class() -> type[Circumstances]:
    # Here, since this module is loaded without Flask, too; once, since an import costs each request.
    from otel_savetrace.capture.elsewhere import Circumstances

    return Circumstances


def _request_ends(span: ReadableSpan) -> None:
    save = current_save.get()
    if save is not None and span.context is not None and save.span.get_span_context() == span.context:
        worker.end(save)
        if in_flight.recorder is not None:
            in_flight.recorder.request_ends(save)
        save.circumstances = None
        current_save.set(save.outer)


def _service_is_asked(span: Span) -> None:
    save = live_save()
    if save is not None:
        save.ask(span)


def _dependency_failed(span: ReadableSpan, scope: str) -> None:
    save = live_save()
    if save is None or scope == attribute.SCOPE or (scope.startswith(_BOTOCORE_SCOPE) and _is_storage(span)):
        return  # the wire tells more of these
    save.dependency = of_recorded(span)
    if save.dependency.exception is not None:
        save.note_raised(save.dependency.exception)


def _is_cut_off(span: ReadableSpan, error: BaseException) -> None:
    if not span.name.startswith((_STORAGE, attribute.ATTEMPT_NAME)):
        stopped.note(error, doing.of_span(span))


def _is_storage(span: ReadableSpan) -> bool:
    return span.name.startswith(_STORAGE)
