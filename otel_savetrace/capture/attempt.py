"""One HTTP request to the store: a span of its own, named by its outcome.

The seams are botocore's `Endpoint.prepare_request` (a request is made) and `Endpoint._get_response` (it is
sent and answered); the facts of the wire come from `otel_savetrace.capture.connection`, those of the answer
from `otel_savetrace.capture.answer`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any

from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content, signing, stopped, storage_log
from otel_savetrace.capture.answer import outcome_of
from otel_savetrace.capture.attempt_attributes import attributes_of
from otel_savetrace.capture.client import client_of
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.head import bytes_of
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.span_writer import AttemptSpans
from otel_savetrace.capture.state import Attempt, StorageCall, current_call
from otel_savetrace.capture.storage_call import request_ids

_S3 = "s3"
_ARN = "arn:"


def wrap_prepare_request(trace_headers: tuple[str, ...]) -> Any:
    """Return the wrapper of `Endpoint.prepare_request(request)`.

    It marks the end of a backoff and keeps the `trace_headers`, which OpenTelemetry's instrumentation would
    add unsigned, away from S3 requests; one that the app set itself stays.
    """

    def wrap(original: Method) -> Method:
        uninjected = _without_injection(original)

        def prepare_request(endpoint: Any, request: Any, *arguments: Any, **named: Any) -> Any:
            if getattr(endpoint, "_endpoint_prefix", None) != _S3:
                return original(endpoint, request, *arguments, **named)
            call = current_call.get()
            if call is not None and call.previous_ended is not None:
                call.next_backoff = time.monotonic() - call.previous_ended
            if trace_headers and uninjected is not None:
                return uninjected(endpoint, request, *arguments, **named)
            added = [name for name in trace_headers if name not in request.headers]
            prepared = original(endpoint, request, *arguments, **named)
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
        def _get_response(endpoint: Any, *arguments: Any, **named: Any) -> Any:
            call = current_call.get()
            # Signing an S3 request may call another service, for credentials.
            if call is None or not call.recording or getattr(endpoint, "_endpoint_prefix", None) != _S3:
                return original(endpoint, *arguments, **named)
            guard.run("an attempt begins", _begin, call, endpoint, *arguments)
            try:
                answer = original(endpoint, *arguments, **named)
            except BaseException as error:
                if stopped.is_stop(error):
                    guard.run("an attempt is stopped", stopped.note, error)
                guard.run("an attempt is interrupted", _end, spans, call, (None, error), *arguments)
                raise
            guard.run("an attempt ends", _end, spans, call, answer, *arguments)
            return answer

        return _get_response

    return wrap


def _begin(call: StorageCall, endpoint: Any, request: Any, _: Any, context: Mapping[str, Any]) -> None:
    client = client_of(endpoint, context)
    call.attempt = attempt = Attempt(client)
    attempt.in_use = client.begin(attempt)
    call.attempts += 1
    if call.attempts == 1:
        call.client = client.attributes
        _note_address(call, endpoint.host, request.url)
    if call.slot is not None:
        call.slot.attempt_begins(call)


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
    spans: AttemptSpans,
    call: StorageCall,
    answer: tuple[Any, BaseException | None],
    request: Any,
    *_: Any,
) -> None:
    attempt, call.attempt = call.attempt, None
    if attempt is None:
        return
    ended = time.time_ns()
    call.previous_ended = time.monotonic()
    attempt.client.end(attempt)
    if attempt.connection is not None:
        attempt.connection.last_used = call.previous_ended
    answered = outcome_of(call, attempt, answer)
    if answered is None:
        return
    headers, failure = answered
    if failure is not None and call.slot is not None:
        call.slot.attempt_failed(call)
    if headers is not None:
        call.ids = request_ids(headers)
    if attempt.head is not None:
        _note_request(call, attempt, attempt.head)
    if call.has_content:
        _note_content(call, attempt, request, failure)
    known = attributes_of(call, attempt, request.method, headers, failure)
    outcome = failure.phrase if failure is not None else str(call.status)
    code = failure.code if failure is not None else None
    if call.log is not None and failure is not None:
        guard.run("a head is logged", storage_log.note_head, call.log, attempt.head, failure.code)
    spans.write(call.span, attribute.ATTEMPT_NAME + outcome, attempt.started, ended, known, code)
    call.backoff_seconds += call.next_backoff or 0.0
    call.next_backoff = None


def _note_request(call: StorageCall, attempt: Attempt, head: bytes) -> None:
    """Note the largest head of a call, and by the first what all of its requests have in common."""
    call.header_bytes = max(call.header_bytes, bytes_of(head))
    if call.attempts > 1:
        return
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
