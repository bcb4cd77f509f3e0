"""Holds every countable fact of attempts and calls against what the raw store counted."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from otel_savetrace import attributes as attribute
from tests.exact import wire
from tests.exact.figures import Figures
from tests.exact.mix import Done, Mix
from tests.exact.script import Exchange
from tests.fixture_capture import Captured, facts
from tests.raw_store import FINAL, UNANSWERED

_ROUNDED = 0.000_1
"""Seconds that a time may be rounded by."""

_FAILURES = {
    "reset": ("ConnectionResetError", "ConnectionResetError", "ECONNRESET", "connection reset"),
    "closed": ("RemoteDisconnected", "RemoteDisconnected", None, "connection closed"),
    "silent": ("ReadTimeoutError", "TimeoutError", None, "read timeout"),
}
"""Of each way not to answer: code, innermost exception, its errno, and the phrase that names the attempt."""

_OF_STREAMS = ("put_stream", "upload_in_threads")
_CONTENT = ("S3.PutObject", "S3.UploadPart")


def compare(figures: Figures, mix: Mix, captured: Captured) -> None:
    """Compare all attempts and calls of `mix` that sent anything."""
    calls = {_id(call): call for call in captured.calls}
    attempts: dict[int, list[ReadableSpan]] = defaultdict(list)
    for attempt in captured.attempts:
        attempts[attempt.parent.span_id if attempt.parent else 0].append(attempt)
    met: dict[int, list[Exchange]] = defaultdict(list)
    for exchange in mix.script.exchanges:
        met[mix.calls[wire.invocation_of(exchange.seen)]].append(exchange)
    figures.equals("calls that sent anything", set(attempts), set(met), "ids of spans")
    before = _exchanges_before(mix.script.exchanges)
    for call, exchanges in met.items():
        exchanges.sort(key=lambda exchange: exchange.seen.began)
        spans = sorted(attempts[call], key=lambda span: span.start_time or 0)
        done = mix.done[wire.bucket_and_key(exchanges[0].seen)[0]]
        _Call(figures, calls[call], spans, exchanges, done).compare(before)


def _id(span: ReadableSpan) -> int:
    return span.context.span_id if span.context is not None else 0


def _steps(exchanges: Sequence[Exchange]) -> str:
    return " → ".join(f"{one.step.outcome} {one.code or ''} {one.seen.reception}" for one in exchanges)


Before = Mapping[int, list[Exchange]]
"""By the identity of an exchange: those on its connection before it, first to last."""


def _exchanges_before(exchanges: Iterable[Exchange]) -> Before:
    connections: dict[tuple[int, int], list[Exchange]] = defaultdict(list)
    before = {}
    for exchange in exchanges:
        connection = connections[exchange.seen.store, exchange.seen.connection]
        before[id(exchange)] = list(connection)
        connection.append(exchange)
    return before


class _Call:
    """A call's span and its attempts' beside what the store met of it."""

    def __init__(
        self,
        figures: Figures,
        call: ReadableSpan,
        attempts: Sequence[ReadableSpan],
        exchanges: Sequence[Exchange],
        done: Done,
    ) -> None:
        self._figures = figures
        self._name = call.name
        self._ended = (call.end_time or 0) / 1e9
        self._call = facts(call)
        self._attempts = attempts
        self._exchanges = exchanges
        self._way = done.wire
        self._is_stream = done.name in _OF_STREAMS
        self._about = (
            f"{done.name} by {done.client} over {done.wire.endpoint} with {_steps(exchanges)}, {call.name}"
        )

    def compare(self, before: Before) -> None:
        """Compare the call and each of its attempts."""
        self._equals("attempts", self._call[attribute.ATTEMPTS], len(self._exchanges))
        self._equals("attempt spans", len(self._attempts), len(self._exchanges))
        self._equals("retry attempts", self._call[attribute.RETRY_ATTEMPTS], len(self._exchanges) - 1)
        heads = [len(exchange.seen.head) for exchange in self._exchanges]
        self._equals("header bytes of the call", self._call.get(attribute.HEADER_BYTES), max(heads))
        last = self._exchanges[-1]
        self._equals("status of the call", self._call.get(attribute.RESPONSE_STATUS), last.status)
        self._equals(
            "S3 code of the call", self._call.get(attribute.ERROR_CODE), self._code(last, self._call)
        )
        if self._name in _CONTENT:
            self._compare_content(last)
        for number, (span, exchange) in enumerate(zip(self._attempts, self._exchanges, strict=False)):
            told = facts(span)
            self._compare_head(told, exchange)
            self._compare_answer(told, exchange, span)
            self._compare_connection(told, exchange, before[id(exchange)])
            self._compare_number(told, number)
        for number, (earlier, later) in enumerate(pairwise(self._exchanges), 1):
            if number < len(self._attempts):
                self._compare_backoff(facts(self._attempts[number]), earlier, later)

    def _equals(self, fact: str, told: object, truth: object) -> None:
        self._figures.equals(fact, told, truth, self._about)

    def _within(self, fact: str, least: float, told: Any, most: float) -> None:
        held = told is not None and least - _ROUNDED <= told <= most + _ROUNDED
        self._figures.holds(fact, held, f"told {told!r}, seen {least!r} to {most!r}: {self._about}")

    def _compare_content(self, last: Exchange) -> None:
        sent = self._call.get(attribute.CONTENT_SIZE_SENT, self._call.get(attribute.CONTENT_SIZE))
        self._equals("content size sent", sent, len(last.seen.body))
        whole = next((one.seen for one in self._exchanges if one.seen.reception != FINAL), None)
        if whole is None:
            return
        content = wire.content_of(whole)
        self._equals("content size", self._call.get(attribute.CONTENT_SIZE), len(content))
        told = self._call.get(attribute.CONTENT_HASH)
        # A stream is never read by us: its hash is known where botocore has sent it whole, and its CRC-32.
        if told is not None or not self._is_stream:
            self._equals("content hash", told, f"crc32:{zlib.crc32(content):08x}")

    def _compare_head(self, told: dict[str, Any], exchange: Exchange) -> None:
        seen = exchange.seen
        self._equals("header bytes", told.get(attribute.HEADER_BYTES), len(seen.head))
        section = told.get(attribute.HEADER_SECTION_BYTES)
        self._equals("header section bytes", section, wire.section_bytes(seen))
        self._equals("largest headers", told.get(attribute.LARGEST_HEADERS), wire.largest_headers(seen))
        self._equals("metadata bytes", told.get(attribute.METADATA_BYTES, 0), wire.metadata_bytes(seen))
        key = wire.bucket_and_key(seen)[1]
        key_len = self._call.get(attribute.KEY_LEN)
        self._equals("key length", key_len, wire.key_bytes(seen) if key else None)
        sent = told.get(attribute.KEY_LEN_SENT, key_len)
        self._equals("key length as sent", sent, len(key) if key else None)
        self._equals("method", told.get(attribute.REQUEST_METHOD), seen.method)

    def _failure(self, exchange: Exchange, told: Mapping[str, Any]) -> tuple[str | None, ...]:
        outcome = exchange.step.outcome
        # Python's TLS takes some resets for an orderly end; what follows must then be told of that.
        if (
            outcome == "reset"
            and self._way.secure
            and told.get(attribute.ERROR_CODE) == _FAILURES["closed"][0]
        ):
            outcome = "closed"
        return _FAILURES.get(outcome, (None,) * 4)

    def _code(self, exchange: Exchange, told: Mapping[str, Any]) -> str | None:
        if exchange.status is None:
            return self._failure(exchange, told)[0]
        return "MissingETag" if exchange.step.outcome == "no etag" else exchange.code

    def _compare_answer(self, told: dict[str, Any], exchange: Exchange, span: ReadableSpan) -> None:
        answered = exchange.status is not None
        code = self._code(exchange, told)
        self._equals("status", told.get(attribute.RESPONSE_STATUS), exchange.status)
        self._equals("S3 code", told.get(attribute.ERROR_CODE), code)
        self._equals("error.type", told.get(attribute.ERROR_TYPE), code)
        self._equals("request id", told.get(attribute.REQUEST_ID), exchange.request_id)
        self._equals("host id", told.get(attribute.EXTENDED_REQUEST_ID), exchange.host_id)
        _, exception, number, phrase = self._failure(exchange, told)
        self._equals("exception", told.get(attribute.EXCEPTION), exception)
        self._equals("errno", told.get(attribute.ERRNO), number)
        self._equals("name", span.name, f"attempt: {phrase or _outcome(exchange)}")
        body = len(exchange.seen.body) if code is not None else None
        self._equals("body bytes of a failed attempt", told.get(attribute.BODY_BYTES_SENT), body)
        self._compare_clock(told.get(attribute.CLOCK_SKEW_SECONDS), exchange)
        self._equals("first byte time where answered", attribute.FIRST_BYTE_SECONDS in told, answered)
        self._compare_continue(told, exchange)

    def _compare_clock(self, told: int | None, exchange: Exchange) -> None:
        if exchange.date is None or told is None:
            self._equals("clock skew", told, exchange.date)
            return
        # Our clock was read between the answer and the call's end, mostly within one second.
        self._within(
            "clock skew", exchange.date - int(self._ended), told, exchange.date - int(exchange.clock)
        )

    def _compare_continue(self, told: dict[str, Any], exchange: Exchange) -> None:
        expects = exchange.seen.header("Expect") is not None
        reception = exchange.seen.reception
        word = {FINAL: attribute.FINAL, UNANSWERED: attribute.UNANSWERED}.get(reception)
        self._equals("100-continue", told.get(attribute.CONTINUE), word)
        waited = expects and reception != UNANSWERED
        self._equals("100-continue time where it was met", attribute.CONTINUE_SECONDS in told, waited)

    def _compare_connection(
        self, told: dict[str, Any], exchange: Exchange, before: Sequence[Exchange]
    ) -> None:
        number = exchange.seen.number
        kind = attribute.REUSED if number else attribute.NEW
        self._equals("connection new or reused", told.get(attribute.CONNECTION), kind)
        self._equals("requests on the connection", told.get(attribute.CONNECTION_REQUESTS, 0), number)
        peer = told.get(attribute.PEER_ADDRESS), told.get(attribute.PEER_PORT)
        self._equals("peer address and port", peer, self._way.peer)
        new, secure = number == 0, self._way.secure
        self._equals("lookup time on a new connection", attribute.DNS_SECONDS in told, new)
        self._equals("connect time on a new connection", attribute.TCP_SECONDS in told, new)
        self._equals("TLS time on a new https connection", attribute.TLS_SECONDS in told, new and secure)
        if new:
            self._equals("connection idle", told.get(attribute.CONNECTION_IDLE_SECONDS), None)
            self._equals("connection age", told.get(attribute.CONNECTION_AGE_SECONDS), None)
            return
        first, last = before[0], before[-1]
        idle, age = told.get(attribute.CONNECTION_IDLE_SECONDS), told.get(attribute.CONNECTION_AGE_SECONDS)
        self._within("connection idle", 0, idle, exchange.seen.began - last.answered)
        self._within("connection age", last.answered - first.seen.began, age, exchange.seen.began)

    def _compare_number(self, told: dict[str, Any], number: int) -> None:
        self._equals("number of the retry", told.get(attribute.RETRY_ATTEMPT), number)
        self._equals("resend count", told.get(attribute.RESEND_COUNT, 0), number)
        if number == 0:
            self._equals("backoff", told.get(attribute.BACKOFF_SECONDS), None)

    def _compare_backoff(self, told: dict[str, Any], earlier: Exchange, later: Exchange) -> None:
        waited = later.seen.began - earlier.answered
        self._within("backoff", 0, told.get(attribute.BACKOFF_SECONDS), waited)


def _outcome(exchange: Exchange) -> str:
    if exchange.step.outcome == "no etag":
        return f"{exchange.status} without ETag"
    code = exchange.code if exchange.code != str(exchange.status) else None
    return f"{exchange.status} {code}" if code else str(exchange.status)
