"""One HTTP request to the store: a span of its own, named by its outcome.

The seams are botocore's `Endpoint.prepare_request` (a request is made) and `Endpoint._get_response` (it is
sent and answered); the facts of the wire come from `otel_savetrace.capture.connection`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import content
from otel_savetrace.capture.failure import Failure, of_exception, of_response
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.state import Attempt, StorageCall, current_call
from otel_savetrace.capture.storage_call import allowed_attempts, request_ids

TRACE_HEADER = "X-Amzn-Trace-Id"
_S3 = "s3"


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


def wrap_get_response(tracer: Tracer) -> Any:
    """Return the wrapper of `Endpoint._get_response(request, operation_model, context)`."""

    def wrap(original: Method) -> Method:
        def _get_response(endpoint: Any, request: Any, operation_model: Any, context: Any) -> Any:
            call = current_call.get()
            # Signing an S3 request may call another service, for credentials.
            if call is None or not call.recording or endpoint._endpoint_prefix != _S3:
                return original(endpoint, request, operation_model, context)
            guard.run("an attempt begins", _begin, call, request, context)
            try:
                answer = original(endpoint, request, operation_model, context)
            except BaseException as error:
                guard.run("an attempt is interrupted", _end, tracer, call, request, (None, error))
                raise
            guard.run("an attempt ends", _end, tracer, call, request, answer)
            return answer

        return _get_response

    return wrap


def _begin(call: StorageCall, request: Any, context: Mapping[str, Any]) -> None:
    call.attempt = Attempt()
    call.attempts += 1
    if call.attempts > 1:
        return
    call.attempts_allowed = allowed_attempts(getattr(context.get("client_config"), "retries", None))
    if call.has_content:
        if call.content_size is None:
            call.content_size = content.size_in_head(request.headers)
        call.content_hash = content.hash_in_head(request.headers)


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
        call.status = http_response.status_code
        failure = of_response(http_response.status_code, (parsed.get("Error") or {}).get("Code"))
        headers = http_response.headers
        if failure is None and call.has_content and call.content_hash is None:
            call.content_hash = content.hash_in_trailer(request.body)
    else:
        call.status, headers = None, {}
        failure = of_exception(error) if error is not None else None
    call.header_bytes = max(call.header_bytes, attempt.header_bytes or 0)
    _write_span(tracer, call, attempt, _attributes(call, attempt, request, failure, headers), failure)
    call.backoff_seconds += call.next_backoff or 0.0
    call.next_backoff = None


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
        known[attribute.BACKOFF_SECONDS] = call.next_backoff
    if call.status is not None:
        known[attribute.RESPONSE_STATUS] = call.status
    if failure is not None:
        known[attribute.ERROR_CODE] = known[attribute.ERROR_TYPE] = failure.code
    known.update(request_ids(headers))
    known.update(_wire_attributes(attempt))
    return known


def _wire_attributes(attempt: Attempt) -> dict[str, str | int | float]:
    known: dict[str, str | int | float] = {}
    if attempt.header_bytes is not None:
        known[attribute.HEADER_BYTES] = attempt.header_bytes
        known[attribute.CONNECTION] = attribute.REUSED if attempt.reused else attribute.NEW
    if attempt.idle_seconds is not None:
        known[attribute.CONNECTION_IDLE_SECONDS] = attempt.idle_seconds
    if attempt.connection is not None and attempt.connection.peer is not None:
        known[attribute.PEER_ADDRESS], known[attribute.PEER_PORT] = attempt.connection.peer
    return known
