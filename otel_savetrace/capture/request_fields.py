"""Attributes of a save taken from its request: only from what the app itself has read already."""

from __future__ import annotations

from collections.abc import Iterator

import flask
from flask.globals import request_ctx

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.text import shortened
from otel_savetrace.config import RequestAttribute


def request_attributes(wanted: tuple[RequestAttribute, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each attribute that the request which runs here gives."""
    for one in wanted:
        value = value_of(one)
        if value is not None:
            yield one.name, shortened(value, attribute.SEARCHED_LIMIT)


def value_of(one: RequestAttribute) -> str | None:
    """Return what the request that runs here gives for an attribute, whole; None where it gives nothing."""
    value = _FIELDS[one.source](one.field)
    return str(value) if isinstance(value, (str, int, float)) else None


def _parsed(name: str, field: str) -> object:
    """Return a field of what werkzeug caches on the request once the app has asked for it."""
    held = flask.request.__dict__.get(name)
    return held.get(field) if held is not None else None


def _json_field(field: str) -> object:
    for held in getattr(flask.request, "_cached_json", ()):
        if isinstance(held, dict):
            return held.get(field)
    return None


def _session_field(field: str) -> object:
    # `flask.session` and its own `get` would mark it as read, and the answer would vary by cookie.
    context = vars(request_ctx._get_current_object())  # type: ignore[attr-defined]  # a werkzeug LocalProxy
    session = context.get("_session") or context.get("session")
    return dict.get(session, field) if isinstance(session, dict) else None


_FIELDS = {
    "form": lambda field: _parsed("form", field),
    "args": lambda field: _parsed("args", field),
    "view": lambda field: (flask.request.view_args or {}).get(field),
    "json": _json_field,
    "header": lambda field: flask.request.headers.get(field),
    "session": _session_field,
}
