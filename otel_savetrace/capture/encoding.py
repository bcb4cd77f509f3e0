"""Spans encoded for export without making anything twice.

OpenTelemetry's OTLP exporters build each attribute as a message of its own and copy it, encoding and decoding
it each time, into its span, its scope, its resource and the request: most of what a save's export costs. Here
a request is built in place, and pairs of name and value, most of which are the same for every save, are
encoded once. It runs in the exporter's thread, on plain OpenTelemetry's spans too, which makes good what ours
add. The seam is `encode_spans` of OpenTelemetry's exporters over gRPC and HTTP; the request is the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common._internal import (
    _encode_attributes,
    _encode_instrumentation_scope,
    _encode_resource,
    trace_encoder,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.sdk.trace import ReadableSpan

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method, Seam

_MOST_PAIRS = 4_096
_MOST_FRAMES = 512
_LONGEST_VALUE = 256

_VALUE_FIELDS = {str: "string_value", int: "int_value", float: "double_value", bool: "bool_value"}
_SPAN_FIELDS = frozenset(
    (
        "trace_id", "span_id", "trace_state", "parent_span_id", "flags", "name", "kind", "status",
        "start_time_unix_nano", "end_time_unix_nano", "attributes", "dropped_attributes_count", "events",
        "dropped_events_count", "links", "dropped_links_count",
    )
)  # fmt: skip
_SEAMS = (
    "opentelemetry.exporter.otlp.proto.common._internal.trace_encoder",
    "opentelemetry.exporter.otlp.proto.common.trace_encoder",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
)

Pair = tuple[str, Any, type]
"""Name, value and the value's class, by which ``1``, ``1.0`` and ``True`` are told apart."""


def encoding_seams() -> Iterator[Seam]:
    """Yield a seam for each name by which a loaded exporter knows `encode_spans`.

    None where a span's message has a field that is not written here: a later version's.
    """
    if frozenset(Message.DESCRIPTOR.fields_by_name) != _SPAN_FIELDS:
        return
    wrap = wrap_encode_spans(SpanEncoder(_encode_attributes))
    for name in _SEAMS:
        module = sys.modules.get(name)
        if module is not None:
            yield Seam(module, "encode_spans", wrap, "nothing, but export takes longer;")


def wrap_encode_spans(encoder: SpanEncoder) -> Any:
    """Return the wrapper of `encode_spans(sdk_spans)`; what `encoder` cannot do is done as before."""

    def wrap(original: Method) -> Method:
        def encode_spans(sdk_spans: Any) -> Any:
            encoded = guard.run("spans are encoded", encoder.request_of, sdk_spans)
            return original(sdk_spans) if encoded is None else encoded

        return encode_spans

    return wrap


class SpanEncoder:
    """Builds requests of spans; keeps encoded pairs, at most 4,096 and none with over 256 characters.

    `encode_attributes` is the exporter's own encoder, which is asked for values of other kinds than text,
    numbers and truths, and for what cannot be encoded.
    """

    def __init__(self, encode_attributes: Callable[[Mapping[str, Any]], Any]) -> None:
        self._encode_attributes = encode_attributes
        self._pairs: dict[Pair, bytes] = {}
        self._frames: dict[tuple[Any, ...], bytes] = {}

    def request_of(self, spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        """Return the request that hands over `spans`."""
        request = ExportTraceServiceRequest()
        places = _Places(request)
        scratch = Message()
        scratch.attributes.add()
        for span in spans:
            self._add(places.of(span).add(), span, scratch)
        return request

    def _add(self, message: Any, span: Any, scratch: Any) -> None:
        """Write `span` into its empty message; private names, since the public ones copy and lock."""
        context, parent = span._context, span._parent
        message.trace_id = context.trace_id.to_bytes(16, "big")
        message.span_id = context.span_id.to_bytes(8, "big")
        if parent:
            message.parent_span_id = parent.span_id.to_bytes(8, "big")
        message.start_time_unix_nano = span._start_time
        message.end_time_unix_nano = span._end_time
        if context.trace_state:
            message.trace_state = trace_encoder._encode_trace_state(context.trace_state)
        events, links, held = span._events, span._links, span._attributes
        if events:
            message.events.extend(trace_encoder._encode_events(events))
        if links:
            message.links.extend(trace_encoder._encode_links(links))
        message.dropped_events_count = getattr(events, "dropped", 0)
        message.dropped_links_count = getattr(links, "dropped", 0)
        message.dropped_attributes_count = getattr(held, "dropped", 0)
        pairs = self._pairs_of(getattr(held, "_dict", held) or {}, scratch)
        # Fields of a message may follow one another in any order, and be read in pieces.
        message.MergeFromString(self._frame_of(span) + pairs)

    def _frame_of(self, span: Any) -> bytes:
        """Return what spans of one name and outcome have in common."""
        status, parent = span._status, span._parent
        frame = (
            span._name,
            span._kind,
            status.status_code,
            status.description,
            parent is not None and parent.is_remote,
        )
        encoded = self._frames.get(frame)
        if encoded is None:
            message = Message(
                name=span._name,
                kind=trace_encoder._SPAN_KIND_MAP[span._kind],
                status=trace_encoder._encode_status(status),
                flags=trace_encoder._span_flags(parent),
            )
            encoded = message.SerializePartialToString()
            if len(self._frames) >= _MOST_FRAMES:
                self._frames.clear()
            self._frames[frame] = encoded
        return encoded

    def _pairs_of(self, attributes: Mapping[str, Any], scratch: Any) -> bytes:
        known = self._pairs.get
        try:
            return b"".join(
                [
                    known(pair) or self._encode(pair, scratch)
                    for pair in [(name, value, value.__class__) for name, value in attributes.items()]
                ]
            )
        except Exception:  # a value that cannot be looked up, or not be encoded: the exporter says which
            return self._encode_as_before(attributes)

    def _encode(self, pair: Pair, scratch: Any) -> bytes:
        name, value, kind = pair
        field = _VALUE_FIELDS.get(kind)
        if field is None:
            return self._encode_as_before({name: value})
        (attribute,) = scratch.attributes
        attribute.key = name
        setattr(attribute.value, field, value)
        encoded: bytes = scratch.SerializePartialToString()
        # 0.0 and -0.0 are equal, and two messages.
        if (kind is not str or len(value) <= _LONGEST_VALUE) and (kind is not float or value):
            if len(self._pairs) >= _MOST_PAIRS:
                self._pairs.clear()
            self._pairs[pair] = encoded
        return encoded

    def _encode_as_before(self, attributes: Mapping[str, Any]) -> bytes:
        encoded: bytes = Message(attributes=self._encode_attributes(attributes)).SerializePartialToString()
        return encoded


class _Places:
    """Where in a request a span stands: below its resource and scope, each there once."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        self._request = request
        self._resources: dict[Any, tuple[Any, dict[Any, Any]]] = {}
        self._seen: dict[tuple[int, int], Any] = {}

    def of(self, span: Any) -> Any:
        """Return the list of messages that `span` belongs to."""
        # By identity first: a resource's hash is made of all that it holds.
        seen = (id(span._resource), id(span._instrumentation_scope))
        place = self._seen.get(seen)
        if place is None:
            place = self._seen[seen] = self._find(span._resource, span._instrumentation_scope)
        return place

    def _find(self, resource: Any, scope: Any) -> Any:
        if resource not in self._resources:
            message = self._request.resource_spans.add(
                resource=_encode_resource(resource), schema_url=resource.schema_url
            )
            self._resources[resource] = message, {}
        message, scopes = self._resources[resource]
        if scope not in scopes:
            scopes[scope] = message.scope_spans.add(
                scope=_encode_instrumentation_scope(scope),
                schema_url=scope.schema_url if scope else None,
            )
        return scopes[scope].spans
