"""What is known so far of a connection, an attempt and a call: written by the seams, read when they end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content, head
from otel_savetrace.capture.client import Client
from otel_savetrace.capture.failure import MISSING_ETAG, Failure
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.text import shortened, utf8_length

if TYPE_CHECKING:
    from otel_savetrace.capture.in_flight.slot import Slot
    from otel_savetrace.capture.storage_log import CallLog


class ConnectionFacts:
    """What is known of one open connection; kept on it, gone with it.

    `peer` is address and port, `process` the pid that opened it, `requests` the heads sent; `opened` and
    `last_used` (when the last answer on it had been read) are seconds of `time.monotonic`.
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

    `head` (see `otel_savetrace.capture.head`) is None until it was handed to the socket; `bytes_sent` counts
    head and body, and is None where a body went out in a way that cannot be counted. `sent` is when the last
    of them was, in seconds of `time.monotonic`; `started` is in nanoseconds of `time.time_ns`. Other times
    are durations in seconds. `leaving` says that there is a connection on which the head goes out, `asked`
    that the answer is waited for.
    """

    # On the class, since most attempts leave most of them as they are.
    connection: ConnectionFacts | None = None
    head: bytes | None = None
    requests_before = 0
    in_use = 1
    age_seconds: float | None = None
    idle_seconds: float | None = None
    dns_seconds: float | None = None
    tcp_seconds: float | None = None
    tls_seconds: float | None = None
    bytes_sent: int | None = 0
    sent: float | None = None
    continue_: str | None = None
    continue_seconds: float | None = None
    first_byte_seconds: float | None = None
    leaving = False
    asked = False

    def __init__(self, client: Client) -> None:
        self.client = client
        self.started = time.time_ns()

    @property
    def step(self) -> str:
        """What it is doing, in words of a fixed form."""
        if not self.leaving:
            return "connecting"
        return "waiting for the answer" if self.asked else "sending"

    @property
    def header_bytes(self) -> int | None:
        """Bytes of the head as sent; None where none was."""
        return None if self.head is None else head.bytes_of(self.head)

    @property
    def body_bytes_sent(self) -> int | None:
        """Bytes of the body handed to the socket; None where nothing was, or it could not be counted."""
        if self.head is None or self.bytes_sent is None:
            return None
        return max(0, self.bytes_sent - head.bytes_of(self.head))


class StorageCall:
    """What is known of a call so far. Sizes are bytes, times seconds of `time.monotonic`.

    `answered` is what the last attempt failed with; `doubtful` says that an attempt ended so that nobody here
    can know whether the store did what it was told, `incomplete` that this is true of the last one, though it
    passed for success.
    """

    # On the class, since most calls leave most of them as they are.
    outer: StorageCall | None = None
    log: CallLog | None = None
    slot: Slot | None = None
    key_len_sent: int | None = None
    content_hash: str | None = None
    object: Mapping[str, str] = MappingProxyType({})
    app_retry = 0
    client: Mapping[str, str | int | float] = MappingProxyType({})
    ids: Mapping[str, str] = MappingProxyType({})
    attempt: Attempt | None = None
    attempts = 0
    header_bytes = 0
    body_bytes_sent: int | None = None
    status: int | None = None
    backoff_seconds = 0.0
    next_backoff: float | None = None
    previous_ended: float | None = None
    quota_exhausted = False
    answered: Failure | None = None
    doubtful = False
    sent_by: str | None = None

    def __init__(self, span: Span, operation: str, parameters: Mapping[str, Any]) -> None:
        self.span = span
        self.operation = operation
        self.recording = span.is_recording()
        bucket, key = parameters.get("Bucket"), parameters.get("Key")
        self.bucket = bucket if isinstance(bucket, str) else None
        self.key = key if isinstance(key, str) else None
        self.key_len = None if self.key is None else utf8_length(self.key)
        self.part = parameters.get("PartNumber", 0)
        self.request_facts: Known = {}
        self.has_content = operation in content.CONTENT_OPERATIONS
        self.body = parameters.get("Body") if self.has_content else None
        self.content_size = content.size_of(self.body) if self.has_content else None

    @property
    def incomplete(self) -> bool:
        """Whether the last answer passed for success and confirmed nothing."""
        return self.answered is MISSING_ETAG

    @property
    def retries(self) -> int:
        """HTTP requests sent after the first."""
        return max(0, self.attempts - 1)

    @property
    def is_last_attempt(self) -> bool:
        """Whether no attempt may follow the one that was made last."""
        return self.quota_exhausted or self.attempts == self.client.get(attribute.ATTEMPTS_ALLOWED)

    @property
    def writes(self) -> bool:
        """Whether the call means to store an object, or a part of one."""
        return self.operation in attribute.WRITES


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
