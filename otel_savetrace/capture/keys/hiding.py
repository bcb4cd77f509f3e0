"""Where `otel_savetrace.capture.keys.privacy` hears of keys, requests and spans: seams, hooks and signals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import Span

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.keys.privacy import KeyPrivacy
from otel_savetrace.capture.seam import Method, Seam
from otel_savetrace.config import Settings


class KeyHiding:
    """Stands between the spans of a provider and its processors.

    The provider's chain of processors is asked first, whichever processors are added to it and when.
    `told_at_once` is ours, which must hear of a span's end while its request lives, and exports nothing.
    """

    def __init__(self, settings: Settings, provider: Any, told_at_once: SpanProcessor) -> None:
        self.privacy = KeyPrivacy(settings, getattr(provider, "_span_limits", None))
        self._chain: Any = provider._active_span_processor
        self._told_at_once = told_at_once
        self._undo: list[Callable[[], None]] = []
        self._hiding = True

    def start(self) -> None:
        """Begin to hide."""
        spans = "what keys a span holds"
        self._put(Seam(self._chain, "on_start", self._wrap_on_start, spans))
        self._put(Seam(self._chain, "on_end", self._wrap_on_end, spans))
        self._put(Seam(self._chain, "shutdown", self._wrap_shutdown, spans))
        self._hook_calls()
        self._watch_requests()

    def stop(self) -> None:
        """Hand on what is kept back, and leave everything as it was."""
        while self._undo:
            self._undo.pop()()
        self._hiding = False
        self._hand_on_all()

    def _put(self, seam: Seam) -> None:
        seam.install()
        self._undo.append(seam.remove)

    def _wrap_on_start(self, original: Method) -> Method:
        def on_start(span: Any, parent_context: Any = None) -> None:
            guard.run("a span starts", self.privacy.starts, span)
            original(span, parent_context=parent_context)

        return on_start

    def _wrap_on_end(self, original: Method) -> Method:
        def on_end(span: ReadableSpan) -> None:
            if not self._hiding:  # somebody has wrapped this since, and keeps it
                original(span)
                return
            self._told_at_once.on_end(span)
            for redacted in guard.run("a span ends", self.privacy.ends, span) or ():
                self._hand_on(redacted)

        return on_end

    def _wrap_shutdown(self, original: Method) -> Method:
        def shutdown() -> None:
            self._hand_on_all()
            original()

        return shutdown

    def _hand_on(self, span: ReadableSpan) -> None:
        for processor in self._chain._span_processors:
            if processor is not self._told_at_once:
                processor.on_end(span)

    def _hand_on_all(self) -> None:
        for span in self.privacy.all_waiting():
            self._hand_on(span)

    def _hook_calls(self) -> None:
        try:
            from botocore.client import BaseClient
            from opentelemetry.instrumentation import botocore
        except ImportError:
            return  # botocore is not installed
        self._put(Seam(BaseClient, "_emit_api_params", self._wrap_emit_api_params, "a presigned key"))
        for name in ("BotocoreInstrumentor", "AiobotocoreInstrumentor"):
            instrumentor = getattr(botocore, name, None)
            if instrumentor is not None:
                self._hook_calls_of(instrumentor())

    def _hook_calls_of(self, instrumentor: Any) -> None:
        user_hook = getattr(instrumentor, "request_hook", None)

        def request_hook(span: Span, service: str, operation: str, parameters: dict[str, Any]) -> None:
            if service == "s3" and span.is_recording():
                guard.run("a call's keys are noted", self.privacy.note_call, span, parameters)
            if user_hook is not None:
                user_hook(span, service, operation, parameters)

        instrumentor.request_hook = request_hook

        def unhook() -> None:
            if instrumentor.request_hook is request_hook:
                instrumentor.request_hook = user_hook

        self._undo.append(unhook)

    def _wrap_emit_api_params(self, original: Method) -> Method:
        def _emit_api_params(client: Any, api_params: Any, operation_model: Any, context: Any) -> Any:
            if context.get("is_presign_request"):
                guard.run("an address is signed", self._note_presigned, client, api_params)
            return original(client, api_params, operation_model, context)

        return _emit_api_params

    def _note_presigned(self, client: Any, parameters: Any) -> None:
        """Note the key in an address that the app may now use in this trace, past botocore."""
        span = trace.get_current_span()
        if client.meta.service_model.service_name == "s3" and span.is_recording():
            self.privacy.note_call(span, parameters)

    def _watch_requests(self) -> None:
        if not self.privacy.request_attributes:
            return
        try:
            from flask import got_request_exception, request_finished

            for signal in (got_request_exception, request_finished):
                signal.connect(self._on_request_answered)
                self._undo.append(partial(signal.disconnect, self._on_request_answered))
        except (ImportError, RuntimeError):  # no Flask, or one without signals: said where saves are watched
            return

    def _on_request_answered(self, *_: Any, **__: Any) -> None:
        guard.run("a request's keys are noted", self._note_request)

    def _note_request(self) -> None:
        from flask import request

        from otel_savetrace.capture.request_fields import value_of

        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return
        wanted = self.privacy.request_attributes
        values = [value for value in map(value_of, wanted) if value]
        # Also where the app has not looked at its query, the address is recorded.
        in_query = {one.field for one in wanted if one.source == "args"}
        if in_query:
            query = parse_qsl(request.environ.get("QUERY_STRING", ""))
            values += [value for name, value in query if name in in_query]
        self.privacy.note_parts(context.trace_id, values)
