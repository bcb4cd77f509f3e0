"""The browser's side of capture switched on and off: the door to the app, and the look at its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flask
from flask.app import Flask
from werkzeug.exceptions import HTTPException

from otel_savetrace.capture.browser.address import Address
from otel_savetrace.capture.browser.emission import Emission, resource_of, service_of
from otel_savetrace.capture.browser.pages import ENTERED, Pages
from otel_savetrace.capture.browser.routes import has_route
from otel_savetrace.capture.browser.script import FILE, Answer, Script
from otel_savetrace.capture.guard import guard, logger
from otel_savetrace.capture.seam import Method, Seam
from otel_savetrace.config import Settings

_MOST_LINES = 16
_ENDS_OF_A_TYPE = ("", ";", " ")
_FAILED: Answer = ("400 Bad Request", [("Content-Length", "0")], b"")  # which the script does not repeat


class BrowserWatch:
    """What `OTEL_SAVETRACE_BROWSER` and `OTEL_SAVETRACE_BROWSER_PATH` ask for, in one process.

    The door is `Flask.__call__`, outside OpenTelemetry's span and everything of the app: what is ours makes
    no span and meets no hook of the app. A route of the app goes before it.
    """

    def __init__(self, settings: Settings, provider: Any) -> None:
        self._settings = settings
        self._provider = provider
        self._said: set[str] = set()
        self._address: Address | None = None
        self._script: Script | None = None
        self._pages: Pages | None = None
        self._ours: tuple[str, ...] = ()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin, as far as there is a script, and somewhere to report to; else one line says what lacks."""
        path = self._settings.browser_path
        if path is not None:
            if hasattr(self._provider, "_active_span_processor"):
                plain = self._settings.keys == "plain"
                self._address = Address(Emission(self._provider, personal=plain))
            else:
                self._say(
                    "OTEL_SAVETRACE_BROWSER_PATH takes nothing, since the tracer provider"
                    f" ({type(self._provider).__name__}) is not OpenTelemetry's own"
                )
        if self._settings.browser or path is not None:
            self._load_script()
        self._ours = tuple(
            beginning
            for beginning in (self._address and path, self._script and self._script.beginning)
            if beginning
        )
        if not self._ours:
            return
        seam = Seam(Flask, "__call__", self._wrap_call, "what browsers tell")
        seam.install()
        self._undo.append(seam.remove)
        if self._pages is not None:
            flask.request_finished.connect(self._on_finished)
            self._undo.append(lambda: flask.request_finished.disconnect(self._on_finished))

    def stop(self) -> None:
        """Take everything out."""
        while self._undo:
            self._undo.pop()()
        self._ours = ()

    def _load_script(self) -> None:
        settings = self._settings
        try:
            text = FILE.read_bytes()
        except OSError as error:
            self._say(f"pages go without the script, which is not in this installation ({error.strerror})")
            return
        self._script = Script(text, settings.browser_path)
        if not settings.browser:
            return
        if settings.browser_endpoint is None and self._address is None:
            self._say(
                "OTEL_SAVETRACE_BROWSER is on and has nowhere to report to;"
                " set OTEL_SAVETRACE_BROWSER_PATH or OTEL_SAVETRACE_BROWSER_ENDPOINT"
            )
            return
        if settings.browser_endpoint is not None and settings.keys != "plain":
            self._say(
                f"pages go without the script, since OTEL_SAVETRACE_KEYS={settings.keys} cannot be kept where"
                " browsers report to OTEL_SAVETRACE_BROWSER_ENDPOINT: addresses may hold keys;"
                " OTEL_SAVETRACE_BROWSER_PATH takes them out"
            )
            return
        service = service_of(resource_of(self._provider))
        self._pages = Pages(settings, self._script, service, self._say)

    def _on_finished(self, app: flask.Flask, response: flask.Response, **_: Any) -> None:
        guard.run("a page is answered", self._add_script, response)

    def _add_script(self, response: flask.Response) -> None:
        content_type = response.headers.get("Content-Type")
        if content_type is None:
            if response.status_code != 304:
                return
        elif content_type[:9].lower() != "text/html" or content_type[9:10] not in _ENDS_OF_A_TYPE:
            return
        if self._pages is not None:
            self._pages.add(response)

    def _wrap_call(self, original: Method) -> Method:
        """Wrap `Flask.__call__(environ, start_response)`."""

        def __call__(  # noqa: N807 - the name of what it stands in for
            app: Flask, environ: dict[str, Any], start_response: Any
        ) -> Iterable[bytes]:
            environ[ENTERED] = True
            if environ.get("PATH_INFO", "").startswith(self._ours):
                answer = guard.run("a browser asks or tells", self._answer, app, environ)
                if answer is not None:
                    status, headers, body = answer
                    start_response(status, headers)
                    return [body]
            response: Iterable[bytes] = original(app, environ, start_response)
            return response

        return __call__

    def _answer(self, app: Flask, environ: dict[str, Any]) -> Answer | None:
        """Return our answer to a request; None where it is the app's."""
        path, method = environ["PATH_INFO"], environ.get("REQUEST_METHOD", "")
        told = self._address is not None and path == self._settings.browser_path and method == "POST"
        answer = None
        if not told and self._script is not None:
            answer = self._script.answer(path, method, environ.get("HTTP_ACCEPT_ENCODING", ""))
        if not told and answer is None:
            return None
        if _is_of_app(app, environ, path, "POST" if told else "GET"):
            self._say(f"{path} is a route of the app's own and left to it; nothing of ours is there")
            return None
        if told and self._address is not None:
            # Whatever becomes of it, the app has nothing at this path.
            return guard.run("a browser tells", self._address.answer, environ) or _FAILED
        return answer

    def _say(self, line: str) -> None:
        if line not in self._said and len(self._said) < _MOST_LINES:
            self._said.add(line)
            logger.warning("otel-savetrace: %s.", line)


def _is_of_app(app: Flask, environ: dict[str, Any], path: str, method: str) -> bool:
    try:
        adapter = app.create_url_adapter(app.request_class(environ, populate_request=False))
    except HTTPException:
        return True  # a host that the app does not answer to; it says so itself
    return has_route(adapter, path, method)
