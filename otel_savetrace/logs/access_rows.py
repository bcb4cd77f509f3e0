"""Requests of an access log as rows."""

from __future__ import annotations

import hashlib

from otel_savetrace import attributes
from otel_savetrace.analysis import witnesses
from otel_savetrace.analysis.known_routes import Known
from otel_savetrace.logs.access_fields import Request
from otel_savetrace.spans.rows import AttributeValue, Span

FAILED_FROM = 400
"""A status from here on is a failure; any other may still carry an error in its answer."""


def row_of(request: Request, known: Known | None, log: str, where: str) -> Span:
    """Return the row of a request that is a save; `known` is the route of it that traces know."""
    made = hashlib.sha256(f"{log}\n{where}".encode(errors="replace")).hexdigest()
    trace_id = request.trace_ids[0] if request.trace_ids else made[:32]
    start = request.end - round((request.seconds or 0) * 1e9)
    service = known.service if known else ""
    return Span(
        trace_id=trace_id, span_id=made[32:48], parent_span_id=None, name=f"{request.method} {request.path}",
        kind="server", scope=_scope(request), scope_version="", service=service,
        start_nanoseconds=max(start, 0), end_nanoseconds=request.end, status="unset", status_message="",
        attributes=_attributes(request, known), resource={"service.name": service} if service else {},
        links=(), events=(),
    )  # fmt: skip


def _scope(request: Request) -> str:
    return f"{request.server} {witnesses.ACCESS_LOG}".strip()


def _attributes(request: Request, known: Known | None) -> dict[str, AttributeValue]:
    failed = request.status >= FAILED_FROM
    held: dict[str, AttributeValue] = {
        attributes.OUTCOME: attributes.FAILED if failed else attributes.UNKNOWN,
        attributes.USER_ERROR: witnesses.phrase(request.status) if failed else None,
        "http.request.method": request.method,
        "http.route": known.route if known else None,
        "url.path": request.path,
        "http.response.status_code": request.status,
        attributes.REQUEST_BODY_SIZE: request.body_size,
        "client.address": request.client,
        "user_agent.original": request.agent,
        witnesses.WITNESSES: _scope(request),
        witnesses.FRONT_STATUS: request.status,
        witnesses.FRONT_SECONDS: request.seconds,
        witnesses.FRONT_REQUEST_ID: request.request_id,
        witnesses.TRACE_ID_LOGGED: True if request.traced else None,
        witnesses.REQUEST_BYTES: request.request_bytes,
        witnesses.UPSTREAM_STATUS: request.upstream_status,
        witnesses.UPSTREAM_ANSWERED: request.upstream_answered,
        witnesses.UPSTREAM_SECONDS: request.upstream_seconds,
        witnesses.UPSTREAM_ADDRESS: request.upstream_address,
        **(known.thing if known else {}),
    }
    return {name: value for name, value in held.items() if value is not None}
