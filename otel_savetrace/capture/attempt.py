"""One HTTP request to the store: a span of its own, named by its outcome.

The seams are botocore's `Endpoint.prepare_request` (a request is made) and `Endpoint._get_response` (it is
sent and answered); the facts of the wire come from `otel_savetrace.capture.connection`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any

from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content, signing, storage_log
from otel_savetrace.capture.client import client_of
from otel_savetrace.capture.clock import StoreClock
from otel_savetrace.capture.failure import MISSING_ETAG, Failure, of_exception, of_response
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.head import bytes_of, largest_of, metadata_bytes_of, section_bytes_of
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.span_writer import AttemptSpans, Known
from otel_savetrace.capture.state import Attempt, StorageCall, current_call
from otel_savetrace.capture.storage_call import failure_attributes, request_ids
from otel_savetrace.capture.text import shortened

_S3 = "s3"
_ARN = "arn:"
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
# An error inside a 200, which botocore before 1.35 does not read.
_CODE_INSIDE = re.compile(rb"<Error>.*?<Code>([A-Za-z0-9._-]{1,64})</Code>", re.DOTALL)
_LONGEST_ERROR = 4_096
# Told by S3 before it does anything: 501 NotImplemented, 503 SlowDown and ServiceUnavailable.
_NOT_DONE = (501, 503)

_clock = StoreClock()


def wrap_prepare_request(trace_headers: tuple[str, ...]) -> Any:
    """Return the wrapper of `Endpoint.prepare_request(request)`.

    It marks the end of a backoff and keeps the `trace_headers`, which OpenTelemetry's instrumentation would
    add unsigned, away from S3 requests; one that the app set itself stays.
    """

    def wrap(original: Method) -> Method:
        uninjected = _without_injection(original)

        def prepare_request(endpoint: Any, request: Any) -> Any:
            if endpoint._endpoint_prefix != _S3:
                return original(endpoint, request)
            call = current_call.get()
            if call is not None and call.previous_ended is not None:
                call.next_backoff = time.monotonic() - call.previous_ended
            if trace_headers and uninjected is not None:
                return uninjected(endpoint, request)
            added = [name for name in trace_headers if name not in request.headers]
            prepared = original(endpoint, request)
            if added:
                guard.run("the trace header is taken off", _take_off, prepared.headers, added)
            return prepared

        return prepare_request

    return wrap


def _take_off(headers: MutableMapping[str, Any], names: Collection[str]) -> None:
    for name in names:
        headers.pop(name, None)


def _without_injection(method: Any) -> Method | None:
    """Return the method below OpenTelemetry's wrapper, None where that is not the outermost."""
    wrapper = getattr(getattr(method, "_self_wrapper", None), "__func__", None)
    if wrapper is None or wrapper is not getattr(
        BotocoreInstrumentor, "_patched_endpoint_prepare_request", None
    ):
        return None
    below: Method = method.__wrapped__
    return below


def wrap_acquire_retry_quota(original: Method) -> Method:
    """Wrap `RetryQuotaChecker.acquire_retry_quota(context)`, which says whether a retry may be made."""

    def acquire_retry_quota(checker: Any, *arguments: Any, **named: Any) -> Any:
        allowed = original(checker, *arguments, **named)
        call = current_call.get()
        if not allowed and call is not None:
            call.quota_exhausted = True
        return allowed

    return acquire_retry_quota


def wrap_get_response(spans: AttemptSpans) -> Any:
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
                guard.run("an attempt is interrupted", _end, spans, call, request, (None, error))
                raise
            guard.run("an attempt ends", _end, spans, call, request, answer)
            return answer

        return _get_response

    return wrap


def _begin(call: StorageCall, endpoint: Any, request: Any, context: Mapping[str, Any]) -> None:
    client = client_of(endpoint, context)
    call.attempt = attempt = Attempt(client)
    client.under_way.add(id(attempt))
    attempt.in_use = len(client.under_way)
    call.attempts += 1
    if call.attempts == 1:
        call.client = client.attributes
        _note_address(call, endpoint.host, request.url)


def _note_address(call: StorageCall, host: str, url: str) -> None:
    """Note how the bucket was addressed and how long the key is as sent; `host` is the client's endpoint."""
    if call.bucket is None:
        return
    base = host.partition("://")[2].partition("/")[2]
    address, _, path = url.partition("?")[0].partition("://")[2].partition("/")
    if base:
        path = path.removeprefix(base).removeprefix("/")
    bucket, _, key = path.partition("/")
    if bucket == call.bucket and url.startswith(host):
        call.request_facts[attribute.ADDRESSING_STYLE] = attribute.PATH
        path = key
    elif address.startswith(call.bucket + "."):
        call.request_facts[attribute.ADDRESSING_STYLE] = attribute.VIRTUAL
    elif not call.bucket.startswith(_ARN):  # the path of an access point is the key alone
        return
    if call.key is not None:
        call.key_len_sent = len(path)


def _end(
    spans: AttemptSpans, call: StorageCall, request: Any, answer: tuple[Any, BaseException | None]
) -> None:
    attempt, call.attempt = call.attempt, None
    if attempt is None:
        return
    ended = time.time_ns()
    call.previous_ended = time.monotonic()
    attempt.client.under_way.discard(id(attempt))
    if attempt.connection is not None:
        attempt.connection.last_used = call.previous_ended
    answered = _outcome(call, attempt, answer)
    if answered is None:
        return
    headers, failure = answered
    if call.attempts == 1 and attempt.head is not None:
        _note_request(call, attempt, attempt.head)
    if call.has_content:
        _note_content(call, attempt, request, failure)
    known = _attributes(call, attempt, request.method, failure)
    if headers is not None:
        _add_answer(known, call, headers)
    outcome = failure.phrase if failure is not None else str(call.status)
    code = failure.code if failure is not None else None
    if call.log is not None and failure is not None:
        guard.run("a head is logged", storage_log.note_head, call.log, attempt.head, failure.code)
    spans.write(call.span, attribute.ATTEMPT_NAME + outcome, attempt.started, ended, known, code)
    call.backoff_seconds += call.next_backoff or 0.0
    call.next_backoff = None


def _outcome(
    call: StorageCall, attempt: Attempt, answer: tuple[Any, BaseException | None]
) -> tuple[Mapping[str, str] | None, Failure | None] | None:
    """Note what an attempt came to; returns the answer's headers and the failure, None if it was not seen."""
    success, error = answer
    headers, failure = None, None
    call.status = None
    if success is not None:
        http_response, parsed = success
        sent_by = _sent_by(attempt, http_response)
        if sent_by is not None:
            _was_not_seen(call, sent_by)
            return None
        call.status, headers = http_response.status_code, parsed["ResponseMetadata"]["HTTPHeaders"]
        failure = _failure_of(call, http_response, parsed)
    elif error is not None:
        failure = of_exception(error)
    call.answered, call.incomplete = failure, failure is MISSING_ETAG
    if failure is not None:
        call.doubtful = call.doubtful or _is_doubtful(attempt, call.status, failure)
    return headers, failure


def _note_request(call: StorageCall, attempt: Attempt, head: bytes) -> None:
    """Note what all requests of a call have in common, by the first."""
    call.request_facts.update(signing.signature_facts(head, attempt.client.signature_version))
    expires_in = attempt.client.credentials_expire_in()
    if expires_in is not None:
        call.request_facts[attribute.CREDENTIAL_EXPIRES_IN_SECONDS] = expires_in


def _note_content(call: StorageCall, attempt: Attempt, request: Any, failure: Failure | None) -> None:
    call.body_bytes_sent = attempt.body_bytes_sent
    if call.content_size is None:
        call.content_size = content.size_in_head(request.headers)
    if call.content_hash is None and attempt.head is not None:
        call.content_hash = content.hash_in_head(attempt.head)
        if call.content_hash is None and failure is None:
            call.content_hash = content.hash_in_trailer(request.body)


def _sent_by(attempt: Attempt, http_response: Any) -> str | None:
    """Return who sent the request where botocore did not: then its answer is made up, and says nothing."""
    if attempt.head is not None:
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
            inside = _CODE_INSIDE.search(http_response.content[:_LONGEST_ERROR])
            return (
                MISSING_ETAG if inside is None else of_response(http_response.status_code, inside[1].decode())
            )
    return failure


def _is_doubtful(attempt: Attempt, status: int | None, failure: Failure) -> bool:
    """Return whether the store may have done what it was told, though it did not say so."""
    if status is None:
        return attempt.head is not None
    return failure is MISSING_ETAG or status < 300 or (status >= 500 and status not in _NOT_DONE)


def _attributes(call: StorageCall, attempt: Attempt, method: str, failure: Failure | None) -> Known:
    retry = call.attempts - 1
    known: Known = {attribute.REQUEST_METHOD: method, attribute.RETRY_ATTEMPT: retry}
    if retry:
        known[attribute.RESEND_COUNT] = retry
        if call.next_backoff is not None:
            known[attribute.BACKOFF_SECONDS] = round(call.next_backoff, _DECIMALS)
    if attempt.head is not None:
        _add_head(known, call, attempt.head)
        _add_connection(known, attempt)
        _add_waiting(known, attempt)
    if failure is not None:
        known.update(failure_attributes(failure))
        if attempt.body_bytes_sent is not None:
            known[attribute.BODY_BYTES_SENT] = attempt.body_bytes_sent
    return known


def _add_answer(known: Known, call: StorageCall, headers: Mapping[str, str]) -> None:
    known[attribute.RESPONSE_STATUS] = call.status or 0
    call.ids = request_ids(headers)
    known.update(call.ids)
    date = headers.get("date")
    skew = _clock.skew_seconds(date) if date else None
    if skew is not None:
        known[attribute.CLOCK_SKEW_SECONDS] = skew


def _add_head(known: Known, call: StorageCall, head: bytes) -> None:
    size = bytes_of(head)
    call.header_bytes = max(call.header_bytes, size)
    known[attribute.HEADER_BYTES] = size
    known[attribute.HEADER_SECTION_BYTES] = section_bytes_of(head)
    known[attribute.LARGEST_HEADERS] = shortened(largest_of(head), attribute.SEARCHED_LIMIT)
    metadata = metadata_bytes_of(head)
    if metadata:
        known[attribute.METADATA_BYTES] = metadata
    if call.key_len_sent is not None and call.key_len_sent != call.key_len:
        known[attribute.KEY_LEN_SENT] = call.key_len_sent


def _add_connection(known: Known, attempt: Attempt) -> None:
    connection = attempt.connection
    if connection is not None:
        if connection.peer is not None:
            known[attribute.PEER_ADDRESS], known[attribute.PEER_PORT] = connection.peer
        if connection.process != os.getpid():
            known[attribute.CONNECTION_PID] = connection.process
    if attempt.requests_before:
        known[attribute.CONNECTION] = attribute.REUSED
        known[attribute.CONNECTION_REQUESTS] = attempt.requests_before
        if attempt.age_seconds is not None:
            known[attribute.CONNECTION_AGE_SECONDS] = round(attempt.age_seconds, _DECIMALS)
        if attempt.idle_seconds is not None:
            known[attribute.CONNECTION_IDLE_SECONDS] = round(attempt.idle_seconds, _DECIMALS)
    else:
        known[attribute.CONNECTION] = attribute.NEW
        _add_opening(known, attempt)
    if attempt.in_use > 1:
        known[attribute.POOL_IN_USE] = attempt.in_use


def _add_waiting(known: Known, attempt: Attempt) -> None:
    if attempt.continue_seconds is not None:
        known[attribute.CONTINUE_SECONDS] = round(attempt.continue_seconds, _DECIMALS)
    if attempt.continue_ is not None:
        known[attribute.CONTINUE] = attempt.continue_
    if attempt.first_byte_seconds is not None:
        known[attribute.FIRST_BYTE_SECONDS] = round(attempt.first_byte_seconds, _DECIMALS)


def _add_opening(known: Known, attempt: Attempt) -> None:
    if attempt.dns_seconds is not None:
        known[attribute.DNS_SECONDS] = round(attempt.dns_seconds, _DECIMALS)
    if attempt.tcp_seconds is not None:
        known[attribute.TCP_SECONDS] = round(attempt.tcp_seconds, _DECIMALS)
    if attempt.tls_seconds is not None:
        known[attribute.TLS_SECONDS] = round(attempt.tls_seconds, _DECIMALS)
