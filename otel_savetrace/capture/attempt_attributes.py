"""What an attempt's span says, from what is known of the attempt when it has ended."""

from __future__ import annotations

import os
from collections.abc import Mapping

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.clock import StoreClock
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.head import LargestHeaders, bytes_of, metadata_bytes_of, section_bytes_of
from otel_savetrace.capture.span_writer import SECONDS_DECIMALS, Known
from otel_savetrace.capture.state import Attempt, StorageCall
from otel_savetrace.capture.storage_call import failure_attributes
from otel_savetrace.capture.text import shortened

_clock = StoreClock()
_largest_headers = LargestHeaders()


def attributes_of(
    call: StorageCall,
    attempt: Attempt,
    method: str,
    headers: Mapping[str, str] | None,
    failure: Failure | None,
) -> Known:
    """Return the attributes of an attempt that has ended.

    `method` is the request's; `headers` are the answer's, by lower-case name, None where there was none.
    """
    retry = call.attempts - 1
    known: Known = {attribute.REQUEST_METHOD: method, attribute.RETRY_ATTEMPT: retry}
    if retry:
        known[attribute.RESEND_COUNT] = retry
        if call.next_backoff is not None:
            known[attribute.BACKOFF_SECONDS] = round(call.next_backoff, SECONDS_DECIMALS)
    if attempt.head is not None:
        _add_head(known, call, attempt.head)
        _add_connection(known, attempt)
        _add_waiting(known, attempt)
    if failure is not None:
        known.update(failure_attributes(failure))
        if attempt.body_bytes_sent is not None:
            known[attribute.BODY_BYTES_SENT] = attempt.body_bytes_sent
    if headers is not None:
        _add_answer(known, call, headers)
    return known


def _add_answer(known: Known, call: StorageCall, headers: Mapping[str, str]) -> None:
    if call.status is not None:
        known[attribute.RESPONSE_STATUS] = call.status
    known.update(call.ids)
    date = headers.get("date")
    skew = _clock.skew_seconds(date) if date else None
    if skew is not None:
        known[attribute.CLOCK_SKEW_SECONDS] = skew


def _add_head(known: Known, call: StorageCall, head: bytes) -> None:
    known[attribute.HEADER_BYTES] = bytes_of(head)
    known[attribute.HEADER_SECTION_BYTES] = section_bytes_of(head)
    known[attribute.LARGEST_HEADERS] = shortened(_largest_headers.of(head), attribute.SEARCHED_LIMIT)
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
            known[attribute.CONNECTION_AGE_SECONDS] = round(attempt.age_seconds, SECONDS_DECIMALS)
        if attempt.idle_seconds is not None:
            known[attribute.CONNECTION_IDLE_SECONDS] = round(attempt.idle_seconds, SECONDS_DECIMALS)
    else:
        known[attribute.CONNECTION] = attribute.NEW
        _add_opening(known, attempt)
    if attempt.in_use > 1:
        known[attribute.POOL_IN_USE] = attempt.in_use


def _add_waiting(known: Known, attempt: Attempt) -> None:
    if attempt.continue_seconds is not None:
        known[attribute.CONTINUE_SECONDS] = round(attempt.continue_seconds, SECONDS_DECIMALS)
    if attempt.continue_ is not None:
        known[attribute.CONTINUE] = attempt.continue_
    if attempt.first_byte_seconds is not None:
        known[attribute.FIRST_BYTE_SECONDS] = round(attempt.first_byte_seconds, SECONDS_DECIMALS)


def _add_opening(known: Known, attempt: Attempt) -> None:
    if attempt.dns_seconds is not None:
        known[attribute.DNS_SECONDS] = round(attempt.dns_seconds, SECONDS_DECIMALS)
    if attempt.tcp_seconds is not None:
        known[attribute.TCP_SECONDS] = round(attempt.tcp_seconds, SECONDS_DECIMALS)
    if attempt.tls_seconds is not None:
        known[attribute.TLS_SECONDS] = round(attempt.tls_seconds, SECONDS_DECIMALS)
