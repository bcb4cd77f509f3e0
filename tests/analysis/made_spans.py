"""Spans of one save, made without a file: as otel-savetrace writes them, or OpenTelemetry alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from otel_savetrace import attributes as names
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.spans.rows import AttributeValue, Event, Span, SpanStatus

NOON = 1_795_521_600_000_000_000
ROUTE = "/charts/keep"

Held = Mapping[str, AttributeValue]
NEW_CONNECTION: Held = {names.CONNECTION: names.NEW}


def failed_save(
    code: str,
    stage: str | None = names.STORAGE,
    *,
    of_save: Held | None = None,
    of_call: Held | None = None,
    attempts: Sequence[Held] = (NEW_CONNECTION,),
    name: str = "save",
    at: float = 0.0,
) -> Save:
    """Make a save that failed by its one storage call; the last of its attempts decided that."""
    call = made_call(name, code, at=at, held=of_call or {})
    tried = [
        made_attempt(name, number, {names.ERROR_CODE: code, **held}, at)
        for number, held in enumerate(attempts)
    ]
    return only(
        made_request(name, outcome=names.FAILED, code=code, stage=stage, at=at, held=of_save), call, *tried
    )


def failed_in_app(
    code: str | None,
    stage: str | None = names.APP,
    *,
    status: int = 500,
    of_save: Held | None = None,
    events: Sequence[Event] = (),
) -> Save:
    """Make a save that failed though its storage call worked."""
    held = {"http.response.status_code": status, **(of_save or {})}
    request = made_request("save", outcome=names.FAILED, code=code, stage=stage, held=held, events=events)
    return only(request, made_call("save", None))


def plain_save(
    message: str = "",
    *,
    status: int | None = 500,
    old_names: bool = True,
    of_call: Sequence[Event] = (),
    of_save: Sequence[Event] = (),
    call_held: Held | None = None,
) -> Save:
    """Make a save as OpenTelemetry alone traces it; `message` is its storage call's, empty if that worked."""
    name = "http.status_code" if old_names else "http.response.status_code"
    held = {} if status is None else {name: status}
    call = made_call("save", None, message=message, held=call_held or {}, events=of_call)
    return only(made_request("save", outcome=None, held=held, events=of_save), call)


def thrown(kind: str, message: str = "", trace: str = "") -> Event:
    """Make the event by which OpenTelemetry records an exception."""
    held = {"exception.type": kind, "exception.message": message, "exception.stacktrace": trace}
    return Event("exception", NOON, held)


def made_request(
    name: str,
    *,
    outcome: str | None,
    code: str | None = None,
    stage: str | None = None,
    at: float = 0.0,
    seconds: float = 1.0,
    held: Held | None = None,
    events: Sequence[Event] = (),
    scope: str = "opentelemetry.instrumentation.flask",
) -> Span:
    """Make the request's own span."""
    told: dict[str, AttributeValue] = {"http.method": "POST", "http.route": ROUTE, **(held or {})}
    ours = {names.OUTCOME: outcome, names.ERROR_CODE: code, names.STAGE: stage}
    told |= {one: value for one, value in ours.items() if value is not None}
    return _span(
        name, "a", None, f"POST {ROUTE}", at, seconds, told, kind="server", events=events, scope=scope
    )


def made_call(
    name: str,
    code: str | None,
    *,
    number: int = 0,
    operation: str = "PutObject",
    at: float = 0.0,
    seconds: float = 0.5,
    message: str = "",
    held: Held | None = None,
    events: Sequence[Event] = (),
) -> Span:
    """Make a storage call's span; it failed where it has a code or a message."""
    told: dict[str, AttributeValue] = {"rpc.service": "S3", "rpc.method": operation, **(held or {})}
    if code is not None:
        told[names.ERROR_CODE] = code
    status: SpanStatus = "error" if code or message else "unset"
    return _span(
        name, f"c{number}", "a", f"S3.{operation}", at + 0.01, seconds, told, status=status,
        message=message, events=events,
    )  # fmt: skip


def made_attempt(name: str, number: int, held: Held, at: float = 0.0, of_call: int = 0) -> Span:
    """Make an attempt's span, one after the other."""
    status: SpanStatus = "error" if names.ERROR_CODE in held else "unset"
    began = at + 0.02 + 0.1 * number
    return _span(
        name, f"t{of_call}{number}", f"c{of_call}", f"{names.ATTEMPT_NAME}x", began, 0.05, held,
        status=status, scope=names.SCOPE,
    )  # fmt: skip


def only(*spans: Span) -> Save:
    """Return the one save that spans make."""
    (found,) = saves(spans)
    return found


def _span(
    name: str, own: str, parent: str | None, called: str, at: float, seconds: float, held: Held, *,
    kind: str = "client", status: SpanStatus = "unset", message: str = "", events: Sequence[Event] = (),
    scope: str = "opentelemetry.instrumentation.botocore",
) -> Span:  # fmt: skip
    start = NOON + round(at * 1e9)
    return Span(
        trace_id=hashlib.sha256(name.encode()).hexdigest()[:32], span_id=_span_id(name, own),
        parent_span_id=None if parent is None else _span_id(name, parent), name=called,
        kind=kind,  # type: ignore[arg-type]  # one of two
        scope=scope, scope_version="", service="charts", start_nanoseconds=start,
        end_nanoseconds=start + round(seconds * 1e9), status=status, status_message=message,
        attributes=held, resource={}, links=(), events=tuple(events),
    )  # fmt: skip


def _span_id(name: str, own: str) -> str:
    return hashlib.sha256(f"{name} {own}".encode()).hexdigest()[:16]
