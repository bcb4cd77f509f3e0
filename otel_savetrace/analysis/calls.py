"""Storage calls and the HTTP attempts that each of them took, read from their spans."""

from __future__ import annotations

import dataclasses
import re

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.absence import meant
from otel_savetrace.spans.rows import Span

S3_NAME = re.compile(r"S3[./](?P<operation>\w+)")
"""A storage call's name. Some samplers drop every attribute given at a span's start: the name stays."""

BOTO_ERROR = re.compile(r"An error occurred \((?P<code>[^)\s]+)\)")
"""How botocore words a store's refusal, in a span's status and in an exception's message."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request sent to the store."""

    span: Span

    @property
    def outcome(self) -> str:
        """What came of it, in words: ``200``, ``503 SlowDown``, ``connection reset``."""
        return self.span.name.removeprefix(attributes.ATTEMPT_NAME)

    @property
    def succeeded(self) -> bool:
        """Whether the store answered without an error."""
        return self.span.status != "error" and attributes.ERROR_CODE not in self.span.attributes

    @property
    def seconds(self) -> float:
        """Time from its start to its end."""
        return values.seconds(self.span)

    @property
    def header_bytes(self) -> int | None:
        """Bytes of the request's head."""
        return values.integer(self.span.attributes.get(attributes.HEADER_BYTES))

    @property
    def connection(self) -> str | None:
        """``new`` or ``reused``."""
        return values.text(self.span.attributes.get(attributes.CONNECTION))

    @property
    def connection_idle_seconds(self) -> float | None:
        """How long a reused connection had carried nothing."""
        return values.number(self.span.attributes.get(attributes.CONNECTION_IDLE_SECONDS))

    @property
    def connection_age_seconds(self) -> float | None:
        """How long ago a reused connection was opened."""
        return values.number(self.span.attributes.get(attributes.CONNECTION_AGE_SECONDS))

    @property
    def connection_requests(self) -> int | None:
        """Requests that its connection had carried before it."""
        return values.integer(meant(self.span.attributes, attributes.CONNECTION_REQUESTS))

    @property
    def connection_pid(self) -> int | None:
        """The process that opened its connection, where that was another one."""
        return values.integer(self.span.attributes.get(attributes.CONNECTION_PID))

    @property
    def errno(self) -> str | None:
        """The system's name for what broke the connection: ``ECONNRESET``."""
        return values.text(self.span.attributes.get(attributes.ERRNO))

    @property
    def body_bytes_sent(self) -> int | None:
        """Bytes of the body that were sent before a failed attempt ended."""
        return values.integer(self.span.attributes.get(attributes.BODY_BYTES_SENT))

    @property
    def backoff_seconds(self) -> float | None:
        """Time waited before it."""
        return values.number(self.span.attributes.get(attributes.BACKOFF_SECONDS))


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One call of the S3 client, and its attempts in the order they were made (none where not recorded)."""

    span: Span
    attempts: tuple[Attempt, ...]

    @property
    def operation(self) -> str:
        """S3 operation, such as ``PutObject``."""
        return operation_of(self.span) or self.span.name

    @property
    def writes(self) -> bool:
        """Whether it stores something."""
        return self.operation in attributes.WRITES

    @property
    def failed(self) -> bool:
        """Whether the app was told of an error."""
        return self.span.status == "error"

    @property
    def seconds(self) -> float:
        """Time from its start to its end."""
        return values.seconds(self.span)

    @property
    def key(self) -> str | None:
        """Object key."""
        return values.text(self.span.attributes.get(attributes.S3_KEY))

    @property
    def error_code(self) -> str | None:
        """The S3 error code, else the exception's class."""
        return error_code_of(self.span)

    @property
    def content(self) -> tuple[str, int] | None:
        """Hash and size of what was to be stored, where both are known."""
        return values.content(self.span)

    @property
    def attempts_made(self) -> int | None:
        """HTTP requests sent; plain OpenTelemetry counts them where the store answered."""
        if self.sent_by is not None:
            return None
        recorded = values.integer(self.span.attributes.get(attributes.ATTEMPTS))
        if recorded is not None or self.attempts:
            return recorded or len(self.attempts)
        retries = values.integer(self.span.attributes.get("retry_attempts"))
        return None if retries is None else retries + 1

    @property
    def attempts_allowed(self) -> int | None:
        """HTTP requests that the client may send for one call."""
        return values.integer(self.span.attributes.get(attributes.ATTEMPTS_ALLOWED))

    @property
    def app_retry(self) -> int:
        """0 for a call that the app made first, 1 for its first repetition by the app itself."""
        return values.integer(self.span.attributes.get(attributes.APP_RETRY_ATTEMPT)) or 0

    @property
    def sent_by(self) -> str | None:
        """Who sent it, where it was not botocore, so that nothing of it was seen: ``crt``, ``handler``."""
        return values.text(self.span.attributes.get(attributes.SENT_BY))

    @property
    def patience_seconds(self) -> float | None:
        """The longest that it may take when everything times out."""
        return values.number(self.span.attributes.get(attributes.PATIENCE_SECONDS))


def call_name(call: Call) -> str:
    """Return a storage call's name as a person would say it: operation and file."""
    return f"{call.operation} {call.key.rpartition('/')[2]}" if call.key else call.operation


def is_attempt(span: Span) -> bool:
    """Return whether the span is one HTTP request that we recorded."""
    return span.scope == attributes.SCOPE and span.name.startswith(attributes.ATTEMPT_NAME)


def is_call(span: Span) -> bool:
    """Return whether the span is a call of the S3 client."""
    return operation_of(span) is not None and not is_attempt(span)


def operation_of(span: Span) -> str | None:
    """Return the S3 operation of a call, such as `PutObject`; `None` where the span is no S3 call."""
    named = S3_NAME.fullmatch(span.name)
    if named:
        return named["operation"]
    method = values.text(span.attributes.get("rpc.method")) or ""
    if span.attributes.get("rpc.service") == "S3" and method:
        return method
    qualified = S3_NAME.fullmatch(method)
    return qualified["operation"] if qualified else None


def error_code_of(span: Span) -> str | None:
    """Return the S3 error code of a failed span, else the class of its exception."""
    recorded = values.text(span.attributes.get(attributes.ERROR_CODE))
    if recorded or span.status != "error":
        return recorded
    worded = BOTO_ERROR.search(span.status_message)
    if worded:
        return worded["code"]
    thrown = [event.attributes.get("exception.type") for event in span.events if event.name == "exception"]
    return values.text(span.attributes.get(attributes.ERROR_TYPE)) or values.text(
        thrown[-1] if thrown else None
    )
