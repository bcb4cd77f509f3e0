"""What is known so far of a connection, an attempt and a call: written by the seams, read when they end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content
from otel_savetrace.capture.text import shortened, utf8_length

_READING = ("Get", "Head", "List", "Select")


class ConnectionFacts:
    """What is known of one open connection; kept on it, gone with it.

    `peer` is address and port, `requests` the heads sent, `last_used` when the last attempt on it ended, in
    seconds of `time.monotonic`.
    """

    __slots__ = ("last_used", "peer", "requests")

    def __init__(self, peer: tuple[str, int] | None) -> None:
        self.peer = peer
        self.requests = 0
        self.last_used: float | None = None


class Attempt:
    """What is known of an attempt so far. `header_bytes` is None until the head was handed to the socket."""

    __slots__ = ("connection", "header_bytes", "idle_seconds", "reused", "started")

    def __init__(self) -> None:
        self.started = time.time_ns()
        self.header_bytes: int | None = None
        self.reused = False
        self.idle_seconds: float | None = None
        self.connection: ConnectionFacts | None = None


class StorageCall:
    """What is known of a call so far. Sizes are bytes, times seconds of `time.monotonic`."""

    __slots__ = (
        "attempt", "attempts", "attempts_allowed", "backoff_seconds", "body", "bucket", "content_hash",
        "content_size", "has_content", "header_bytes", "key", "key_len", "next_backoff", "operation", "outer",
        "part", "previous_ended", "recording", "span", "status", "user_attributes",
    )  # fmt: skip

    def __init__(self, span: Span, operation: str, parameters: Mapping[str, Any]) -> None:
        self.span = span
        self.operation = operation
        self.recording = span.is_recording()
        self.outer: StorageCall | None = None
        bucket, key = parameters.get("Bucket"), parameters.get("Key")
        self.bucket = bucket if isinstance(bucket, str) else None
        self.key = key if isinstance(key, str) else None
        self.key_len = None if self.key is None else utf8_length(self.key)
        self.part = parameters.get("PartNumber", 0)
        self.has_content = operation in content.CONTENT_OPERATIONS
        self.body = parameters.get("Body") if self.has_content else None
        self.content_size = content.size_of(self.body) if self.has_content else None
        self.content_hash: str | None = None
        self.user_attributes: dict[str, str] = {}
        self.attempt: Attempt | None = None
        self.attempts = 0
        self.attempts_allowed: int | None = None
        self.header_bytes = 0
        self.status: int | None = None
        self.backoff_seconds = 0.0
        self.next_backoff: float | None = None
        self.previous_ended: float | None = None

    @property
    def retries(self) -> int:
        """HTTP requests sent after the first."""
        return max(0, self.attempts - 1)

    @property
    def writes(self) -> bool:
        """Whether the call means to change what is stored."""
        return not self.operation.startswith(_READING)


def object_attributes(bucket: str | None, key: str | None) -> dict[str, str]:
    """Return the attributes that name an object, where its bucket and key are known."""
    known = {}
    if bucket is not None:
        known[attribute.S3_BUCKET] = shortened(bucket, attribute.SEARCHED_LIMIT)
    if key is not None:
        known[attribute.S3_KEY] = shortened(key, attribute.KEY_LIMIT)
    return known


current_call: ContextVar[StorageCall | None] = ContextVar("otel_savetrace_call", default=None)
"""The S3 call that runs in this thread or greenlet."""
