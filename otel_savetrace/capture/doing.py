"""What a request is doing at this moment, in a few words of a fixed form: no text of the app is in them.

``attempt 7 of 12 of PutObject: waiting for the answer``, ``backing off before attempt 8 of 12 of PutObject``,
``waiting for postgresql``, ``in the app``.
"""

from __future__ import annotations

import re
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.state import StorageCall

IN_THE_APP = "in the app"

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# What a client span says of whom it asks, the most telling first; old and new names of OpenTelemetry's.
_ASKED = ("db.system.name", "db.system", "messaging.system", "rpc.service", "rpc.system")


def of_call(call: StorageCall) -> str:
    """Return what a storage call is doing, which another thread may be making."""
    repeated = f", repetition {call.app_retry} by the app" if call.app_retry else ""
    return _step_of(call) + repeated


def _step_of(call: StorageCall) -> str:
    attempt, operation = call.attempt, call.operation
    allowed = call.client.get(attribute.ATTEMPTS_ALLOWED)
    if attempt is not None:
        return f"{numbered(call.attempts, allowed, operation)}: {attempt.step}"
    if not call.attempts:
        return preparing(operation)
    if call.answered is None or call.is_last_attempt:
        return finishing(operation)
    return backing_off(call.attempts + 1, allowed, operation)


def preparing(operation: str) -> str:
    """Return that a call has not made an attempt yet."""
    return f"preparing {operation}"


def numbered(number: int, allowed: object, operation: str) -> str:
    """Return which attempt it is; `allowed` is how many there may be, None or 0 where that is not known."""
    return f"attempt {number}{f' of {allowed}' if allowed else ''} of {operation}"


def backing_off(number: int, allowed: object, operation: str) -> str:
    """Return that a call waits for its next attempt, told as in `numbered`."""
    return f"backing off before {numbered(number, allowed, operation)}"


def finishing(operation: str) -> str:
    """Return that a call makes no further attempt."""
    return f"finishing {operation}"


def in_package(name: str) -> str:
    """Return whose code runs, by the name of an installed package."""
    return f"in {name}" if _WORD.fullmatch(name) else IN_THE_APP


def of_span(span: Any) -> str:
    """Return whom a client span of another instrumentation asks, by its attributes, else by its scope."""
    attributes = span.attributes or {}
    words = [attributes.get(name) for name in _ASKED]
    scope = span.instrumentation_scope
    if scope is not None:
        words.append(scope.name.rpartition(".")[2])
    asked = next((word for word in words if isinstance(word, str) and _WORD.fullmatch(word)), "a service")
    return f"waiting for {asked}"
