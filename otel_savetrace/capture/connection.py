"""What the wire was like: the head as it left, and the connection that it left on.

The seams are `AWSConnection._send_output` (a request's head goes to the socket) and `connect` of its two
subclasses. An attempt sends exactly one head: botocore switches urllib3's own retries off.
"""

from __future__ import annotations

import time
from typing import Any

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.state import Attempt, ConnectionFacts, current_call

_FACTS = "_otel_savetrace"
_CRLF = 2


def wrap_connect(original: Method) -> Method:
    """Wrap `AWSHTTPConnection.connect()`, which opens the socket, TLS included."""

    def connect(connection: Any, *arguments: Any, **named: Any) -> Any:
        result = original(connection, *arguments, **named)
        guard.run("a connection is opened", _opened, connection)
        return result

    return connect


def wrap_send_output(original: Method) -> Method:
    """Wrap `AWSConnection._send_output(message_body)`, which sends the buffered head, then the body."""

    def _send_output(connection: Any, *arguments: Any, **named: Any) -> Any:
        call = current_call.get()
        if call is None or call.attempt is None:
            return original(connection, *arguments, **named)
        attempt = call.attempt
        guard.run("a head is sent", _head_is_sent, attempt, connection)
        try:
            return original(connection, *arguments, **named)
        finally:
            guard.run("a head was sent", _head_was_sent, attempt, connection)

    return _send_output


def _opened(connection: Any) -> None:
    setattr(connection, _FACTS, ConnectionFacts(_peer(connection.sock)))


def _peer(sock: Any) -> tuple[str, int] | None:
    try:
        address, port = sock.getpeername()[:2]
    except (AttributeError, OSError, ValueError):
        return None  # gone again already, or no internet socket
    return (address, port) if isinstance(port, int) else None


def _head_is_sent(attempt: Attempt, connection: Any) -> None:
    lines = connection._buffer
    # Every line ends in CRLF, and an empty line ends the head.
    attempt.header_bytes = sum(map(len, lines)) + _CRLF * len(lines) + _CRLF
    if connection.sock is None:
        setattr(connection, _FACTS, None)  # urllib3 keeps the object for the next socket
        return
    facts: ConnectionFacts | None = getattr(connection, _FACTS, None)
    if facts is None:
        _opened(connection)
        attempt.reused = True  # opened before we were switched on
    elif facts.requests:
        attempt.reused = True
        if facts.last_used is not None:
            attempt.idle_seconds = time.monotonic() - facts.last_used


def _head_was_sent(attempt: Attempt, connection: Any) -> None:
    facts: ConnectionFacts | None = getattr(connection, _FACTS, None)
    if facts is None:
        attempt.header_bytes = None  # no connection came about: nothing was sent
        return
    facts.requests += 1
    attempt.connection = facts
