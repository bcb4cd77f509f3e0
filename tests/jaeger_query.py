"""Jaeger's own query service, `jaeger.api_v3.QueryService`, over gRPC: its search takes attributes.

Over HTTP, /api/v3 takes none before Jaeger 2.19. The few fields of the question are encoded here (field
numbers: jaeger-idl, proto/api_v3/query_service.proto); the answers are OTLP.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

_FIND_TRACES = "/jaeger.api_v3.QueryService/FindTraces"
_ANSWER_SECONDS = 30
_DEPTH = 1000
_HOUR = 3600

_BYTES, _NUMBER = 2, 0


def find_traces(
    address: str,
    service: str,
    attributes: Mapping[str, str],
    *,
    between: tuple[int, int] | None = None,
    depth: int = _DEPTH,
) -> set[str]:
    """Return the ids of the traces with these attributes; `address` is ``host:port``.

    `between` are seconds since 1970, the last hour unless given; beyond `depth` traces are left out.
    """
    now = int(time.time())
    start, end = between or (now - _HOUR, now + _HOUR)
    query = _text(1, service)
    for name, value in attributes.items():
        query += _part(3, _text(1, name) + _text(2, value))
    query += _part(4, _number(1, start)) + _part(5, _number(1, end)) + _number(8, depth)
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_stream(_FIND_TRACES, None, TracesData.FromString)
        answers = list(ask(_part(1, query), timeout=_ANSWER_SECONDS))
    return {
        span.trace_id.hex()
        for answer in answers
        for resource in answer.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3 | _NUMBER) + _varint(number)


def _part(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _part(field, text.encode())
