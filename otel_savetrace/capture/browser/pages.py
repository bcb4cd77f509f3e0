"""The script's tag, in those of the app's answers that are whole HTML documents."""

from __future__ import annotations

import codecs
import functools
import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import flask
from flask.globals import request_ctx

from otel_savetrace.capture.browser import policy
from otel_savetrace.capture.browser.document import LONGEST_LOOK, place_in
from otel_savetrace.capture.browser.policy import Location, Policy, PolicyRefusalError
from otel_savetrace.capture.browser.routes import has_route
from otel_savetrace.capture.browser.script import Script
from otel_savetrace.config import Settings

ENTERED = "otel_savetrace.browser"
"""In a request's environ where it came in by our door: only there will the script be found."""

_DOCUMENTS = frozenset(("document", "frame", "iframe", "embed", "object"))
_PARTIAL_OR_EMPTY = frozenset((204, 205, 206))
# A digest of what is sent would be one of something else.
_DIGESTS = ("Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Signature")
_STATEFUL = re.compile(r"iso2022|hz")

Say = Callable[[str], None]
"""Says once in the log why pages go without the script."""


class Pages:
    """Adds the script's tag to answers. `service` is the name of the app's users' browsers."""

    def __init__(self, settings: Settings, script: Script, service: str, say: Say) -> None:
        self._script = script
        self._say = say
        self._endpoint = settings.browser_endpoint
        self._path = settings.browser_path
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
        if ENTERED not in environ or request.method == "HEAD" or not _is_for_a_window(environ):
            return
        if response.status_code == 304:
            self._let_connect(response)  # what it says of policies goes for the page that the browser keeps
            return
        if not _is_whole(response, self._say):
            return
        body = _held(response)
        place = place_in(body, charset_is_told="charset=" in response.headers["Content-Type"].lower())
        if place is None or not self._is_free():
            return
        try:
            nonce = self._nonce(response, body)
        except PolicyRefusalError as refusal:
            self._say(f"the script is not added to pages: {refusal}")
            return
        if _put(response, body, place, self._tag(nonce)):
            self._let_connect(response)

    def _is_free(self) -> bool:
        """Return whether no route of the app stands where the script does, or where it reports to."""
        adapter = vars(request_ctx._get_current_object()).get("url_adapter")  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        taken = has_route(adapter, self._script.path, "GET") or (
            self._endpoint is None and has_route(adapter, self._path or "", "POST")
        )
        if taken:
            self._say(
                "the script is not added to pages: the app has a route of its own at"
                f" {self._script.path} or {self._path}; name another in OTEL_SAVETRACE_BROWSER_PATH"
            )
        return not taken

    def _nonce(self, response: flask.Response, body: bytes) -> str | None:
        """Return the nonce that the page's policies want; raises where one forbids script or reports."""
        in_headers = [text for value in _policies(response) for text in value.split(",")]
        in_body = _policies_of(body)
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
        root = quote(flask.request.script_root)
        endpoint = self._endpoint or f"{root}{self._path}"
        carried = "" if nonce is None else f' nonce="{nonce}"'
        source = f"{root}{self._script.path}"
        return f'<script src="{source}" data-endpoint="{endpoint}"{self._told}{carried}></script>'.encode()


def _escaped(value: str) -> str:
    return html.escape(value).encode("ascii", "xmlcharrefreplace").decode()


def _is_for_a_window(environ: dict[str, Any]) -> bool:
    """Return whether a window or frame asked, as far as the browser tells, rather than a script."""
    destination = environ.get("HTTP_SEC_FETCH_DEST")
    if destination is not None:
        return destination in _DOCUMENTS
    return str(environ.get("HTTP_X_REQUESTED_WITH", "")).lower() != "xmlhttprequest"


def _is_whole(response: flask.Response, say: Say) -> bool:
    """Return whether an answer is one HTML document that is held in memory, and sent as it is."""
    status, headers = response.status_code, response.headers
    if status in _PARTIAL_OR_EMPTY or not (200 <= status < 300 or status >= 400):
        return False
    if type(response.response) is not list or response.direct_passthrough:
        return False
    if headers.get("Content-Disposition", "").lstrip().lower().startswith("attachment"):
        return False
    if headers.get("Accept-Ranges", "none") != "none" or "Content-Range" in headers:
        return False  # parts of it may be asked for
    encoding = headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        say(
            f"the script is not added to pages that the app itself compresses (Content-Encoding: {encoding});"
            " let the server in front of it compress them"
        )
        return False
    digest = next((name for name in _DIGESTS if name in headers), None)
    if digest is not None:
        say(f"the script is not added to pages with the header {digest}, which would no longer be true")
        return False
    return _extends_ascii(response.mimetype_params.get("charset", "utf-8"))


@functools.lru_cache(maxsize=32)
def _extends_ascii(charset: str) -> bool:
    try:
        return _STATEFUL.match(codecs.lookup(charset).name) is None and "<head>".encode(charset) == b"<head>"
    except (LookupError, ValueError):
        return False


def _held(response: flask.Response) -> bytes:
    pieces: Any = response.response
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def _put(response: flask.Response, body: bytes, place: int, tag: bytes) -> bool:
    told = response.headers.get("Content-Length")
    if told is not None:
        if told != str(len(body)):
            return False  # it means something else than this body
        response.headers["Content-Length"] = str(len(body) + len(tag))
    response.response = [b"".join((body[:place], tag, body[place:]))]
    etag = response.headers.get("ETag")
    if etag is not None and etag.startswith('"'):
        # The app knows its page by it, byte for byte; with the tag it is the same page in other bytes.
        response.headers["ETag"] = f"W/{etag}"
    return True


def _policies(response: flask.Response) -> Iterator[str]:
    for name in policy.HEADERS:
        yield from response.headers.getlist(name)


def _policies_of(body: bytes) -> list[str]:
    """Return the policies that stand in a document's head."""
    window = body[:LONGEST_LOOK]
    if b"ecurity-" not in window and b"ECURITY-" not in window:
        return []  # as nearly always, and seen at a hundredth of the cost
    head = _Head()
    head.feed(window.decode("latin-1"))
    return head.policies


class _Head(HTMLParser):
    """Gathers the policies of a document's head; what stands in the body is none."""

    def __init__(self) -> None:
        super().__init__()
        self.policies: list[str] = []
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._ended = self._ended or tag == "body"
        told = dict(attrs)
        named = (told.get("http-equiv") or "").strip().lower()
        if tag == "meta" and not self._ended and named == "content-security-policy":
            self.policies.append(told.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        self._ended = self._ended or tag == "head"
