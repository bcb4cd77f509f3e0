"""What became of a request to the app, as its user got it.

Flask's signals reach every app, also one built before we were switched on: `got_request_exception` (nobody
handled it) and `request_finished` (the answer is whole); the server span lives in both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import flask
from flask.globals import request_ctx
from opentelemetry.trace import Status, StatusCode
from werkzeug.exceptions import HTTPException

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import in_flight
from otel_savetrace.capture.app_version import version_of
from otel_savetrace.capture.failure import Failure, chain_of, of_exception
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.origin import is_dependency
from otel_savetrace.capture.redirect import Redirects
from otel_savetrace.capture.request_fields import request_attributes
from otel_savetrace.capture.retry.watch import RetryWatch
from otel_savetrace.capture.save import Save, live_save
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.span_writer import Known, set_attributes
from otel_savetrace.capture.stopped import ENDING, Stop
from otel_savetrace.capture.text import shortened
from otel_savetrace.capture.totals import Totals
from otel_savetrace.capture.waiting import QUEUE_HEADER, queue_seconds
from otel_savetrace.capture.worker import worker
from otel_savetrace.config import Settings

ERROR_IN_ANSWER = "error_in_answer"
"""Error code of a save that the app answered with a JSON `error`, where nothing tells more."""

LOGIN_REDIRECT = "login_redirect"
"""Error code of a save whose user was sent to log in."""

_LONGEST_ANSWER = 65_536
_MOST_ROUTES = 1_000
_NOT_LET_IN = (401, 403)


class RequestWatch:
    """Listens to Flask's signals and writes a save's outcome while its span lives.

    Routes that were seen to write are learned, at most 1,000 a process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._learned: set[tuple[str, str, str]] = set()
        self._learned_names: dict[str, set[str]] = {}
        self._versions: dict[str, str | None] = {}
        self._redirects = Redirects(settings.login_routes)
        self._retries = RetryWatch(settings)

    def start(self) -> None:
        """Connect to Flask's signals."""
        flask.got_request_exception.connect(self._on_exception)
        flask.request_finished.connect(self._on_finished)

    def stop(self) -> None:
        """Disconnect from them."""
        flask.got_request_exception.disconnect(self._on_exception)
        flask.request_finished.disconnect(self._on_finished)

    def begins_save(self, name: str) -> bool:
        """Return whether the request that runs here is a save by its route alone; `name` is its span's."""
        apps = self._learned_names.get(name)
        if apps is not None and flask.current_app.name in apps:
            return True
        named = self._settings.save_routes
        return bool(named) and (name in named or name.partition(" ")[2] in named)

    def _on_exception(self, app: flask.Flask, exception: BaseException, **_: Any) -> None:
        guard.run("the app raised", self._note_exception, app, exception)

    def _on_finished(self, app: flask.Flask, response: flask.Response, **_: Any) -> None:
        guard.run("the app answered", self._note_answer, app, response)

    def _note_exception(self, app: flask.Flask, exception: BaseException) -> None:
        save = live_save()
        if save is None:
            return
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        _note_failure(save, app, exception)
        save.exception, save.handled = save.handled, None
        save.uncaught = frozenset(type(link).__name__ for link in chain_of(exception))
        if self._route_if_save(app, request, save) is not None:
            # Where exceptions propagate (debug, testing), no answer will be seen.
            self._write(app, request, save, "500 INTERNAL SERVER ERROR", "500")

    def _note_answer(self, app: flask.Flask, response: flask.Response) -> None:
        save = live_save()
        if save is None:
            return
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        route = self._route_if_save(app, request, save)
        if route is None:
            return
        save.answer = response
        status = response.status_code
        said = _error_said(response)
        if status >= 400:
            turned_away = status in _NOT_LET_IN
            self._write(app, request, save, said or response.status, str(status), turned_away=turned_away)
        elif said is not None:
            self._write(app, request, save, said, ERROR_IN_ANSWER)
            # A status of 4xx stays unset on a server span, 5xx is set by OpenTelemetry (HTTP conventions).
            save.span.set_status(Status(StatusCode.ERROR, ERROR_IN_ANSWER))
        elif self._redirects.is_login(route, response, _url_adapter(), save.wrote):
            told = f"{response.status} to {response.headers.get('Location', '').partition('?')[0]}"
            self._write(app, request, save, told, LOGIN_REDIRECT, turned_away=True)
        else:
            self._write(app, request, save, None, "")

    def _route_if_save(
        self, app: flask.Flask, request: flask.Request, save: Save
    ) -> tuple[str, str, str] | None:
        """Return application, method and rule of a request that is a save, None of one that is not."""
        rule, method = request.url_rule, request.method
        path = rule.rule if rule is not None else request.path
        route = (app.name, method, path)
        if save.wrote:
            if len(self._learned) < _MOST_ROUTES:
                self._learned.add(route)
                self._learned_names.setdefault(f"{method} {path}", set()).add(app.name)
            return route
        named = self._settings.save_routes
        if route in self._learned or (named and (path in named or f"{method} {path}" in named)):
            return route
        return None

    def _write(
        self,
        app: flask.Flask,
        request: flask.Request,
        save: Save,
        told: str | None,
        fallback: str,
        *,
        turned_away: bool = False,
    ) -> None:
        """Write what became of the save; `told` is what a failed one told its user, None if it worked."""
        known = self._known(app, request, save, failed=told is not None)
        if told is None:
            known[attribute.OUTCOME] = attribute.SUCCEEDED
        else:
            known[attribute.OUTCOME] = attribute.FAILED
            known[attribute.USER_ERROR] = shortened(told, attribute.SEARCHED_LIMIT)
            stage, failure = _failure_that_mattered(save)
            if turned_away and stage == attribute.APP:
                stage = attribute.SESSION
            known[attribute.STAGE] = stage
            known[attribute.ERROR_CODE] = known[attribute.ERROR_TYPE] = failure.code if failure else fallback
            if failure is not None and failure.code in ENDING and save.stop is not None:
                known.update(save.stop.attributes())  # the app caught what told it to end
        self._retries.note(app, request, save, known)
        _tell(save, known)

    def note_stop(self, app: flask.Flask, stop: Stop) -> None:
        """Write what is known of the request that runs here, and that `stop` ends."""
        save = live_save()
        if save is None:
            return
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        if self._route_if_save(app, request, save) is None:
            # Whether it would have stored anything is not known here: who sees its route elsewhere can tell.
            known: Known = {
                **worker.attributes(_resource_of(save), save.started),
                attribute.REQUESTS_SERVED: save.number,
            }
            known.update(stop.attributes())
            set_attributes(save.span, known)
        else:
            known = self._known(app, request, save, failed=True)
            known.update(stop.attributes())
            known[attribute.OUTCOME] = attribute.FAILED
            self._retries.note(app, request, save, known)
            _tell(save, known)
        save.span.set_status(Status(StatusCode.ERROR, stop.code))

    def _known(self, app: flask.Flask, request: flask.Request, save: Save, *, failed: bool) -> Known:
        """Return what every save tells, however it ended."""
        totals = save.totals or Totals()
        if totals.open:
            totals.take_unfinished()
        known: Known = dict(request_attributes(self._settings.request_attributes))
        known.update(totals.attributes())
        known.update(worker.attributes(_resource_of(save), save.started))
        known[attribute.REQUESTS_SERVED] = save.number
        if QUEUE_HEADER in request.environ:
            waited = queue_seconds(request.environ[QUEUE_HEADER], save.started)
            if waited is not None:
                known[attribute.QUEUE_SECONDS] = waited
        self._add_circumstances(known, app, request, save, failed=failed)
        return known

    def _add_circumstances(
        self, known: Known, app: flask.Flask, request: flask.Request, save: Save, *, failed: bool
    ) -> None:
        stored = save.stored(failed)
        if stored is not None:
            known[attribute.STORED] = stored
        size = request.environ.get("CONTENT_LENGTH")
        if size and size.isdecimal():
            known[attribute.REQUEST_BODY_SIZE] = int(size)
        caught = save.caught()
        if caught:
            known[attribute.CAUGHT_EXCEPTIONS] = shortened(" ".join(caught), attribute.SEARCHED_LIMIT)
        version = self._version_of(app, save)
        if version is not None:
            known[attribute.APP_VERSION] = version

    def _version_of(self, app: flask.Flask, save: Save) -> str | None:
        if app.import_name not in self._versions:
            told = attribute.APP_VERSION in _resource_of(save)
            self._versions[app.import_name] = None if told else version_of(app.import_name)
        return self._versions[app.import_name]


def _tell(save: Save, known: Known) -> None:
    set_attributes(save.span, known)
    if in_flight.recorder is not None:
        in_flight.recorder.answer(save, known)


def _resource_of(save: Save) -> Mapping[str, object]:
    attributes: Mapping[str, object] = save.span.resource.attributes  # type: ignore[attr-defined]  # the SDK's
    return attributes


def wrap_handle_user_exception(original: Method) -> Method:
    """Wrap `Flask.handle_user_exception(error)`, which looks for an error handler of the app."""

    def handle_user_exception(app: flask.Flask, error: Exception, *arguments: Any, **named: Any) -> Any:
        guard.run("a view raised", _view_raised, app, error)
        return original(app, error, *arguments, **named)

    return handle_user_exception


def _view_raised(app: flask.Flask, error: Exception) -> None:
    save = live_save()
    if save is not None and not isinstance(error, HTTPException):
        _note_failure(save, app, error)


def _note_failure(save: Save, app: flask.Flask, error: BaseException) -> None:
    save.handled = of_exception(error)
    save.by_dependency = is_dependency(error, app.import_name)
    save.note_raised(type(error).__name__)


def _failure_that_mattered(save: Save) -> tuple[str, Failure | None]:
    """Return the stage at which a save failed, and the failure that explains it, None where the app has none.

    What a dependency raised through the app was the last thing that happened; a failed storage call comes
    before an exception of the app's own, which often only wraps it.
    """
    raised = save.exception or save.handled
    if save.by_dependency:
        return attribute.DEPENDENCY, raised
    storage = save.storage_failure
    if storage is not None:
        return storage.stage, storage.failure
    if save.dependency is not None:
        return attribute.DEPENDENCY, raised or save.dependency
    return attribute.APP, raised


def _url_adapter() -> Any:
    return vars(request_ctx._get_current_object()).get("url_adapter")  # type: ignore[attr-defined]  # a werkzeug LocalProxy


def _in_bytes(piece: str | bytes) -> bytes:
    return piece.encode() if isinstance(piece, str) else piece


def _error_said(response: flask.Response) -> str | None:
    """Return what a JSON answer says under `error`; None where it says none, or is no JSON held in memory."""
    held = response.response
    if type(held) is not list:
        return None  # streamed
    body = held[0] if len(held) == 1 else b"".join(map(_in_bytes, held))
    if len(body) > _LONGEST_ANSWER or b'"error"' not in _in_bytes(body):
        return None
    if response.direct_passthrough or not response.is_json:
        return None
    try:
        answer = json.loads(body)
    except ValueError:
        return None  # compressed, or not what its header says
    said = answer.get("error") if isinstance(answer, dict) else None
    if not said:
        return None
    return said if isinstance(said, str) else json.dumps(said)
