"""What became of a request to the app, as its user got it.

Flask's signals reach every app, also one built before we were switched on: `got_request_exception` (nobody
handled it) and `request_finished` (the answer is whole); the server span lives in both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import flask
from flask.globals import request_ctx
from opentelemetry.trace import Status, StatusCode

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.failure import of_exception
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import Save, live_save
from otel_savetrace.capture.text import shortened
from otel_savetrace.config import RequestAttribute, Settings

ERROR_IN_ANSWER = "error_in_answer"
"""Error code of a save that the app answered with a JSON `error`, where nothing tells more."""

_LONGEST_ANSWER = 65_536
_MOST_ROUTES = 1_000


class RequestWatch:
    """Listens to Flask's signals and writes a save's outcome while its span lives.

    Routes that were seen to write are learned, at most 1,000 a process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._learned: set[tuple[str, str, str]] = set()

    def start(self) -> None:
        """Connect to Flask's signals."""
        flask.got_request_exception.connect(self._on_exception)
        flask.request_finished.connect(self._on_finished)

    def stop(self) -> None:
        """Disconnect from them."""
        flask.got_request_exception.disconnect(self._on_exception)
        flask.request_finished.disconnect(self._on_finished)

    def _on_exception(self, app: flask.Flask, exception: BaseException, **_: Any) -> None:
        guard.run("the app raised", self._note_exception, app, exception)

    def _on_finished(self, app: flask.Flask, response: flask.Response, **_: Any) -> None:
        guard.run("the app answered", self._note_answer, app, response)

    def _note_exception(self, app: flask.Flask, exception: BaseException) -> None:
        save = live_save()
        if save is None:
            return
        save.exception = of_exception(exception)
        if self._is_save(app, save):
            # Where exceptions propagate (debug, testing), no answer will be seen.
            self._write(save, failed=True, user_error="500 INTERNAL SERVER ERROR", fallback="500")

    def _note_answer(self, app: flask.Flask, response: flask.Response) -> None:
        save = live_save()
        if save is None or not self._is_save(app, save):
            return
        said = _error_said(response)
        status = response.status_code
        if status >= 400:
            self._write(save, failed=True, user_error=said or response.status, fallback=str(status))
        elif said is not None:
            self._write(save, failed=True, user_error=said, fallback=ERROR_IN_ANSWER)
            # A status of 4xx stays unset on a server span, 5xx is set by OpenTelemetry (HTTP conventions).
            save.span.set_status(Status(StatusCode.ERROR, ERROR_IN_ANSWER))
        else:
            self._write(save, failed=False)

    def _is_save(self, app: flask.Flask, save: Save) -> bool:
        rule = flask.request.url_rule.rule if flask.request.url_rule is not None else flask.request.path
        route = (app.name, flask.request.method, rule)
        if save.wrote:
            if len(self._learned) < _MOST_ROUTES:
                self._learned.add(route)
            return True
        named = self._settings.save_routes
        return route in self._learned or rule in named or f"{flask.request.method} {rule}" in named

    def _write(self, save: Save, *, failed: bool, user_error: str = "", fallback: str = "") -> None:
        known: dict[str, str | int | float] = dict(_request_attributes(self._settings.request_attributes))
        known.update(save.totals())
        known[attribute.OUTCOME] = attribute.FAILED if failed else attribute.SUCCEEDED
        if failed:
            known[attribute.USER_ERROR] = shortened(user_error, attribute.SEARCHED_LIMIT)
            known[attribute.ERROR_CODE] = known[attribute.ERROR_TYPE] = _error_code(save) or fallback
        save.span.set_attributes(known)


def _error_code(save: Save) -> str | None:
    if save.storage_failure is not None:
        return save.storage_failure[1].code
    return save.exception.code if save.exception is not None else None


def _error_said(response: flask.Response) -> str | None:
    """Return what a JSON answer says under `error`; None where it says none, or is no JSON held in memory."""
    if not response.is_json or response.is_streamed or response.direct_passthrough:
        return None
    body = response.get_data()
    if len(body) > _LONGEST_ANSWER or b'"error"' not in body:
        return None
    try:
        answer = json.loads(body)
    except ValueError:
        return None  # compressed, or not what its header says
    said = answer.get("error") if isinstance(answer, dict) else None
    if not said:
        return None
    return said if isinstance(said, str) else json.dumps(said)


def _request_attributes(wanted: tuple[RequestAttribute, ...]) -> Iterator[tuple[str, str]]:
    for one in wanted:
        value = _FIELDS[one.source](one.field)
        if isinstance(value, (str, int, float)):
            yield one.name, shortened(str(value), attribute.SEARCHED_LIMIT)


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
