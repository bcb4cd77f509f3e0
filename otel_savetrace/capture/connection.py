"""What the wire was like: head and body as they left, the connection they left on, how long each step took.

An attempt sends exactly one head: botocore switches urllib3's own retries off. The seams, in the order in
which an attempt passes them: for a new connection `socket.getaddrinfo`, `_new_conn` and `connect`; then
`AWSConnection._send_output` (a head goes to the socket), `send`, `_handle_expect_response` and `getresponse`;
and, once the answer has been read to its end, the pool's `_put_conn`.
"""

from __future__ import annotations

import os
import time
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.state import Attempt, ConnectionFacts, current_attempt

_FACTS = "_otel_savetrace"


def wrap_getaddrinfo(original: Method) -> Method:
    """Wrap `socket.getaddrinfo(host, …)`; lookups that no attempt makes pass straight through."""

    def getaddrinfo(*arguments: Any, **named: Any) -> Any:
        attempt = current_attempt()
        if attempt is None:
            return original(*arguments, **named)
        asked = time.monotonic()
        try:
            return original(*arguments, **named)
        finally:
            attempt.dns_seconds = time.monotonic() - asked

    return getaddrinfo


def wrap_new_conn(original: Method) -> Method:
    """Wrap `HTTPConnection._new_conn()`, which resolves the name and connects."""

    def _new_conn(connection: Any, *arguments: Any, **named: Any) -> Any:
        attempt = current_attempt()
        if attempt is None:
            return original(connection, *arguments, **named)
        began = time.monotonic()
        sock = original(connection, *arguments, **named)
        attempt.tcp_seconds = time.monotonic() - began - (attempt.dns_seconds or 0.0)
        return sock

    return _new_conn


def wrap_connect(secure: bool) -> Any:
    """Return the wrapper of `connect()`, which opens the socket, with TLS where `secure`."""

    def wrap(original: Method) -> Method:
        def connect(connection: Any, *arguments: Any, **named: Any) -> Any:
            began = time.monotonic()
            result = original(connection, *arguments, **named)
            guard.run("a connection is opened", _opened, connection, began, secure)
            return result

        return connect

    return wrap


def wrap_put_conn(original: Method) -> Method:
    """Wrap `HTTPConnectionPool._put_conn(conn)`, by which a connection goes back for the next request.

    The answer to a GetObject is read when and as slowly as the app likes, long after its call has ended.
    """

    def _put_conn(pool: Any, connection: Any, *arguments: Any, **named: Any) -> Any:
        guard.run("a connection goes back", _goes_back, connection)
        return original(pool, connection, *arguments, **named)

    return _put_conn


def _goes_back(connection: Any) -> None:
    facts: ConnectionFacts | None = getattr(connection, _FACTS, None)
    if facts is not None:
        facts.last_used = time.monotonic()


def _opened(connection: Any, began: float, secure: bool) -> None:
    now = time.monotonic()
    setattr(connection, _FACTS, ConnectionFacts(_peer(connection.sock), now, os.getpid()))
    attempt = current_attempt()
    if attempt is None:
        return
    attempt.leaving = attempt.head is not None  # over http a connection is opened for a head that is there
    if secure and attempt.tcp_seconds is not None:
        attempt.tls_seconds = now - began - attempt.tcp_seconds - (attempt.dns_seconds or 0.0)


def _peer(sock: Any) -> tuple[str, int] | None:
    try:
        address, port = sock.getpeername()[:2]
    except (AttributeError, OSError, ValueError):
        return None  # gone again already, or no internet socket
    return (address, port) if isinstance(port, int) else None


def wrap_send_output(original: Method) -> Method:
    """Wrap `AWSConnection._send_output(message_body)`, which sends the buffered head, then the body."""

    def _send_output(connection: Any, *arguments: Any, **named: Any) -> Any:
        attempt = current_attempt()
        if attempt is None:
            return original(connection, *arguments, **named)
        guard.run("a head is sent", _head_is_sent, attempt, connection)
        try:
            result = original(connection, *arguments, **named)
        finally:
            guard.run("a head was sent", _head_was_sent, attempt, connection)
        if attempt.continue_seconds is None and getattr(connection, "_expect_header_set", False):
            attempt.continue_ = attribute.UNANSWERED
        return result

    return _send_output


def _head_is_sent(attempt: Attempt, connection: Any) -> None:
    attempt.head = b"\r\n".join(connection._buffer)
    if connection.sock is None:
        setattr(connection, _FACTS, None)  # urllib3 keeps the object for the next socket
        return
    attempt.leaving = True
    facts: ConnectionFacts | None = getattr(connection, _FACTS, None)
    if facts is None:  # opened before we were switched on
        setattr(connection, _FACTS, ConnectionFacts(_peer(connection.sock), None, os.getpid()))
        attempt.requests_before = 1
    elif facts.requests:
        _note_reuse(attempt, facts)


def _note_reuse(attempt: Attempt, facts: ConnectionFacts) -> None:
    now = time.monotonic()
    attempt.requests_before = facts.requests
    if facts.opened is not None:
        attempt.age_seconds = now - facts.opened
    if facts.last_used is not None:
        attempt.idle_seconds = now - facts.last_used


def _head_was_sent(attempt: Attempt, connection: Any) -> None:
    facts: ConnectionFacts | None = getattr(connection, _FACTS, None)
    if facts is None:
        attempt.head = None  # no connection came about: nothing was sent
        return
    facts.requests += 1
    attempt.connection = facts


def wrap_send(original: Method) -> Method:
    """Wrap `AWSConnection.send(data)`, which hands a piece of head or body to the socket."""

    def send(connection: Any, data: Any) -> Any:
        result = original(connection, data)
        attempt = current_attempt()
        if attempt is not None:
            guard.run("a piece was sent", _piece_was_sent, attempt, connection, data)
        return result

    return send


def _piece_was_sent(attempt: Attempt, connection: Any, data: Any) -> None:
    # Before the head it is a proxy's CONNECT; after an early answer botocore sends nothing more.
    if attempt.head is None or connection._response_received:
        return
    attempt.sent = time.monotonic()
    if not isinstance(data, (bytes, bytearray)):
        attempt.bytes_sent = None  # http.client reads it by itself
    elif attempt.bytes_sent is not None:
        attempt.bytes_sent += len(data)


def wrap_handle_expect_response(original: Method) -> Method:
    """Wrap `AWSConnection._handle_expect_response(message_body)`: something came before the body was sent."""

    def _handle_expect_response(connection: Any, *arguments: Any, **named: Any) -> Any:
        result = original(connection, *arguments, **named)
        attempt = current_attempt()
        if attempt is not None and getattr(connection, "_response_received", False):
            attempt.continue_ = attribute.FINAL
        return result

    return _handle_expect_response


def wrap_is_100_continue_status(original: Method) -> Method:
    """Wrap `AWSConnection._is_100_continue_status(line)`: the store's word on the head was read.

    What came first may have been TLS's own, a session ticket, and said nothing of the head.
    """

    def _is_100_continue_status(connection: Any, *arguments: Any, **named: Any) -> Any:
        attempt = current_attempt()
        if attempt is not None and attempt.sent is not None:
            attempt.continue_seconds = time.monotonic() - attempt.sent
        return original(connection, *arguments, **named)

    return _is_100_continue_status


def wrap_getresponse(original: Method) -> Method:
    """Wrap `HTTPConnection.getresponse()`, which waits for the head of the answer."""

    def getresponse(connection: Any, *arguments: Any, **named: Any) -> Any:
        attempt = current_attempt()
        if attempt is None:
            return original(connection, *arguments, **named)
        attempt.asked = True
        answer = original(connection, *arguments, **named)
        if attempt.sent is not None:
            attempt.first_byte_seconds = time.monotonic() - attempt.sent
        return answer

    return getresponse
