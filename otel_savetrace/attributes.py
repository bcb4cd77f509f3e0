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
import re
from typing import Literal

AttributeType = Literal["string", "int", "double", "boolean"]
SpanKind = Literal["save", "call", "attempt", "browser"]

SEARCHED_LIMIT = 250
"""Longest value, in UTF-8 bytes, of an attribute that is searched by: Cassandra indexes none from 256 on."""

KEY_LIMIT = 1024
"""Longest S3 object key, in UTF-8 bytes (Amazon S3 user guide, "Naming Amazon S3 objects")."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """What one attribute means.

    `unit` follows UCUM as OpenTelemetry does (``By`` bytes, ``s`` seconds), empty for none. `limit` is the
    longest value in UTF-8 bytes, where strings are cut. `personal` says that the value may name a person.
    `absent` is what it means that a span lacks the attribute, None where that says nothing: what nearly every
    save has in common is not written on each.
    """

    name: str
    type: AttributeType
    unit: str
    meaning: str
    stands_on: tuple[SpanKind, ...]
    limit: int | None = None
    personal: bool = False
    absent: str | int | bool | None = None


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
    absent: str | int | bool | None = None,
) -> str:
    if kind == "string" and limit is None:
        limit = SEARCHED_LIMIT
    REGISTRY[name] = Attribute(name, kind, unit, meaning, stands_on, limit, personal, absent)
    return name


# What became of the save.

OUTCOME = _define(
    "savetrace.outcome", "string", ("save", "browser"),
    "`succeeded` or `failed`, as the user got it: the status, an unhandled exception, a 200 whose JSON says"
    " `error`, or a redirect to the login. Of a browser also `unknown`: it did not see the end.",
)  # fmt: skip
USER_ERROR = _define(
    "savetrace.user_error", "string", ("save", "browser"),
    "What a failed save told the user: the `error` text of its JSON, else the status and its phrase. Of a"
    " browser first of all what the page showed in the element that `data-error-selector` names.",
    personal=True,
)  # fmt: skip
ERROR_CODE = _define(
    "savetrace.error_code", "string", ("save", "call", "attempt", "browser"),
    "The S3 error code as the wire had it (`SlowDown`), else the innermost exception's class"
    " (`ConnectionResetError`), else, on a save that no exception explains, the HTTP status or"
    " `error_in_answer` or `login_redirect`; on one that was stopped in the middle `worker_timeout`,"
    " `worker_killed` (outright), `worker_stopped`, `worker_recycled`, `greenlet_killed`, `request_timeout`,"
    " `cancelled`. On the save: the failure that mattered."
    " Of a browser also `network_error`, `offline`, `blocked` (by the page's own policy), `timeout`,"
    " `aborted`, `error_shown`, and where it did not see the end `page_closed`, `answer_unseen`,"
    " `redirected`.",
)  # fmt: skip
ERROR_TYPE = _define(
    "error.type", "string", ("save", "call", "attempt", "browser"),
    "The same as `savetrace.error_code`, under the name that OpenTelemetry backends know.",
)  # fmt: skip

STAGE = _define(
    "savetrace.stage", "string", ("save",),
    "Where a failed save failed: `storage` (the store refused), `network` (no answer from it), `client`"
    " (boto3 sent nothing), `session` (the user was sent to log in, or was not let in), `dependency` (a"
    " database or another service, by its instrumentation's span or the exception's package), `process` (it"
    " was stopped in the middle), `app`.",
)  # fmt: skip
DOING = _define(
    "savetrace.doing", "string", ("save",),
    "What a save that was stopped in the middle was doing: `attempt 7 of 12 of PutObject: waiting for the"
    " answer`, `backing off before attempt 8 of 12 of PutObject`, `waiting for postgresql`, `reading the"
    " request`, `in psycopg` (code of an installed package), `in the app`.",
)  # fmt: skip
STORED = _define(
    "savetrace.stored", "string", ("save",),
    "`yes`: the store confirmed every object that the save tried to write; `no`: it refused one, or one was"
    " never sent; `unknown`: an answer is missing or incomplete, or the sending was not seen. A failed save"
    " may be stored, and a succeeded one not.",
)  # fmt: skip
KILLED_BY = _define(
    "savetrace.killed_by", "string", ("save",),
    "What killed the process of a save with the code `worker_killed`, where the system tells:"
    " `out_of_memory` (the kernel, by the count that it keeps for the process's cgroup); else, of gunicorn's"
    " workers, `worker_timeout` (gunicorn, for its time limit) or the signal: `SIGKILL`, `SIGSEGV`.",
)  # fmt: skip
FROM_RECORD = _define(
    "savetrace.from_record", "boolean", ("save", "call"),
    "`true`: its process was killed before it had handed this span over, and another one wrote it from the"
    " record that was left. It ends at the latest moment at which its process is known to have lived.",
    absent=False,
)  # fmt: skip
CAUGHT_EXCEPTIONS = _define(
    "savetrace.caught_exceptions", "string", ("save",),
    "Classes of the exceptions that the app caught, in order, each once, parted by spaces: those of its"
    " storage calls, those of instrumented dependencies, and those that an error handler took.",
)  # fmt: skip
EXCEPTION = _define(
    "savetrace.exception", "string", ("call", "attempt"),
    "Class of the innermost exception where no answer came: `ConnectionResetError`.",
)  # fmt: skip
ERRNO = _define(
    "savetrace.errno", "string", ("call", "attempt"),
    "The system's name for that exception's number: `ECONNRESET`.",
)  # fmt: skip

# A failed save and its retry. None of these stands on a save that no failed one came before.

SAVE_ATTEMPT = _define(
    "savetrace.save_attempt", "int", ("save", "browser"),
    "Which try at saving this thing it is: 2 for the retry of a failed save, 3 for the retry of that.",
    absent=1,
)  # fmt: skip
PREVIOUS_TRACE_ID = _define(
    "savetrace.previous_trace_id", "string", ("save", "browser"),
    "Trace of the failed save that this one retries, in hex. The span also links to it.",
)  # fmt: skip
PREVIOUS_SPAN_ID = _define(
    "savetrace.previous_span_id", "string", ("save", "browser"), "Span of that failed save, in hex."
)  # fmt: skip
FIRST_TRACE_ID = _define(
    "savetrace.first_trace_id", "string", ("save", "browser"),
    "Trace of the first failed save of the episode, in hex: the same for every retry after it.",
)  # fmt: skip
PREVIOUS_ERROR_CODE = _define(
    "savetrace.previous_error_code", "string", ("save", "browser"),
    "`savetrace.error_code` of that failed save."
)  # fmt: skip
SAME_CONTENT = _define(
    "savetrace.same_content", "boolean", ("save", "browser"),
    "Whether hash and size of what was to be stored equal those of that failed save; of a browser, those of"
    " the request's body. Absent where a side is not known.",
)  # fmt: skip
SECONDS_SINCE_FAILURE = _define(
    "savetrace.seconds_since_failure", "double", ("save", "browser"),
    "Time from the answer of that failed save to the start of this one. The clocks may be two hosts'.",
    unit="s",
)  # fmt: skip
AUTOMATIC_RETRY = _define(
    "savetrace.automatic_retry", "boolean", ("save", "browser"),
    "`true`: it came within a second of the failure, which is a script's retry rather than a person's.",
    absent=False,
)  # fmt: skip
PAIRED_BY = _define(
    "savetrace.paired_by", "string", ("save", "browser"),
    "How the failed save is known: `cookie` (the browser brought it back), or `memory` (this process"
    " remembers it of a client without cookies: a hint, since another process may have saved it in between),"
    " or `page` (a browser remembers the last failure of each address for the page that it was on).",
)  # fmt: skip
COOKIE_REFUSED = _define(
    "savetrace.cookie_refused", "string", ("save",),
    "Why a cookie of ours that came with the save was not used, each reason once, parted by spaces: `forged`"
    " (no signature of ours, or of another app), `expired`, `replayed` (the retry has already worked),"
    " `oversized`, `malformed`, `too_many`.",
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
KEY_LEN_SENT = _define(
    "savetrace.key_len_sent", "int", ("attempt",),
    "Bytes that the key takes in the request line, percent-encoded, where that is not `savetrace.key_len`.",
    unit="By",
)  # fmt: skip
CONTENT_SIZE_SENT = _define(
    "savetrace.content_size_sent", "int", ("call",),
    "Bytes of the body as sent, with the framing of chunks and trailers, of the last attempt; absent: as many"
    " as `savetrace.content_size`.",
    unit="By",
)  # fmt: skip
CONTENT_HASH = _define(
    "savetrace.content_hash", "string", ("save", "call"),
    "`crc32:` and eight hex digits of the content, the checksum that botocore itself sends; equal hash and"
    " size mean the same content. On the save: of its objects' hashes, sorted, where there are several.",
)  # fmt: skip

# How it was sent.

CALLS = _define("savetrace.calls", "int", ("save",), "Storage calls made by the save, reads included.")
OBJECTS = _define("savetrace.objects", "int", ("save",), "Different objects that the save tried to write.")
APP_RETRY_ATTEMPT = _define(
    "savetrace.app_retry_attempt", "int", ("call",),
    "1 for the app's own first repetition of this call within one request, 2 for its second …",
    absent=0,
)  # fmt: skip
APP_RETRY_ATTEMPTS = _define(
    "savetrace.app_retry_attempts", "int", ("save",),
    "Calls by which the app itself repeated another call for the same object.",
    absent=0,
)  # fmt: skip
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
HEADER_SECTION_BYTES = _define(
    "savetrace.header_section_bytes", "int", ("attempt",),
    "Bytes of all header names and values, which S3 limits to 8,192; without separators and request line.",
    unit="By",
)  # fmt: skip
LARGEST_HEADERS = _define(
    "savetrace.largest_headers", "string", ("attempt",),
    "The five largest headers, largest first, with the bytes of name and value: `Authorization=221 …`.",
)  # fmt: skip
METADATA_BYTES = _define(
    "savetrace.metadata_bytes", "int", ("attempt",),
    "Bytes of user metadata, names (without `x-amz-meta-`) and values, which S3 limits to 2,048.",
    unit="By", absent=0,
)  # fmt: skip
BODY_BYTES_SENT = _define(
    "savetrace.body_bytes_sent", "int", ("attempt",),
    "Bytes of the body that were handed to the socket before a failed attempt ended.",
    unit="By",
)  # fmt: skip
BACKOFF_SECONDS = _define(
    "savetrace.backoff_seconds", "double", ("save", "call", "attempt"),
    "Time from the end of the attempt before to the making of this request. On a call and a save: the sum.",
    unit="s",
)  # fmt: skip
CONNECTION = _define(
    "savetrace.connection", "string", ("attempt",),
    "Whether it was `new`, opened for this request, or `reused`, kept alive from an earlier one.",
)  # fmt: skip
CONNECTION_IDLE_SECONDS = _define(
    "savetrace.connection_idle_seconds", "double", ("attempt",),
    "How long a reused connection had carried nothing.",
    unit="s",
)  # fmt: skip
CONNECTION_AGE_SECONDS = _define(
    "savetrace.connection_age_seconds", "double", ("attempt",),
    "How long ago a reused connection was opened.",
    unit="s",
)  # fmt: skip
CONNECTION_REQUESTS = _define(
    "savetrace.connection_requests", "int", ("attempt",),
    "Requests that a reused connection had carried before this one.",
    absent=0,
)  # fmt: skip
CONNECTION_PID = _define(
    "savetrace.connection_pid", "int", ("attempt",),
    "Process that opened the connection, where it is not this one: two processes share a socket, and one's"
    " content may end up in the other's object.",
)  # fmt: skip
POOL_IN_USE = _define(
    "savetrace.pool_in_use", "int", ("attempt",),
    "Attempts that the client had under way, this one included, each on a connection of its own: botocore's"
    " pool lets none wait, but those beyond `savetrace.pool_size` open one that is not kept.",
    absent=1,
)  # fmt: skip
DNS_SECONDS = _define(
    "savetrace.dns_seconds", "double", ("attempt",), "Time to resolve the host's name.", unit="s"
)
TCP_SECONDS = _define(
    "savetrace.tcp_seconds", "double", ("attempt",), "Time to connect, after the name was resolved.", unit="s"
)
TLS_SECONDS = _define(
    "savetrace.tls_seconds", "double", ("attempt",),
    "Time of the TLS handshake, a proxy's CONNECT included.",
    unit="s",
)  # fmt: skip
CONTINUE_SECONDS = _define(
    "savetrace.continue_seconds", "double", ("attempt",),
    "Time from the head, sent with `Expect: 100-continue`, to the store's word on it.",
    unit="s",
)  # fmt: skip
CONTINUE = _define(
    "savetrace.continue", "string", ("attempt",),
    "What `Expect: 100-continue` came to: `unanswered` (botocore sends the body after a second all the same)"
    " or `final` (the store gave its answer without wanting the body).",
    absent="continued",
)  # fmt: skip
FIRST_BYTE_SECONDS = _define(
    "savetrace.first_byte_seconds", "double", ("attempt",),
    "Time from the request sent, whole, to the head of the answer.",
    unit="s",
)  # fmt: skip
PEER_ADDRESS = _define("network.peer.address", "string", ("attempt",), "IP address connected to.")
PEER_PORT = _define("network.peer.port", "int", ("attempt",), "Port connected to.")
REQUEST_METHOD = _define("http.request.method", "string", ("attempt", "browser"), "HTTP method.")

# What the client was set to.

RETRY_MODE = _define(
    "savetrace.retry_mode", "string", ("call",), "botocore's retry mode: `legacy`, `standard`, `adaptive`."
)
RETRY_QUOTA_EXHAUSTED = _define(
    "savetrace.retry_quota_exhausted", "boolean", ("call",),
    "Whether the call was not retried since earlier ones had used up the client's retry quota.",
    absent=False,
)  # fmt: skip
CONNECT_TIMEOUT_SECONDS = _define(
    "savetrace.connect_timeout_seconds", "double", ("call",), "How long one attempt may connect.", unit="s"
)
READ_TIMEOUT_SECONDS = _define(
    "savetrace.read_timeout_seconds", "double", ("call",),
    "How long one attempt may wait for the store to say anything.",
    unit="s",
)  # fmt: skip
PATIENCE_SECONDS = _define(
    "savetrace.patience_seconds", "double", ("call",),
    "The longest that the call may take when every attempt connects and then times out, with the longest"
    " backoffs between: compare it with the worker's and the front server's limits.",
    unit="s",
)  # fmt: skip
POOL_SIZE = _define(
    "savetrace.pool_size", "int", ("call",), "Connections that the client keeps: its `max_pool_connections`."
)
ENDPOINT = _define(
    "savetrace.endpoint",
    "string",
    ("call",),
    "Scheme, host and port of the client: `https://s3.amazonaws.com`.",
)
RPC_SYSTEM = _define("rpc.system", "string", ("call",), "`aws-api`, as OpenTelemetry has it.")
RPC_SERVICE = _define("rpc.service", "string", ("call",), "`S3`, as OpenTelemetry has it.")
RPC_METHOD = _define("rpc.method", "string", ("call",), "The S3 operation: `PutObject`.")
REGION = _define("cloud.region", "string", ("call",), "The client's region, as OpenTelemetry has it.")
ADDRESSING_STYLE = _define(
    "savetrace.addressing_style", "string", ("call",),
    "Where the bucket stood in the request: `path` or `virtual` (in the host's name).",
)  # fmt: skip
SIGNATURE_VERSION = _define(
    "savetrace.signature_version", "string", ("call",), "How the request was signed: `s3v4`, `v4a`, `none` …"
)
CREDENTIAL_KIND = _define(
    "savetrace.credential_kind", "string", ("call",),
    "Where botocore has the credentials from: `env`, `iam-role`, `explicit` …; never the credentials.",
)  # fmt: skip
CREDENTIAL_EXPIRES_IN_SECONDS = _define(
    "savetrace.credential_expires_in_seconds", "int", ("call",),
    "Seconds until temporary credentials end, negative after that; absent for lasting ones.",
    unit="s",
)  # fmt: skip
SIGNED_HEADERS = _define(
    "savetrace.signed_headers", "string", ("call",),
    "Names of the headers that the signature covers, parted by `;`: a proxy that changes one breaks it.",
)  # fmt: skip
SENT_BY = _define(
    "savetrace.sent_by", "string", ("call",),
    "Who sent the request, where it was not botocore: `crt` (AWS Common Runtime), `handler` (a `before-send`"
    " handler answered). Nothing of the wire was seen, and what became of the object is unknown.",
    absent="botocore",
)  # fmt: skip

# What came back.

CLOCK_SKEW_SECONDS = _define(
    "savetrace.clock_skew_seconds", "int", ("attempt",),
    "The store's clock (its Date header, which has whole seconds) minus ours; S3 refuses from 900 on.",
    unit="s",
)  # fmt: skip
RESPONSE_STATUS = _define(
    "http.response.status_code",
    "int",
    ("call", "attempt", "browser"),
    "HTTP status; of a call, its last attempt's.",
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

# The process that it went through.

REQUEST_BODY_SIZE = _define(
    "http.request.body.size",
    "int",
    ("save", "browser"),
    "Bytes of the body that the user's request announced.",
    unit="By",
)
PROCESS_ID = _define("process.pid", "int", ("save",), "Process that served the request.")
HOST_NAME = _define("host.name", "string", ("save",), "Host that it runs on, unless the resource tells.")
APP_VERSION = _define(
    "service.version", "string", ("save",),
    "Version of the app, where its distribution or `__version__` tells and the resource does not.",
)  # fmt: skip
WORKER_AGE_SECONDS = _define(
    "savetrace.worker_age_seconds",
    "int",
    ("save",),
    "Whole seconds since the process began, when it took the save: since it was forked from its server's"
    " first, where it was.",
    unit="s",
)
SERVER_AGE_SECONDS = _define(
    "savetrace.server_age_seconds", "int", ("save",),
    "Whole seconds since the server began, of which this process is a fork: its last start, while a reload"
    " (SIGHUP) and a worker's end leave it as it is.",
    unit="s",
)  # fmt: skip
RELOAD_AGE_SECONDS = _define(
    "savetrace.reload_age_seconds", "int", ("save",),
    "Whole seconds since gunicorn was last told to reload (SIGHUP); absent: never since it began.",
    unit="s",
)  # fmt: skip
QUEUE_SECONDS = _define(
    "savetrace.queue_seconds", "double", ("save",),
    "How long the request waited between the front server and the app, by the front's `X-Request-Start` and"
    " both clocks; what cannot be (the future, more than 10 minutes) is left out.",
    unit="s",
)  # fmt: skip
REQUESTS_SERVED = _define(
    "savetrace.requests_served", "int", ("save",), "Requests that the process had taken before this one."
)
REQUESTS_IN_FLIGHT = _define(
    "savetrace.requests_in_flight", "int", ("save",),
    "Requests in the process when this one was answered, this one included.",
)  # fmt: skip
WORKER_CLASS = _define(
    "savetrace.worker_class", "string", ("save",), "gunicorn's kind of worker: `sync`, `gthread`, `gevent` …"
)
WORKER_TIMEOUT_SECONDS = _define(
    "savetrace.worker_timeout_seconds", "int", ("save",),
    "How long a request may take before gunicorn kills its worker; only of `sync` workers, since the others"
    " report that they live whatever a request does.",
    unit="s",
)  # fmt: skip

# What the user's browser saw (`browser/README.md`). These stand on its own spans, one for each save.

URL_FULL = _define(
    "url.full", "string", ("browser",),
    "Address that the page saved to, without query and fragment.",
    limit=KEY_LIMIT, personal=True,
)  # fmt: skip
URL_TEMPLATE = _define(
    "url.template", "string", ("browser",),
    "The route of `OTEL_SAVETRACE_SAVE_ROUTES` that names this request a save, where one does.",
)  # fmt: skip
BROWSER_VIA = _define(
    "savetrace.browser.via", "string", ("browser",), "How the page saved: `fetch`, `xhr` or `form`."
)
BROWSER_JOINED = _define(
    "savetrace.browser.joined", "boolean", ("browser",),
    "Whether the request carried the trace to the app. A form's cannot, nor one whose headers are not to be"
    " changed: its span has a trace of its own.",
)  # fmt: skip
BROWSER_BODY_HASH = _define(
    "savetrace.browser.body_hash", "string", ("browser",),
    "`crc32:` and eight hex digits of the request's body, of a form's names and values; equal hash and size"
    " mean the same content. Absent where the page may not read it: a `Request`'s own body, a stream, a form"
    " sent with a file.",
)  # fmt: skip
BROWSER_OVERLAPPING = _define(
    "savetrace.browser.overlapping", "int", ("browser",),
    "Saves to the same address that this page was waiting for when this one began: two clicks.",
)  # fmt: skip
BROWSER_ONLINE = _define(
    "savetrace.browser.online", "boolean", ("browser",),
    "`false`: the browser had no network when the save ended; absent: it had one.",
)  # fmt: skip
BROWSER_PAGE_AGE_SECONDS = _define(
    "savetrace.browser.page_age_seconds", "int", ("browser",),
    "Whole seconds since the page was opened, when the save began.",
    unit="s",
)  # fmt: skip
BROWSER_TIMEOUT_SECONDS = _define(
    "savetrace.browser.timeout_seconds", "double", ("browser",),
    "How long the page was ready to wait, of a save that ran into `XMLHttpRequest.timeout`.",
    unit="s",
)  # fmt: skip
BROWSER_REDIRECTED_TO = _define(
    "savetrace.browser.redirected_to", "string", ("browser",),
    "Path that the answer came from, where the app sent the browser on to another.",
    personal=True,
)  # fmt: skip
BROWSER_KEPT_SECONDS = _define(
    "savetrace.browser.kept_seconds", "double", ("browser",),
    "Time from the save's beginning until a later page told of it, as the page that made it could not: it was"
    " offline, it crashed. Without it the page itself told.",
    unit="s",
)  # fmt: skip

# Values, and the names that a reader knows a span by.

WRITES = frozenset(
    ("CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "PutObject", "RenameObject",
     "UploadPart", "UploadPartCopy")
)  # fmt: skip
"""S3 operations by which an object comes to be stored: what makes a request a save.

A delete, an ACL or a tag stores nothing, and says nothing of whether the content is there.
"""


def names_it(name: str) -> bool:
    """Return whether an attribute of this name is the same for a save and its retry, by its name alone.

    Those that end in `id` (or `uid`, `uuid`, `guid`) and those that `names_user`: `map.id`, `user.email`.
    """
    return names_user(name) or re.split(r"[._-]", name.lower())[-1] in {"id", "uid", "uuid", "guid"}


def names_user(name: str) -> bool:
    """Return whether an attribute of this name tells who saved, by its name alone."""
    return "user" in name.lower()


def names_client(name: str) -> bool:
    """Return whether an attribute of this name tells with what program somebody saved, by its name alone."""
    return "client" in name.lower()


SUCCEEDED = "succeeded"
FAILED = "failed"
NEW = "new"
REUSED = "reused"
STORAGE = "storage"
NETWORK = "network"
CLIENT = "client"
SESSION = "session"
DEPENDENCY = "dependency"
PROCESS = "process"
APP = "app"
YES = "yes"
NO = "no"
UNKNOWN = "unknown"
UNANSWERED = "unanswered"
FINAL = "final"
CRT = "crt"
HANDLER = "handler"
PATH = "path"
VIRTUAL = "virtual"

SCOPE = "otel_savetrace"
"""Instrumentation scope of attempt spans; its version is the package's."""

BROWSER_SCOPE = "otel_savetrace.browser"
"""Instrumentation scope of the spans that browsers make; nothing of another scope is taken from one."""

BROWSER_SERVICE = "{service}-browser"
"""Name of the service that the browsers of an app's users are, by that of the app."""

ATTEMPT_NAME = "attempt: "
"""How an attempt span's name begins; the outcome follows: ``attempt: 200``, ``attempt: 503 SlowDown``,
``attempt: connection reset``."""
