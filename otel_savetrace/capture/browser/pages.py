"""The script's tag, in those of the app's answers that are whole HTML documents."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

import flask
from flask.globals import request_ctx
from werkzeug.routing import Map

from otel_savetrace.capture.browser import policy
from otel_savetrace.capture.browser.answers import Say, held, is_for_a_window, is_whole, put
from otel_savetrace.capture.browser.document import place_in
from otel_savetrace.capture.browser.policies_in_head import policies_in_head
from otel_savetrace.capture.browser.policy import Location, Policy, PolicyRefusalError
from otel_savetrace.capture.browser.routes import has_route
from otel_savetrace.capture.browser.script import Script
from otel_savetrace.config import Settings

ENTERED = "otel_savetrace.browser"
"""In a request's environ where it came in by our door: only there will the script be found."""

_POLICIES = frozenset(name.lower() for name in policy.HEADERS)


class Pages:
    """Adds the script's tag to answers. `service` is the name of the app's users' browsers."""

    def __init__(self, settings: Settings, script: Script, service: str, say: Say) -> None:
        self._script = script
        self._say = say
        self._endpoint = settings.browser_endpoint
        self._path = settings.browser_path
        self._free: WeakKeyDictionary[Map, bool] = WeakKeyDictionary()
        self._is_elsewhere = self._endpoint is not None and not self._endpoint.startswith("/")
        told = {
            "data-service": service,
            "data-error-selector": settings.browser_error_selector,
            "data-text": "on" if settings.browser_text and settings.keys == "plain" else "off",
            "data-save": ",".join(sorted(settings.save_routes)),
            "data-login": ",".join(sorted(settings.login_routes)),
        }
        self._told = "".join(f' {name}="{_escaped(value)}"' for name, value in told.items() if value)

    def add(self, response: flask.Response) -> None:
        """Add the tag to an answer that Flask is about to send, if it is such a one."""
        request = flask.request
        environ = request.environ
        if ENTERED not in environ or request.method == "HEAD" or not is_for_a_window(environ):
            return
        if response.status_code == 304:
            self._let_connect(response)  # what it says of policies goes for the page that the browser keeps
            return
        names = frozenset([name.lower() for name, _ in response.headers])
        if not is_whole(response, names, self._say):
            return
        body = held(response)
        place = place_in(body, charset_is_told="charset=" in response.headers["Content-Type"].lower())
        if place is None or not self._is_free():
            return
        in_headers: list[str] = []
        if not names.isdisjoint(_POLICIES):
            in_headers = [text for value in _policies(response) for text in value.split(",")]
        try:
            nonce = self._nonce(in_headers, policies_in_head(body))
        except PolicyRefusalError as refusal:
            self._say(f"the script is not added to pages: {refusal}")
            return
        if put(response, names, body, place, self._tag(nonce)) and in_headers:
            self._let_connect(response)

    def _is_free(self) -> bool:
        """Return whether no route of the app stands where the script does, or where it reports to."""
        adapter = vars(request_ctx._get_current_object()).get("url_adapter")  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        if adapter is None:
            return False  # not known
        rules: Map = adapter.map
        if rules.host_matching or adapter.subdomain != rules.default_subdomain:
            return self._looks_free(adapter)  # as it is for this host
        free = self._free.get(rules)
        if free is None:
            free = self._free[rules] = self._looks_free(adapter)
        return free

    def _looks_free(self, adapter: Any) -> bool:
        taken = has_route(adapter, self._script.path, "GET") or (
            self._endpoint is None and has_route(adapter, self._path or "", "POST")
        )
        if taken:
            self._say(
                "the script is not added to pages: the app has a route of its own at"
                f" {self._script.path} or {self._path}; name another in OTEL_SAVETRACE_BROWSER_PATH"
            )
        return not taken

    def _nonce(self, in_headers: Sequence[str], in_body: Sequence[str]) -> str | None:
        """Return the nonce that the page's policies want; raises where one forbids script or reports."""
        if not in_headers and not in_body:
            return None
        request = flask.request
        policies = [Policy(text) for text in (*in_headers, *in_body)]
        if any(one.isolates for one in map(Policy, in_headers)):
            raise PolicyRefusalError("its Content-Security-Policy puts the page into a sandbox")
        nonce = policy.nonce_for(policies, Location.of(request.scheme, request.host, self._script.path))
        # Those in headers are extended; of those in the body every byte stays as it is.
        fixed = policies[len(in_headers) :] if self._is_elsewhere else policies
        endpoint = (
            Location.of_url(self._endpoint or "")
            if self._is_elsewhere
            else Location.of(request.scheme, request.host, self._endpoint or self._path or "")
        )
        if not all(one.lets_connect(endpoint, own=not self._is_elsewhere) for one in fixed):
            wanted = self._endpoint if self._is_elsewhere else "'self'"
            raise PolicyRefusalError(
                f"a Content-Security-Policy lets pages send nothing to {self._endpoint or self._path};"
                f" add {wanted} to its connect-src"
            )
        return nonce

    def _let_connect(self, response: flask.Response) -> None:
        if not self._is_elsewhere:
            return
        for name in policy.HEADERS:
            values = response.headers.getlist(name)
            extended = [policy.connecting(value, self._endpoint or "") for value in values]
            if extended != values:
                response.headers.setlist(name, extended)

    def _tag(self, nonce: str | None) -> bytes:
        root = quote(flask.request.script_root) if flask.request.environ.get("SCRIPT_NAME") else ""
        endpoint = self._endpoint or f"{root}{self._path}"
        carried = "" if nonce is None else f' nonce="{nonce}"'
        source = f"{root}{self._script.path}"
        return f'<script src="{source}" data-endpoint="{endpoint}"{self._told}{carried}></script>'.encode()


def _escaped(value: str) -> str:
    return html.escape(value).encode("ascii", "xmlcharrefreplace").decode()


def _policies(response: flask.Response) -> Iterator[str]:
    for name in policy.HEADERS:
        yield from response.headers.getlist(name)
