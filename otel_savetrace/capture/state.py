"""What is known so far of a connection, an attempt and a call: written by the seams, read when they end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content
from otel_savetrace.capture.text import shortened, utf8_length

if TYPE_CHECKING:
    from otel_savetrace.capture.storage_log import CallLog

_READING = ("Get", "Head", "List", "Select")


class ConnectionFacts:
    """What is known of one open connection; kept on it, gone with it.

    `peer` is address and port, `process` the pid that opened it, `requests` the heads sent; `opened` and
    `last_used` (when the last attempt on it ended) are seconds of `time.monotonic`.
    """

    __slots__ = ("last_used", "opened", "peer", "process", "requests")

    def __init__(self, peer: tuple[str, int] | None, opened: float | None, process: int) -> None:
        self.peer = peer
        self.opened = opened
        self.process = process
        self.requests = 0
        self.last_used: float | None = None


class Attempt:
    """What is known of an attempt so far.

    `header_bytes` is None until the head was handed to the socket; `bytes_sent` counts head and body, and is
    None where a body went out in a way that cannot be counted. `sent` is when the last of them was, in
    seconds of `time.monotonic`; `started` is in nanoseconds of `time.time_ns`. Other times are durations.
    """

    __slots__ = (
        "age_seconds", "bytes_sent", "connection", "continue_", "continue_seconds", "dns_seconds",
        "first_byte_seconds", "header_bytes", "header_section_bytes", "idle_seconds", "largest_headers",
        "metadata_bytes", "pool_in_use", "pool_wait_seconds", "requests_before", "sent", "started",
        "tcp_seconds", "tls_seconds",
    )  # fmt: skip

    def __init__(self) -> None:
        self.started = time.time_ns()
        self.connection: ConnectionFacts | None = None
        self.header_bytes: int | None = None
        self.header_section_bytes = 0
        self.largest_headers = ""
        self.metadata_bytes = 0
        self.requests_before = 0
        self.age_seconds: float | None = None
        self.idle_seconds: float | None = None
        self.pool_in_use = 1
        self.pool_wait_seconds = 0.0
        self.dns_seconds: float | None = None
        self.tcp_seconds: float | None = None
        self.tls_seconds: float | None = None
        self.bytes_sent: int | None = 0
        self.sent: float | None = None
        self.continue_: str | None = None
        self.continue_seconds: float | None = None
        self.first_byte_seconds: float | None = None

    @property
    def body_bytes_sent(self) -> int | None:
        """Bytes of the body handed to the socket; None where nothing was, or it could not be counted."""
        if self.header_bytes is None or self.bytes_sent is None:
            return None
        return max(0, self.bytes_sent - self.header_bytes)


class StorageCall:
    """What is known of a call so far. Sizes are bytes, times seconds of `time.monotonic`.

    `doubtful` says that an attempt ended so that nobody here can know whether the store did what it was told,
    `incomplete` that this is true of the last one, though it passed for success.
    """

    __slots__ = (
        "app_retry", "attempt", "attempts", "backoff_seconds", "body", "body_bytes_sent", "bucket", "client",
        "content_hash", "content_size", "doubtful", "has_content", "header_bytes", "incomplete", "key",
        "key_len", "key_len_sent", "log", "next_backoff", "operation", "outer", "part", "previous_ended",
        "quota_exhausted", "recording", "request_facts", "sent_by", "span", "status", "user_attributes",
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
        self.key_len_sent: int | None = None
        self.part = parameters.get("PartNumber", 0)
        self.has_content = operation in content.CONTENT_OPERATIONS
        self.body = parameters.get("Body") if self.has_content else None
        self.content_size = content.size_of(self.body) if self.has_content else None
        self.content_hash: str | None = None
        self.user_attributes: dict[str, str] = {}
        self.log: CallLog | None = None
        self.app_retry = 0
        self.client: Mapping[str, str | int | float] = {}
        self.request_facts: dict[str, str | int | float] = {}
        self.attempt: Attempt | None = None
        self.attempts = 0
        self.header_bytes = 0
        self.body_bytes_sent: int | None = None
        self.status: int | None = None
        self.backoff_seconds = 0.0
        self.next_backoff: float | None = None
        self.previous_ended: float | None = None
        self.quota_exhausted = False
        self.doubtful = False
        self.incomplete = False
        self.sent_by: str | None = None

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


def current_attempt() -> Attempt | None:
    """Return the attempt that runs in this thread or greenlet, None where there is none."""
    call = current_call.get()
    return None if call is None else call.attempt
