"""A browser's spans handed to the app's own processors, under a resource of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_savetrace.attributes import BROWSER_SCOPE, BROWSER_SERVICE, REGISTRY
from otel_savetrace.capture.browser.sent import SentSpan

_KINDS = {1: SpanKind.INTERNAL, 3: SpanKind.CLIENT}
_STATUSES = {0: StatusCode.UNSET, 1: StatusCode.OK, 2: StatusCode.ERROR}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
# Of the app's resource, what is as true of its users' browsers.
_SHARED = ("service.namespace", "service.version", "deployment.environment.name", "deployment.environment")


def service_of(resource: Mapping[str, Any]) -> str:
    """Return the name of the service that the browsers of an app's users are."""
    return BROWSER_SERVICE.format(service=resource.get("service.name", "unknown_service"))


def resource_of(provider: Any) -> Mapping[str, Any]:
    """Return the attributes of a provider's resource, none where it has no resource."""
    known: Mapping[str, Any] = getattr(getattr(provider, "resource", None), "attributes", {})
    return known


class Emission:
    """Hands spans to the processors of `provider`, which is the SDK's.

    `personal`: whether attributes that may name a person or a key are kept.
    """

    def __init__(self, provider: Any, *, personal: bool) -> None:
        self._processors = provider._active_span_processor
        self._personal = personal
        app = resource_of(provider)
        shared = {name: app[name] for name in _SHARED if name in app}
        self._resource = Resource(
            {"service.name": service_of(app), "telemetry.sdk.language": "webjs", **shared}
        )
        self._scopes: dict[str, InstrumentationScope] = {}

    def emit(self, sent: SentSpan) -> None:
        """Hand over one span; the processors queue it as they do the app's own."""
        self._processors.on_end(
            ReadableSpan(
                name=sent.name,
                context=_context(sent.trace_id, sent.span_id),
                parent=None if sent.parent_span_id is None else _context(sent.trace_id, sent.parent_span_id),
                resource=self._resource,
                attributes={
                    name: value
                    for name, value in sent.attributes.items()
                    if self._personal or not REGISTRY[name].personal
                },
                links=tuple(Link(_context(*link)) for link in sent.links),
                kind=_KINDS[sent.kind],
                status=Status(_STATUSES[sent.status], sent.message or None)
                if sent.status == 2
                else Status(_STATUSES[sent.status]),
                start_time=sent.started,
                end_time=sent.ended,
                instrumentation_scope=self._scope(sent.version),
            )
        )

    def _scope(self, version: str) -> InstrumentationScope:
        known = self._scopes.get(version)
        if known is None:
            if len(self._scopes) >= 16:
                self._scopes.clear()
            known = self._scopes[version] = InstrumentationScope(BROWSER_SCOPE, version)
        return known


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED)
