"""Spans of those who tell of a save beside the app: a user's browser, and nginx by way of a Collector."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from otel_savetrace import attributes as names
from otel_savetrace.analysis import witnesses
from otel_savetrace.spans.rows import AttributeValue, Span
from tests.analysis.made_saves import NOON, made_save

PATH = "/storymap/save/"


def flask_span(
    name: str,
    at: float = 0.0,
    seconds: float = 1.0,
    *,
    outcome: str = names.SUCCEEDED,
    **held: AttributeValue,
) -> Span:
    """Make the span of a save of the app: answered with 200 and stored, where `held` says no other."""
    made = made_save(name, at, outcome, seconds=seconds, body_size=700).span
    told: dict[str, AttributeValue] = {
        "http.target": PATH,
        names.STORED: names.YES,
        **{one.replace("__", "."): value for one, value in held.items()},
    }
    return dataclasses.replace(
        made, attributes={one: value for one, value in {**made.attributes, **told}.items() if value != ""}
    )


def browser_span(
    name: str,
    at: float = -0.1,
    seconds: float = 1.2,
    *,
    outcome: str = names.SUCCEEDED,
    code: str | None = None,
    status: int | None = 200,
    shown: str | None = None,
    shares_trace: bool = True,
    path: str = PATH,
    held: Mapping[str, AttributeValue] | None = None,
) -> Span:
    """Make the span of a save as the browser script tells it, of the same trace as the app's span `name`."""
    told: dict[str, AttributeValue] = {
        "http.request.method": "POST",
        "url.full": f"https://maps.example{path}",
        "http.response.status_code": status,
        names.REQUEST_BODY_SIZE: 700,
        names.OUTCOME: outcome,
        names.ERROR_CODE: code,
        names.USER_ERROR: shown,
        names.BROWSER_JOINED: shares_trace,
        **(held or {}),
    }
    trace_id = _id(name if shares_trace else f"{name} of the browser")
    return _span(
        trace_id, _id(f"{name} browser")[:16], at, seconds, told,
        kind="client", scope=names.BROWSER_SCOPE, service="storymap-browser",
    )  # fmt: skip


def nginx_span(
    name: str, status: int, at: float = -0.05, seconds: float = 1.1, *, answered: bool | None = None
) -> Span:
    """Make the span that a Collector makes of a line of nginx's log."""
    held: dict[str, AttributeValue] = {
        "http.request.method": "POST",
        "url.path": PATH,
        "http.response.status_code": status,
        witnesses.UPSTREAM_ANSWERED: answered,
    }
    return _span(
        _id(name), _id(f"{name} nginx")[:16], at, seconds, held,
        kind="server", scope=f"nginx {witnesses.ACCESS_LOG}", service="nginx",
    )  # fmt: skip


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _span(
    trace_id: str,
    span_id: str,
    at: float,
    seconds: float,
    held: dict[str, AttributeValue],
    *,
    kind: str,
    scope: str,
    service: str,
) -> Span:
    start = NOON + round(at * 1e9)
    return Span(
        trace_id=trace_id, span_id=span_id, parent_span_id=None, name="POST",
        kind="client" if kind == "client" else "server", scope=scope, scope_version="", service=service,
        start_nanoseconds=start, end_nanoseconds=start + round(seconds * 1e9), status="unset",
        status_message="", attributes={name: value for name, value in held.items() if value is not None},
        resource={"service.name": service, "user_agent.original": "Firefox"}, links=(), events=(),
    )  # fmt: skip
