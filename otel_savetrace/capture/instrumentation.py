"""Capture switched on and off: the processor, the hooks and the seams, all of them or none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, TracerProvider

from otel_savetrace.attributes import SCOPE
from otel_savetrace.capture import storage_call
from otel_savetrace.capture.guard import guard, logger
from otel_savetrace.capture.processor import SaveTraceSpanProcessor
from otel_savetrace.capture.seam import Seam
from otel_savetrace.capture.span_writer import AttemptSpans
from otel_savetrace.capture.worker import worker
from otel_savetrace.config import Settings
from otel_savetrace.errors import SettingError

if TYPE_CHECKING:
    from otel_savetrace.capture.request import RequestWatch

_TRACE_ENCODER = "opentelemetry.exporter.otlp.proto.common._internal.trace_encoder"


class Instrumentation:
    """Everything that one `instrument` has put in place, so that `remove` takes out just that."""

    def __init__(self, settings: Settings, provider: TracerProvider) -> None:
        self._settings = settings
        self._provider = provider
        self._undo: list[Callable[[], None]] = []
        self._watch: RequestWatch | None = None

    def install(self) -> None:
        """Put everything in place."""
        processor = SaveTraceSpanProcessor()
        self._add_processor(processor)
        if self._settings.file is not None:
            self._write_file(self._settings.file)
        self._watch_flask()
        self._watch_browsers()
        self._watch_botocore()
        self._watch_transfers()
        self._speed_up_export()
        if self._settings.keys != "plain":
            self._hide_keys(processor)
        if self._watch is not None and self._settings.in_flight:
            self._keep_in_flight(self._watch)

    def remove(self) -> None:
        """Take everything out, last in first out; what cannot be taken out is said in the log."""
        while self._undo:
            guard.run("it is switched off", self._undo.pop())

    def _add_processor(self, processor: SpanProcessor) -> None:
        self._provider.add_span_processor(processor)  # type: ignore[attr-defined]  # `instrument` looked
        self._undo.append(lambda: _remove_processor(self._provider, processor))

    def _write_file(self, path: Path) -> None:
        from otel_savetrace.capture.span_file import AppendedLines, SpanFileExporter

        try:
            AppendedLines(path).write("")
        except OSError as error:
            logger.warning(
                "otel-savetrace: OTEL_SAVETRACE_FILE=%r cannot be written (%s); no file is used instead.",
                str(path),
                error.strerror,
            )
            return
        self._add_processor(BatchSpanProcessor(SpanFileExporter(path)))

    def _watch_flask(self) -> None:
        try:
            from flask.app import Flask

            from otel_savetrace.capture.leaving import Leaving
            from otel_savetrace.capture.request import RequestWatch, wrap_handle_user_exception
            from otel_savetrace.capture.stopped import wrap_full_dispatch_request
        except ImportError:
            logger.info("otel-savetrace: Flask is not installed; storage calls are recorded, saves are not.")
            return
        watch = self._watch = RequestWatch(self._settings)
        try:
            watch.start()
        except RuntimeError:  # before 2.3, Flask's signals are those of an optional package
            logger.warning(
                "otel-savetrace: Flask has no signals without blinker, which is not installed; "
                "storage calls are recorded, saves are not."
            )
            return
        self._undo.append(watch.stop)
        self._put(
            Seam(Flask, "handle_user_exception", wrap_handle_user_exception, "exceptions that are handled"),
            Seam(
                Flask,
                "full_dispatch_request",
                wrap_full_dispatch_request(watch.note_stop),
                "saves that are stopped in the middle",
            ),
        )
        worker.watch_forks()
        leaving = Leaving(watch)
        self._undo.append(leaving.stop)
        leaving.start()

    def _watch_browsers(self) -> None:
        if not self._settings.browser and self._settings.browser_path is None:
            return
        try:
            from otel_savetrace.capture.browser.watch import BrowserWatch

            watch = BrowserWatch(self._settings, self._provider)
            self._undo.append(watch.stop)
            watch.start()
        except (ImportError, RuntimeError):
            return  # no Flask, or one without signals: said above

    def _watch_botocore(self) -> None:
        try:
            import botocore  # noqa: F401 - only whether it is there
        except ImportError:
            logger.info("otel-savetrace: botocore is not installed; storage calls are not recorded.")
            return
        self._hook_calls()
        from otel_savetrace.capture.botocore_seams import call_seams, connection_seams

        self._put(*call_seams(self._attempt_spans(), self._settings), *connection_seams())

    def _watch_transfers(self) -> None:
        try:
            from s3transfer.futures import BoundedExecutor
            from s3transfer.tasks import Task
        except ImportError:
            return  # it comes with boto3; botocore alone has no transfers in threads
        from otel_savetrace.capture import transfer

        self._put(
            Seam(BoundedExecutor, "submit", transfer.wrap_submit, "whose save an upload in a thread is"),
            Seam(Task, "__call__", transfer.wrap_task, "whose save an upload in a thread is"),
        )

    def _speed_up_export(self) -> None:
        if _TRACE_ENCODER in sys.modules:  # else nothing is exported that way
            from otel_savetrace.capture.encoding import encoding_seams

            self._put(*encoding_seams())

    def _hide_keys(self, processor: SpanProcessor) -> None:
        from otel_savetrace.capture.keys.hiding import KeyHiding

        hiding = KeyHiding(self._settings, self._provider, processor)
        self._undo.append(hiding.stop)
        hiding.start()

    def _keep_in_flight(self, watch: RequestWatch) -> None:
        if not hasattr(self._provider, "_active_span_processor"):
            return  # another SDK's: nobody knows when a span is handed over
        try:
            from otel_savetrace.capture.in_flight.keeping import InFlight
        except ImportError:
            return  # Windows has no flock
        kept = InFlight(self._settings, self._provider, watch.begins_save)
        self._undo.append(kept.stop)
        kept.start()

    def _put(self, *seams: Seam) -> None:
        for seam in seams:
            seam.install()
            self._undo.append(seam.remove)

    def _attempt_spans(self) -> AttemptSpans:
        tracer = trace.get_tracer(SCOPE, version("otel-savetrace"), self._provider)
        return AttemptSpans(self._provider, tracer, SaveTraceSpanProcessor)

    def _hook_calls(self) -> None:
        """Chain onto the hooks of OpenTelemetry's botocore instrumentation, keeping the user's own."""
        from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

        botocore: Any = BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # OpenTelemetry's, untyped
        if not botocore.is_instrumented_by_opentelemetry:
            logger.warning(
                "otel-savetrace: OpenTelemetry's botocore instrumentation is off; "
                "storage calls are not recorded."
            )
        user_request, user_response = botocore.request_hook, botocore.response_hook
        settings = self._settings

        def request_hook(span: Span, service: str, operation: str, parameters: dict[str, Any]) -> None:
            # The user's first: where it raises, botocore's call does not take place.
            if user_request is not None:
                user_request(span, service, operation, parameters)
            guard.run(
                "a storage call begins", storage_call.begin, settings, span, service, operation, parameters
            )

        def response_hook(span: Span, service: str, operation: str, result: Any) -> None:
            guard.run("a storage call ends", storage_call.end, service, result)
            if user_response is not None:
                user_response(span, service, operation, result)

        botocore.request_hook, botocore.response_hook = request_hook, response_hook

        def unhook() -> None:
            if botocore.request_hook is request_hook:
                botocore.request_hook = user_request
            if botocore.response_hook is response_hook:
                botocore.response_hook = user_response

        self._undo.append(unhook)


def _remove_processor(provider: Any, processor: SpanProcessor) -> None:
    """Shut `processor` down and take it out of `provider`, for which the SDK has no public way."""
    processor.shutdown()
    chain = provider._active_span_processor
    with chain._lock:
        chain._span_processors = tuple(one for one in chain._span_processors if one is not processor)


_installed: Instrumentation | None = None


def instrument(tracer_provider: TracerProvider | None = None, settings: Settings | None = None) -> bool:
    """Switch capture on in this process and return whether it is on.

    `tracer_provider` is the SDK's (default: the global one); `settings` default to what the environment
    says. OpenTelemetry's Flask and botocore instrumentations are expected to be on already. A second call
    does nothing. Never raises for a setting or a provider that cannot be used: one line in the log says so.
    """
    global _installed  # one process has one Flask and one botocore to hook into
    if _installed is not None:
        return True
    settings = settings if settings is not None else Settings.read(os.environ, _warn)
    if not settings.enabled:
        logger.info("otel-savetrace is off: OTEL_SAVETRACE_ENABLED is false.")
        return False
    provider = tracer_provider if tracer_provider is not None else trace.get_tracer_provider()
    reason = _unusable(provider, settings)
    if reason is not None:
        logger.warning("otel-savetrace is off: %s. The app runs without it.", reason)
        return False
    _installed = Instrumentation(settings, provider)
    try:
        _installed.install()
    except Exception:
        uninstrument()  # all of it or nothing
        raise
    return True


def uninstrument() -> None:
    """Switch capture off again and leave no trace of it: hooks, methods, signals and processors."""
    global _installed  # see `instrument`
    if _installed is not None:
        _installed.remove()
        _installed = None


def _unusable(provider: TracerProvider, settings: Settings) -> str | None:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED is true"
    if not hasattr(provider, "add_span_processor"):
        return f"the tracer provider ({type(provider).__name__}) takes no span processor"
    if settings.keys != "plain" and not hasattr(provider, "_active_span_processor"):
        return (
            f"OTEL_SAVETRACE_KEYS={settings.keys} cannot be kept with a tracer provider"
            f" ({type(provider).__name__}) that is not OpenTelemetry's own"
        )
    return None


def _warn(error: SettingError) -> None:
    logger.warning("otel-savetrace: %s", error)
