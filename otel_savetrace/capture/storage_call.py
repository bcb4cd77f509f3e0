"""One S3 call, from botocore's request hook to its response hook: all attempts of it lie between."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span, Status, StatusCode

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content, in_flight, stopped, storage_log
from otel_savetrace.capture.failure import MISSING_ETAG, Failure, of_exception, of_response
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import live_save
from otel_savetrace.capture.span_writer import SECONDS_DECIMALS, Known, set_attributes
from otel_savetrace.capture.state import StorageCall, current_call, object_attributes
from otel_savetrace.capture.text import shortened
from otel_savetrace.config import Settings


def begin(
    settings: Settings, span: Span, service: str, operation: str, parameters: Mapping[str, Any]
) -> None:
    """Note that an S3 call begins; `span` is botocore's, and lives."""
    if service != "s3":
        return
    call = StorageCall(span, operation, parameters)
    outer = current_call.get()
    if outer is not None and outer.span.is_recording():  # else it ended unnoticed, by an error of ours
        call.outer = outer
    current_call.set(call)
    if settings.log and call.writes:
        call.log = guard.run("a call is logged", storage_log.begin, settings, call, parameters)
    if not call.recording:
        return
    if call.key is not None:
        call.object = {**parts_of_key(settings, call.key), **object_attributes(call.bucket, call.key)}
    elif call.bucket is not None:
        call.object = object_attributes(call.bucket, None)
    save = live_save()
    if save is not None:
        save.begin(call)
        if call.writes and in_flight.recorder is not None:
            in_flight.recorder.call_begins(save, call)
    set_attributes(span, _attributes_at_begin(call))


def end(service: str, result: Mapping[str, Any] | None) -> None:
    """Note that the S3 call ends; `result` is the store's answer, None where there was none."""
    if service != "s3":
        return
    call = current_call.get()
    if call is None:
        return
    current_call.set(call.outer)
    error = sys.exc_info()[1]  # botocore's instrumentation calls this hook while an exception passes through
    if call.log is not None:
        guard.run("the end of a call is logged", storage_log.end, call, call.log, result, error)
    if not call.recording:
        return
    if result is None and error is not None and stopped.is_stop(error):
        _note_stop(call, error)
    failure = _failure(call, result, error)
    if call.has_content and call.content_hash is None:
        call.content_hash = content.hash_of(call.body)
    set_attributes(call.span, _attributes_at_end(call, result, failure))
    save = live_save()
    if save is not None:
        save.add(call, failure, type(error).__name__ if failure is not None else None)
        if call.slot is not None:
            call.slot.call_ended()


def _note_stop(call: StorageCall, error: BaseException) -> None:
    """Note that a call is stopped in the middle, which OpenTelemetry takes for no error."""
    stopped.note(error)
    if call.answered is not None and call.previous_ended is not None:
        # The backoff that it did not come to the end of.
        call.backoff_seconds += time.monotonic() - call.previous_ended
    call.span.set_status(Status(StatusCode.ERROR, type(error).__name__))


def abandon(call: StorageCall, code: str) -> None:
    """End the span of a call that nobody will bring to an end; `code` says why."""
    set_attributes(call.span, _attributes_at_end(call, None, Failure(code, code)))
    call.span.set_status(Status(StatusCode.ERROR, code))
    call.span.end()


def parts_of_key(settings: Settings, key: str) -> dict[str, str]:
    """Return the attributes that the first fitting key pattern finds in `key`."""
    for pattern in settings.key_patterns:
        parts = pattern.take_apart(key)
        if parts is not None:
            if len(key) * 4 <= attribute.SEARCHED_LIMIT:
                return parts
            return {name: shortened(value, attribute.SEARCHED_LIMIT) for name, value in parts.items()}
    return {}


def _failure(
    call: StorageCall, result: Mapping[str, Any] | None, error: BaseException | None
) -> Failure | None:
    if result is None:
        return of_exception(error) if error is not None else None
    error_part = result.get("Error")
    if not isinstance(error_part, Mapping):
        # Before 1.35 botocore raises on an error inside a 200, and does not say which it was.
        return call.answered if getattr(error, "response", None) is result else None
    status = result.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return of_response(status, error_part.get("Code"))


def _attributes_at_begin(call: StorageCall) -> Known:
    known: Known = {
        **call.object,
        # OpenTelemetry gives these when its span starts, where some samplers lose them.
        attribute.RPC_SYSTEM: "aws-api",
        attribute.RPC_SERVICE: "S3",
        attribute.RPC_METHOD: call.operation,
    }
    if call.key_len is not None:
        known[attribute.KEY_LEN] = call.key_len
    if call.content_size is not None:
        known[attribute.CONTENT_SIZE] = call.content_size
    if call.app_retry:
        known[attribute.APP_RETRY_ATTEMPT] = call.app_retry
    return known


def _attributes_at_end(call: StorageCall, result: Mapping[str, Any] | None, failure: Failure | None) -> Known:
    known: Known = {
        attribute.ATTEMPTS: call.attempts,
        attribute.RETRY_ATTEMPTS: call.retries,
        **call.client,
        **call.request_facts,
    }
    if call.header_bytes:
        known[attribute.HEADER_BYTES] = call.header_bytes
    if call.retries:
        known[attribute.BACKOFF_SECONDS] = round(call.backoff_seconds, SECONDS_DECIMALS)
    if call.quota_exhausted:
        known[attribute.RETRY_QUOTA_EXHAUSTED] = True
    if call.sent_by is not None:
        known[attribute.SENT_BY] = call.sent_by
    if call.status is not None:
        known[attribute.RESPONSE_STATUS] = call.status
    if failure is not None:
        known.update(failure_attributes(failure))
    elif call.incomplete:
        known.update(failure_attributes(MISSING_ETAG))
    if result is not None:
        known.update(call.ids)
    if call.has_content:
        _add_content(known, call)
    return known


def _add_content(known: Known, call: StorageCall) -> None:
    if call.content_size is not None:
        known[attribute.CONTENT_SIZE] = call.content_size
    if call.content_hash is not None:
        known[attribute.CONTENT_HASH] = call.content_hash
    if call.body_bytes_sent is not None and call.body_bytes_sent != call.content_size:
        known[attribute.CONTENT_SIZE_SENT] = call.body_bytes_sent


def failure_attributes(failure: Failure) -> dict[str, str]:
    """Return the attributes that tell a failure, of a call or an attempt."""
    known = {attribute.ERROR_CODE: failure.code, attribute.ERROR_TYPE: failure.code}
    if failure.exception is not None:
        known[attribute.EXCEPTION] = failure.exception
    if failure.errno is not None:
        known[attribute.ERRNO] = failure.errno
    return known


def request_ids(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the store's request id and host id from an answer's headers, by lower-case name, if given."""
    ids = {}
    for name, header in _ID_HEADERS:
        # Some stores send the header twice, and the client joins the two by a comma.
        value = headers.get(header, "").partition(",")[0]
        if value:
            ids[name] = shortened(value, attribute.SEARCHED_LIMIT)
    return ids


_ID_HEADERS = ((attribute.REQUEST_ID, "x-amz-request-id"), (attribute.EXTENDED_REQUEST_ID, "x-amz-id-2"))
