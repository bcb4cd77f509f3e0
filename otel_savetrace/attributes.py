"""Every attribute that otel-savetrace writes: name, type, unit, meaning, where it stands, limit.

Capture and analysis meet here and on the wire, nowhere else. Each constant is the attribute's name as it
stands on the span; `REGISTRY` describes it. Names without the ``savetrace.`` prefix are OpenTelemetry
semantic conventions (https://opentelemetry.io/docs/specs/semconv/) and keep their meaning there.

Attributes that a user names in ``OTEL_SAVETRACE_KEY_PATTERN`` or ``OTEL_SAVETRACE_REQUEST_ATTRIBUTES``
(``storymap.id`` …) cannot be listed; they are strings of at most `SEARCHED_LIMIT` bytes, stand on the save
and on the storage call, and are personal.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

AttributeType = Literal["string", "int", "double", "boolean"]
SpanKind = Literal["save", "call", "attempt"]

SEARCHED_LIMIT = 250
"""Longest value, in UTF-8 bytes, of an attribute that is searched by: Cassandra indexes none from 256 on."""

KEY_LIMIT = 1024
"""Longest S3 object key, in UTF-8 bytes (Amazon S3 user guide, "Naming Amazon S3 objects")."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """What one attribute means.

    `unit` follows UCUM as OpenTelemetry does (``By`` bytes, ``s`` seconds), empty for none. `limit` is the
    longest value in UTF-8 bytes, where strings are cut. `personal` says that the value may name a person.
    """

    name: str
    type: AttributeType
    unit: str
    meaning: str
    stands_on: tuple[SpanKind, ...]
    limit: int | None = None
    personal: bool = False


REGISTRY: dict[str, Attribute] = {}
"""Every attribute by its name."""


def _define(
    name: str,
    kind: AttributeType,
    stands_on: tuple[SpanKind, ...],
    meaning: str,
    *,
    unit: str = "",
    limit: int | None = None,
    personal: bool = False,
) -> str:
    if kind == "string" and limit is None:
        limit = SEARCHED_LIMIT
    REGISTRY[name] = Attribute(name, kind, unit, meaning, stands_on, limit, personal)
    return name


# What became of the save.

OUTCOME = _define(
    "savetrace.outcome", "string", ("save",),
    "`succeeded` or `failed`, as the user got it: the status, an unhandled exception, or a 200 whose JSON"
    " says `error`.",
)  # fmt: skip
USER_ERROR = _define(
    "savetrace.user_error", "string", ("save",),
    "What a failed save told the user: the `error` text of its JSON, else the status and its phrase.",
    personal=True,
)  # fmt: skip
ERROR_CODE = _define(
    "savetrace.error_code", "string", ("save", "call", "attempt"),
    "The S3 error code as the wire had it (`SlowDown`), else the innermost exception's class"
    " (`ConnectionResetError`), else, on a save that no exception explains, the HTTP status or"
    " `error_in_answer`. On the save: the failure that mattered.",
)  # fmt: skip
ERROR_TYPE = _define(
    "error.type", "string", ("save", "call", "attempt"),
    "The same as `savetrace.error_code`, under the name that OpenTelemetry backends know.",
)  # fmt: skip

# What was saved.

S3_BUCKET = _define(
    "aws.s3.bucket", "string", ("save", "call"),
    "Bucket. On the save: of the object that failed, else of the first object written.",
)  # fmt: skip
S3_KEY = _define(
    "aws.s3.key", "string", ("save", "call"),
    "Object key. On the save: of the object that failed, else of the first object written.",
    limit=KEY_LIMIT, personal=True,
)  # fmt: skip
KEY_LEN = _define(
    "savetrace.key_len", "int", ("save", "call"),
    "Length of the object key as S3 counts it against its limit of 1,024: UTF-8 bytes. On the save: the"
    " longest key written.",
    unit="By",
)  # fmt: skip
CONTENT_SIZE = _define(
    "savetrace.content_size", "int", ("save", "call"),
    "Bytes of content to be stored, before any transfer encoding. On the save: the sum over its objects,"
    " each counted once.",
    unit="By",
)  # fmt: skip
CONTENT_HASH = _define(
    "savetrace.content_hash", "string", ("save", "call"),
    "`crc32:` and eight hex digits of the content, the checksum that botocore itself sends; equal hash and"
    " size mean the same content. On the save: of its objects' hashes, sorted, where there are several.",
)  # fmt: skip

# How it was sent.

CALLS = _define("savetrace.calls", "int", ("save",), "Storage calls made by the save, reads included.")
ATTEMPTS = _define(
    "savetrace.attempts", "int", ("save", "call"),
    "HTTP requests sent to the store. On the save: the sum over its calls.",
)  # fmt: skip
ATTEMPTS_ALLOWED = _define(
    "savetrace.attempts_allowed", "int", ("call",),
    "HTTP requests that the client may send for one call: its `total_max_attempts`.",
)  # fmt: skip
RETRY_ATTEMPTS = _define(
    "savetrace.retry_attempts", "int", ("save", "call"),
    "HTTP requests sent after the first of a call. On the save: the sum over its calls.",
)  # fmt: skip
RETRY_ATTEMPT = _define(
    "savetrace.retry_attempt", "int", ("attempt",), "0 for a call's first request, 1 for its first retry …"
)
RESEND_COUNT = _define(
    "http.request.resend_count",
    "int",
    ("attempt",),
    "The same, set on retries only, as OpenTelemetry has it.",
)
HEADER_BYTES = _define(
    "savetrace.header_bytes", "int", ("save", "call", "attempt"),
    "Bytes of the request's head as sent: request line, headers, the empty line, every CRLF. On a call and"
    " a save: the largest of its attempts.",
    unit="By",
)  # fmt: skip
BACKOFF_SECONDS = _define(
    "savetrace.backoff_seconds", "double", ("save", "call", "attempt"),
    "Time from the end of the attempt before to the making of this request. On a call and a save: the sum.",
    unit="s",
)  # fmt: skip
CONNECTION = _define(
    "savetrace.connection", "string", ("attempt",),
    "`new`: opened for this request; `reused`: kept alive from an earlier one.",
)  # fmt: skip
CONNECTION_IDLE_SECONDS = _define(
    "savetrace.connection_idle_seconds", "double", ("attempt",),
    "How long a reused connection had carried nothing.",
    unit="s",
)  # fmt: skip
PEER_ADDRESS = _define("network.peer.address", "string", ("attempt",), "IP address connected to.")
PEER_PORT = _define("network.peer.port", "int", ("attempt",), "Port connected to.")
REQUEST_METHOD = _define("http.request.method", "string", ("attempt",), "HTTP method.")

# What came back.

RESPONSE_STATUS = _define(
    "http.response.status_code", "int", ("call", "attempt"), "HTTP status; of a call, its last attempt's."
)
REQUEST_ID = _define(
    "aws.request_id",
    "string",
    ("call", "attempt"),
    "The store's `x-amz-request-id`: quote it to AWS support.",
)
EXTENDED_REQUEST_ID = _define(
    "aws.extended_request_id", "string", ("call", "attempt"), "The store's `x-amz-id-2` (host id)."
)

# Values, and the names that a reader knows a span by.

SUCCEEDED = "succeeded"
FAILED = "failed"
NEW = "new"
REUSED = "reused"

SCOPE = "otel_savetrace"
"""Instrumentation scope of attempt spans; its version is the package's."""

ATTEMPT_NAME = "attempt: "
"""How an attempt span's name begins; the outcome follows: ``attempt: 200``, ``attempt: 503 SlowDown``,
``attempt: connection reset``."""
