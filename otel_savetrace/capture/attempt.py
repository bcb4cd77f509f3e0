"""One HTTP request to the store: a span of its own, named by its outcome.

The seams are botocore's `Endpoint.prepare_request` (a request is made) and `Endpoint._get_response` (it is
sent and answered); the facts of the wire come from `otel_savetrace.capture.connection`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content, signing, storage_log
from otel_savetrace.capture.client import client_facts
from otel_savetrace.capture.clock import StoreClock
from otel_savetrace.capture.failure import MISSING_ETAG, Failure, of_exception, of_response
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.state import Attempt, StorageCall, current_call
from otel_savetrace.capture.storage_call import failure_attributes, request_ids

TRACE_HEADER = "X-Amzn-Trace-Id"
_S3 = "s3"
_CRT_HOME = "s3transfer.crt"
_DECIMALS = 4  # a tenth of a millisecond: what a scheduler leaves true of a time

# S3 confirms these by an ETag, at the answer's root or inside the result named here.
_CONFIRMED_BY = {
    "CompleteMultipartUpload": "",
    "CopyObject": "CopyObjectResult",
    "PutObject": "",
    "UploadPart": "",
    "UploadPartCopy": "CopyPartResult",
}
# Told by S3 before it does anything: 501 NotImplemented, 503 SlowDown and ServiceUnavailable.
_NOT_DONE = (501, 503)

_clock = StoreClock()


def wrap_prepare_request(propagate: bool) -> Any:
    """Return the wrapper of `Endpoint.prepare_request(request)`.

    It marks the end of a backoff and, unless `propagate`, takes off S3 requests the trace header that
    OpenTelemetry's instrumentation has put there unsigned; one that the app set itself stays.
    """

    def wrap(original: Method) -> Method:
        def prepare_request(endpoint: Any, request: Any) -> Any:
            added = guard.run("a request to the store is made", _request_is_made, endpoint, request)
            prepared = original(endpoint, request)
            if added and not propagate:
                guard.run("the trace header is taken off", prepared.headers.pop, TRACE_HEADER, None)
            return prepared

        return prepare_request

    return wrap


def _request_is_made(endpoint: Any, request: Any) -> bool:
    """Return whether a trace header found on the request later is OpenTelemetry's."""
    if endpoint._endpoint_prefix != _S3:
        return False
    call = current_call.get()
    if call is not None and call.previous_ended is not None:
        call.next_backoff = time.monotonic() - call.previous_ended
    return TRACE_HEADER not in request.headers


def wrap_acquire_retry_quota(original: Method) -> Method:
    """Wrap `RetryQuotaChecker.acquire_retry_quota(context)`, which says whether a retry may be made."""

    def acquire_retry_quota(checker: Any, *arguments: Any, **named: Any) -> Any:
        allowed = original(checker, *arguments, **named)
        call = current_call.get()
        if not allowed and call is not None:
            call.quota_exhausted = True
        return allowed

    return acquire_retry_quota


def wrap_get_response(tracer: Tracer) -> Any:
    """Return the wrapper of `Endpoint._get_response(request, operation_model, context)`."""

    def wrap(original: Method) -> Method:
        def _get_response(endpoint: Any, request: Any, operation_model: Any, context: Any) -> Any:
            call = current_call.get()
            # Signing an S3 request may call another service, for credentials.
            if call is None or not call.recording or endpoint._endpoint_prefix != _S3:
                return original(endpoint, request, operation_model, context)
            guard.run("an attempt begins", _begin, call, endpoint, request, context)
            try:
                answer = original(endpoint, request, operation_model, context)
            except BaseException as error:
                guard.run("an attempt is interrupted", _end, tracer, call, request, (None, error))
                raise
            guard.run("an attempt ends", _end, tracer, call, request, answer)
            return answer

        return _get_response

    return wrap


def _begin(call: StorageCall, endpoint: Any, request: Any, context: Mapping[str, Any]) -> None:
    call.attempt = Attempt()
    call.attempts += 1
    if call.attempts > 1:
        return
    call.client = client_facts(endpoint, context)
    signing.note_signature(call, request, getattr(context.get("client_config"), "signature_version", None))
    _note_address(call, request.url)
    if call.has_content:
        if call.content_size is None:
            call.content_size = content.size_in_head(request.headers)
        call.content_hash = content.hash_in_head(request.headers)


def _note_address(call: StorageCall, url: str) -> None:
    """Note how the bucket was addressed and how long the key is as sent."""
    if call.bucket is None:
        return
    host, _, path = url.partition("://")[2].partition("/")
    path = path.partition("?")[0]
    if host.startswith(call.bucket + "."):
        call.request_facts[attribute.ADDRESSING_STYLE] = attribute.VIRTUAL
    elif path == call.bucket or path.startswith(call.bucket + "/"):
        call.request_facts[attribute.ADDRESSING_STYLE] = attribute.PATH
        path = path[len(call.bucket) + 1 :]
    else:
        return  # an access point's name, of which the path says nothing
    if call.key is not None:
        call.key_len_sent = len(path)


def _end(tracer: Tracer, call: StorageCall, request: Any, answer: tuple[Any, BaseException | None]) -> None:
    attempt, call.attempt = call.attempt, None
    if attempt is None:
        return
    call.previous_ended = time.monotonic()
    if attempt.connection is not None:
        attempt.connection.last_used = call.previous_ended
    success, error = answer
    if success is not None:
        http_response, parsed = success
        sent_by = _sent_by(attempt, http_response)
        if sent_by is not None:
            _was_not_seen(call, sent_by)
            return
        call.status, headers = http_response.status_code, http_response.headers
        failure = _failure_of(call, http_response, parsed)
        if failure is None and call.has_content and call.content_hash is None:
            call.content_hash = content.hash_in_trailer(request.body)
    else:
        call.status, headers = None, {}
        failure = of_exception(error) if error is not None else None
    call.incomplete = failure is MISSING_ETAG
    if call.log is not None and failure is not None:
        guard.run("a head is logged", storage_log.note_head, call.log, attempt, request.headers, failure.code)
    if failure is not None and _is_doubtful(attempt, call.status, failure):
        call.doubtful = True
    call.header_bytes = max(call.header_bytes, attempt.header_bytes or 0)
    call.body_bytes_sent = attempt.body_bytes_sent
    _write_span(tracer, call, attempt, _attributes(call, attempt, request, failure, headers), failure)
    call.backoff_seconds += call.next_backoff or 0.0
    call.next_backoff = None


def _sent_by(attempt: Attempt, http_response: Any) -> str | None:
    """Return who sent the request where botocore did not: then its answer is made up, and says nothing."""
    if attempt.header_bytes is not None:
        return None
    home = type(http_response.raw).__module__
    if home.startswith("urllib3."):
        return None  # sent, only not seen
    return attribute.CRT if home == _CRT_HOME else attribute.HANDLER


def _was_not_seen(call: StorageCall, sent_by: str) -> None:
    call.attempts -= 1
    call.sent_by = sent_by
    call.doubtful = True


def _failure_of(call: StorageCall, http_response: Any, parsed: Mapping[str, Any]) -> Failure | None:
    failure = of_response(http_response.status_code, (parsed.get("Error") or {}).get("Code"))
    if failure is None and call.operation in _CONFIRMED_BY:
        result = parsed.get(_CONFIRMED_BY[call.operation], parsed)
        if not result.get("ETag"):
            return MISSING_ETAG
    return failure


def _is_doubtful(attempt: Attempt, status: int | None, failure: Failure) -> bool:
    """Return whether the store may have done what it was told, though it did not say so."""
    if status is None:
        return attempt.header_bytes is not None
    return failure is MISSING_ETAG or status < 300 or (status >= 500 and status not in _NOT_DONE)


def _write_span(
    tracer: Tracer,
    call: StorageCall,
    attempt: Attempt,
    known: dict[str, str | int | float],
    failure: Failure | None,
) -> None:
    """Write the attempt's span, whole.

    It is made when the attempt has ended, so that its name is right from its start for samplers and
    processors alike; its attributes are set after, since some samplers drop those given at the start.
    """
    outcome = failure.phrase if failure is not None else str(call.status)
    span = tracer.start_span(
        attribute.ATTEMPT_NAME + outcome, kind=SpanKind.CLIENT, start_time=attempt.started
    )
    span.set_attributes(known)
    if failure is not None:
        span.set_status(Status(StatusCode.ERROR, failure.code))
    span.end()


def _attributes(
    call: StorageCall, attempt: Attempt, request: Any, failure: Failure | None, headers: Mapping[str, str]
) -> dict[str, str | int | float]:
    retry = call.attempts - 1
    known: dict[str, str | int | float] = {
        attribute.REQUEST_METHOD: request.method,
        attribute.RETRY_ATTEMPT: retry,
    }
    if retry:
        known[attribute.RESEND_COUNT] = retry
    if call.next_backoff is not None:
        known[attribute.BACKOFF_SECONDS] = round(call.next_backoff, _DECIMALS)
    if call.status is not None:
        known[attribute.RESPONSE_STATUS] = call.status
        _add_answer(known, headers)
    if failure is not None:
        _add_failure(known, attempt, failure)
    if attempt.header_bytes is not None:
        _add_head(known, call, attempt)
        _add_connection(known, attempt)
    _add_times(known, attempt)
    return known


def _add_answer(known: dict[str, str | int | float], headers: Mapping[str, str]) -> None:
    known.update(request_ids(headers))
    date = headers.get("Date")
    skew = _clock.skew_seconds(date) if date else None
    if skew is not None:
        known[attribute.CLOCK_SKEW_SECONDS] = skew


def _add_failure(known: dict[str, str | int | float], attempt: Attempt, failure: Failure) -> None:
    known.update(failure_attributes(failure))
    if attempt.body_bytes_sent is not None:
        known[attribute.BODY_BYTES_SENT] = attempt.body_bytes_sent


def _add_head(known: dict[str, str | int | float], call: StorageCall, attempt: Attempt) -> None:
    known[attribute.HEADER_BYTES] = attempt.header_bytes or 0
    known[attribute.HEADER_SECTION_BYTES] = attempt.header_section_bytes
    known[attribute.LARGEST_HEADERS] = attempt.largest_headers
    if attempt.metadata_bytes:
        known[attribute.METADATA_BYTES] = attempt.metadata_bytes
    if call.key_len_sent is not None and call.key_len_sent != call.key_len:
        known[attribute.KEY_LEN_SENT] = call.key_len_sent


def _add_connection(known: dict[str, str | int | float], attempt: Attempt) -> None:
    known[attribute.CONNECTION] = attribute.REUSED if attempt.requests_before else attribute.NEW
    if attempt.requests_before:
        known[attribute.CONNECTION_REQUESTS] = attempt.requests_before
    if attempt.pool_in_use != 1:
        known[attribute.POOL_IN_USE] = attempt.pool_in_use
    if attempt.pool_wait_seconds:
        known[attribute.POOL_WAIT_SECONDS] = attempt.pool_wait_seconds
    connection = attempt.connection
    if connection is None:
        return
    if connection.peer is not None:
        known[attribute.PEER_ADDRESS], known[attribute.PEER_PORT] = connection.peer
    if connection.process != os.getpid():
        known[attribute.CONNECTION_PID] = connection.process


def _add_times(known: dict[str, str | int | float], attempt: Attempt) -> None:
    for name, seconds in (
        (attribute.CONNECTION_AGE_SECONDS, attempt.age_seconds),
        (attribute.CONNECTION_IDLE_SECONDS, attempt.idle_seconds),
        (attribute.DNS_SECONDS, attempt.dns_seconds),
        (attribute.TCP_SECONDS, attempt.tcp_seconds),
        (attribute.TLS_SECONDS, attempt.tls_seconds),
        (attribute.CONTINUE_SECONDS, attempt.continue_seconds),
        (attribute.FIRST_BYTE_SECONDS, attempt.first_byte_seconds),
    ):
        if seconds is not None:
            known[name] = round(seconds, _DECIMALS)
    if attempt.continue_ is not None:
        known[attribute.CONTINUE] = attempt.continue_
