"""The app's own address for what browsers tell: who may send there, how much, and how often."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Any

from otel_savetrace.capture.browser.emission import Emission
from otel_savetrace.capture.browser.rate import Rates
from otel_savetrace.capture.browser.script import Answer
from otel_savetrace.capture.browser.sent import NotOursError, read

LONGEST_BODY = 65_536
"""Bytes that one request may bring."""

_TYPES = ("application/json", "text/plain")
# Requests at once, then a second: a class of thirty behind one address, saving as fast as it can.
_OF_PROCESS = (200.0, 50.0)
_OF_CLIENT = (60.0, 10.0)
_FRONTS = [
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Address:
    """Takes what browsers send; it reads no cookie and sets none.

    What is refused: 403 what is not of the app's own origin, 413 what is too long, 429 what comes too often,
    400 anything else that our script does not send.
    """

    def __init__(self, emission: Emission) -> None:
        self._emission = emission
        self._rates = Rates(_OF_PROCESS, _OF_CLIENT)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """Return the answer to a POST."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdecimal()):
            return _answer(HTTPStatus.BAD_REQUEST)
        if len(length) > len(str(LONGEST_BODY)) or int(length) > LONGEST_BODY:
            return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        # Read whatever becomes of it: a connection closed on an unread body loses its answer on the way.
        body = environ["wsgi.input"].read(int(length))
        if not is_of_same_origin(environ):
            return _answer(HTTPStatus.FORBIDDEN)
        if not self._rates.let_in(client_of(environ)):
            return _answer(HTTPStatus.TOO_MANY_REQUESTS, ("Retry-After", "10"))
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() not in _TYPES:
            return _answer(HTTPStatus.BAD_REQUEST)
        return _answer(self._take(body, int(length)))

    def _take(self, body: bytes, length: int) -> HTTPStatus:
        if len(body) != length:
            return HTTPStatus.BAD_REQUEST
        try:
            spans = read(body)
        except NotOursError:
            return HTTPStatus.BAD_REQUEST
        for span in spans:
            self._emission.emit(span)
        return HTTPStatus.NO_CONTENT


def is_of_same_origin(environ: dict[str, Any]) -> bool:
    """Return whether a page of the app's own origin sent the request, as far as its browser tells.

    A browser says so itself, in a header that no page can set (`Sec-Fetch-Site`). Where it does not (an older
    one, or a site without TLS), the host of `Origin` must be the one that was asked: `Host`, or where a front
    server put its own there, `X-Forwarded-Host`, which a page of another origin cannot set either without the
    browser asking us first; we never agree to that.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return str(site) == "same-origin"
    scheme, _, origin = environ.get("HTTP_ORIGIN", "").partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    if port is None or not origin:
        return False
    asked = (environ.get("HTTP_HOST", ""), environ.get("HTTP_X_FORWARDED_HOST", "").partition(",")[0].strip())
    return origin.lower() in [host.lower().removesuffix(port) for host in asked]


def client_of(environ: dict[str, Any]) -> str:
    """Return the address that a request is counted under.

    Behind a front server, which has a private address or a socket's, that is what it added last to
    `X-Forwarded-For`; anybody may have written the rest of it.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    if not _is_front(peer):
        return peer
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return forwarded[:64] or peer


def _is_front(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return True  # a socket's
    return any(address in network for network in _FRONTS)


def _answer(status: HTTPStatus, *headers: tuple[str, str]) -> Answer:
    line = f"{status.value} {status.phrase}"
    # An answer of 204 has no body and must not tell its length.
    length = [] if status is HTTPStatus.NO_CONTENT else [("Content-Length", "0")]
    return line, [("Cache-Control", "no-store"), *length, *headers], b""
