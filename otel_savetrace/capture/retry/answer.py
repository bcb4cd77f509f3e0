"""Which answers may carry a cookie, and how far it reaches."""

from __future__ import annotations

from urllib.parse import quote

import flask
from werkzeug.http import dump_cookie

_SAFE = "%!$&'()*+,/:=@"  # https://url.spec.whatwg.org/#url-path-segment-string, without the semicolon
_LONGEST_PATH = 256
_FOR_SHARED_CACHES = ("surrogate-control", "cdn-cache-control")
_ENDED = 0


def may_be_shared(request: flask.Request, response: flask.Response) -> bool:
    """Return whether a shared cache may keep this answer (RFC 9111, "Storing Responses in Caches")."""
    headers = response.headers
    if any(name.lower().endswith(_FOR_SHARED_CACHES) for name, _ in headers):
        return True
    directives = {one.strip().lower() for line in headers.getlist("Cache-Control") for one in line.split(",")}
    names = {one.partition("=")[0] for one in directives}
    if names & {"public", "s-maxage"}:
        return True
    if directives & {"private", "no-store"}:  # `private` with a value is for those headers alone
        return False
    return request.method in ("GET", "HEAD") or "max-age" in names or "Expires" in headers


def is_streamed(response: flask.Response) -> bool:
    """Return whether this answer is made while it is sent, or is a file.

    A status page that Flask makes of an exception is no sequence either, but says how long it is.
    """
    return response.direct_passthrough or not (response.is_sequence or "Content-Length" in response.headers)


def may_carry(request: flask.Request, response: flask.Response) -> bool:
    """Return whether an answer to a failed save may carry a cookie."""
    return request.method != "OPTIONS" and not is_streamed(response) and not may_be_shared(request, response)


def path_of(app: flask.Flask, request: flask.Request) -> str:
    """Return the path that a save's cookie is limited to: what is the same for every save of its route.

    It is percent-encoded, and a beginning of `whole_path`.
    """
    rule = request.url_rule
    if rule is None:
        return whole_path(app, request)
    path, variable, _ = rule.rule.partition("<")
    if variable:
        path = path[: path.rfind("/") + 1]
    return _held_to_length(_encoded(_root(app, request) + path))


def whole_path(app: flask.Flask, request: flask.Request) -> str:
    """Return the path of a request as its browser knows it, percent-encoded."""
    return _held_to_length(_encoded(_root(app, request) + request.path))


def _root(app: flask.Flask, request: flask.Request) -> str:
    """Return below which path the app is mounted: as the server says, else the app's own settings."""
    return request.script_root or str(app.config.get("APPLICATION_ROOT") or "").rstrip("/")


def _encoded(path: str) -> str:
    return quote(path, safe=_SAFE)


def _held_to_length(path: str) -> str:
    return path if len(path) <= _LONGEST_PATH else path[: path.rfind("/", 0, _LONGEST_PATH) + 1]


def set_cookie(
    request: flask.Request, response: flask.Response, name: str, value: str, path: str, seconds: int
) -> None:
    """Add a cookie to an answer, beside those that the app sets."""
    response.headers.add(
        "Set-Cookie",
        dump_cookie(
            name,
            value,
            max_age=seconds,
            path=path,
            secure=request.is_secure,  # as the app sees it: a proxy's word counts where the app trusts it
            httponly=True,
            samesite="Lax",
            sync_expires=False,
        ),
    )


def delete_cookie(request: flask.Request, response: flask.Response, name: str, path: str) -> None:
    """Take a cookie back that bears this name and path."""
    set_cookie(request, response, name, "", path, _ENDED)
