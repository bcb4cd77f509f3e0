"""Storage calls that write, as lines of a log: ``OTEL_SAVETRACE_LOG=on``.

The lines are those that operators of such apps grep for: ``[SAVE_ATTEMPT]``, ``[SAVE_SUCCESS]`` and
``[STORAGE_ERROR]``, one set for each call of the client, however many HTTP requests it took. Each ends in
the ids of its trace and span, so that the lines of several workers in one file can be told apart. A fourth,
``[SAVE_UNKNOWN]``, stands where boto3 takes for success what nobody confirmed.

They go to the logger `otel_savetrace.storage` as warnings: where the app has configured no logging, that is
what reaches standard error. No handler is configured here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import storage_answer
from otel_savetrace.capture.failure import of_exception
from otel_savetrace.capture.head import bytes_of, metadata_bytes_of, section_bytes_of
from otel_savetrace.capture.keys.hash import HIDDEN, hash_of
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.capture.text import on_one_line, shortened, utf8_length
from otel_savetrace.config import Settings

logger = logging.getLogger("otel_savetrace.storage")

LIMIT_CODES = frozenset(("KeyTooLongError", "MetadataTooLarge", "RequestHeaderSectionTooLarge"))
"""Codes by which S3 says that a key or a head is too long: what was sent is told in full then."""

NONE = "-"
"""Stands where a call has no such thing: a delete has no content."""

_MOST_PARTS = 50
_METADATA = "x-amz-meta-"

_writing: ContextVar[bool] = ContextVar("otel_savetrace_writing_log", default=False)
"""Whether a line is being written here: a handler of the app may itself store it in S3."""


class CallLog:
    """What the last line of a call says beside what its `StorageCall` knows.

    `content_type` is the one that the app gave; `head` says of which headers the last request was made, where
    it was refused as too long.
    """

    __slots__ = ("content_type", "head", "settings")

    def __init__(self, settings: Settings, content_type: object) -> None:
        self.settings = settings
        self.content_type = content_type if isinstance(content_type, str) and content_type else None
        self.head: str | None = None


def begin(settings: Settings, call: StorageCall, parameters: Mapping[str, Any]) -> CallLog | None:
    """Log that a call begins; None where its lines are not wanted."""
    if _writing.get() or not logger.isEnabledFor(logging.WARNING):
        return None
    log = CallLog(settings, parameters.get("ContentType"))
    _write(call, [f"[SAVE_ATTEMPT] {call.operation}: {_facts(call, log)}"])
    return log


def note_head(log: CallLog, head: bytes | None, code: str) -> None:
    """Note the headers' names and lengths as sent, where the store found the head too long."""
    if code not in LIMIT_CODES or head is None:
        return
    lengths = []
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        lengths.append(f"{_header(name.decode('latin-1'), log)}={len(name) + len(value)}")
    log.head = (
        f"{bytes_of(head)} bytes, of which names and values {section_bytes_of(head)},"
        f" user metadata {metadata_bytes_of(head)}: {' '.join(lengths)}"
    )


def end(
    call: StorageCall, log: CallLog, result: Mapping[str, Any] | None, error: BaseException | None
) -> None:
    """Log how a call ended: `result` is the store's answer, `error` the exception where there was none."""
    # Before 1.35 botocore raises on an error inside a 200, and does not say which it was.
    raised = result is None or getattr(error, "response", None) is result
    if raised or storage_answer.is_error(result):
        _write(call, _error_lines(call, log, result, error))
        return
    reason = _unconfirmed(call)
    attempts = _attempts(call, result)
    if reason is None:
        _write(call, [f"[SAVE_SUCCESS] {call.operation}: {_facts(call, log)} attempts={attempts}"])
    else:
        _write(call, [f"[SAVE_UNKNOWN] {call.operation}: {_facts(call, log)} attempts={attempts} ({reason})"])


def _write(call: StorageCall, lines: list[str]) -> None:
    context = call.span.get_span_context()
    ids = f"trace_id={format_trace_id(context.trace_id)} span_id={format_span_id(context.span_id)}"
    token = _writing.set(True)
    try:
        for line in lines:
            logger.warning("%s %s", on_one_line(line), ids)
    finally:
        _writing.reset(token)


def _facts(call: StorageCall, log: CallLog) -> str:
    content_type = NONE if log.content_type is None else shortened(log.content_type, attribute.SEARCHED_LIMIT)
    return (
        f"key={_key(call, log)} key_len={_known(call.key_len)} content_size={_content_size(call)}"
        f" type={content_type}"
    )


def _error_lines(
    call: StorageCall, log: CallLog, result: Mapping[str, Any] | None, error: BaseException | None
) -> list[str]:
    kind = "ClientError" if result is not None or error is None else type(error).__name__
    code = _code(call, result, error)
    attempts = _attempts(call, result)
    answer = storage_answer.told(result, error, keys=log.settings.keys, sent=attempts != "0")
    lines = [
        f"{kind}: {code} in {call.operation}()",
        f"Key: {_key(call, log)} (len={_known(call.key_len)})",
        f"Content size: {_content_size(call)}",
        f"Error response: {answer}",
    ]
    if code in LIMIT_CODES:
        lines += _limit_lines(call, log)
    # Not spelled like the line of the beginning: whoever counts those counts each call once.
    lines.append(f"Failed [SAVE_ATTEMPT] of {call.operation}(): {_facts(call, log)} attempts={attempts}")
    return [f"[STORAGE_ERROR] {line}" for line in lines]


def _code(call: StorageCall, result: Mapping[str, Any] | None, error: BaseException | None) -> str:
    if storage_answer.is_error(result):
        return storage_answer.code_of(result)
    if result is None and error is not None:
        return of_exception(error).code
    return storage_answer.NO_CODE if call.answered is None else call.answered.code


def _limit_lines(call: StorageCall, log: CallLog) -> Iterator[str]:
    if call.key is not None:
        sent = "" if call.key_len_sent is None else f", {call.key_len_sent} bytes as sent (percent-encoded)"
        yield f"Key components: {_parts(call.key, log)}; {call.key_len} bytes in all{sent}"
    if log.head is not None:
        yield f"Request head: {log.head}"
    configured = {**call.client, **call.request_facts}
    told = [f"{name.rpartition('.')[2]}={configured[name]}" for name in _TOLD if name in configured]
    if told:
        yield storage_answer.without_secrets(f"Boto3 configuration: {' '.join(told)}")


_TOLD = (
    attribute.ENDPOINT,
    attribute.REGION,
    attribute.ADDRESSING_STYLE,
    attribute.SIGNATURE_VERSION,
    attribute.RETRY_MODE,
    attribute.ATTEMPTS_ALLOWED,
    attribute.CONNECT_TIMEOUT_SECONDS,
    attribute.READ_TIMEOUT_SECONDS,
    attribute.POOL_SIZE,
)


def _parts(key: str, log: CallLog) -> str:
    parts = key.split("/")
    plain = log.settings.keys == "plain"
    told = [
        f"{shortened(part, attribute.SEARCHED_LIMIT)} ({size} B)" if plain else f"{size} B"
        for part, size in zip(parts, map(utf8_length, parts[:_MOST_PARTS]), strict=False)
    ]
    more = f" and {len(parts) - _MOST_PARTS} more" if len(parts) > _MOST_PARTS else ""
    return f"{len(parts)} parts: {' / '.join(told)}{more}"


def _key(call: StorageCall, log: CallLog) -> str:
    if call.key is None:
        return NONE
    if log.settings.keys == "plain":
        return shortened(call.key, attribute.KEY_LIMIT)
    return hash_of(call.key) if log.settings.keys == "hash" else HIDDEN


def _header(name: str, log: CallLog) -> str:
    """Return a header's name; the names of user metadata are the app's, and may be made of keys."""
    own = name.lower().startswith(_METADATA) and log.settings.keys != "plain"
    return f"{_METADATA}…" if own else name


def _content_size(call: StorageCall) -> str:
    return _known(call.content_size) if call.has_content else NONE


def _attempts(call: StorageCall, result: Mapping[str, Any] | None) -> str:
    """Return how many requests were sent; of a call not sampled botocore knows, if it was answered."""
    if call.recording:
        return str(call.attempts)
    retries = storage_answer.retries_of(result)
    return "unknown" if retries is None else str(retries + 1)


def _unconfirmed(call: StorageCall) -> str | None:
    if call.sent_by is not None:
        return f"sent by {call.sent_by}: what came of it was not seen"
    return "200 without ETag: the answer was cut short" if call.incomplete else None


def _known(number: int | None) -> str:
    return "unknown" if number is None else str(number)
