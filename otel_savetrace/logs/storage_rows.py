"""Storage calls of a log as rows: a save for each, or for all that have one trace, with its calls below.

A log does not say what the user got. That a save worked, or failed, is here what the storage said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis.witnesses import KEY_CUT, STORAGE_LOG, UNTIMED, WITNESSES
from otel_savetrace.logs.logged_call import LoggedCall
from otel_savetrace.logs.storage_lines import operation_of
from otel_savetrace.spans.rows import AttributeValue, Span, SpanStatus

MOST_TRACES = 4_096
"""Traces whose calls are waited for; the oldest goes first."""

STORE_REFUSED = "ClientError"
"""botocore's class of what a store answered: any other tells that no answer came."""

Rows: TypeAlias = tuple[Span, ...]
"""A save's own row, then those of its calls."""


class StorageRows:
    """Puts calls of one trace together; `name` is the log's, for processes that nothing else names."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._traces: dict[str, list[LoggedCall]] = {}

    def take(self, call: LoggedCall) -> Iterator[Rows]:
        """Take a call that is over; yield the rows of saves that are whole by now."""
        if call.trace_id is None:
            yield tuple(self._rows([call]))
            return
        self._traces.setdefault(call.trace_id, []).append(call)
        if len(self._traces) > MOST_TRACES:
            yield tuple(self._rows(self._traces.pop(next(iter(self._traces)))))

    def finish(self) -> Iterator[Rows]:
        """Yield the rows of what is left."""
        for calls in self._traces.values():
            yield tuple(self._rows(calls))
        self._traces.clear()

    def _rows(self, calls: Sequence[LoggedCall]) -> Iterator[Span]:
        ordered = sorted(calls, key=lambda call: call.start)
        first = ordered[0]
        trace_id = first.trace_id or _made_of(self._name, first)[:32]
        save_id = _made_of(self._name, first)[32:48]
        yield _save(ordered, trace_id, save_id, self._name)
        for call in ordered:
            span_id = call.ids[1] if call.ids else _made_of(self._name, call)[48:64]
            yield _call(call, trace_id, span_id, save_id)


def _save(calls: Sequence[LoggedCall], trace_id: str, span_id: str, log: str) -> Span:
    held: dict[str, AttributeValue] = {WITNESSES: STORAGE_LOG, **_outcome(calls)}
    failed = next((call for call in reversed(calls) if call.result == "failed"), None)
    meant = failed or calls[0]
    held |= _facts(meant)
    attempts = [call.attempts for call in calls]
    if None not in attempts:
        held[attributes.ATTEMPTS] = sum(one or 0 for one in attempts)
    if not meant.timed:
        held[UNTIMED] = True
    resource: dict[str, AttributeValue] = {}
    pid = (meant.process or "").rpartition(":")[2]
    if pid:
        held[attributes.PROCESS_ID] = int(pid)
    else:
        # One of the log's processes lived on, and that is all that is known.
        resource["service.instance.id"] = log
    return _span(
        trace_id, span_id, None, meant.function or operation_of(None), "server",
        min(call.start for call in calls), max(call.end for call in calls), held, resource,
    )  # fmt: skip


def _outcome(calls: Sequence[LoggedCall]) -> dict[str, AttributeValue]:
    # The app may try again by itself: what came of an object is what came of its last call.
    last = {(call.function, call.facts.key): call for call in calls}.values()
    results = {call.result for call in last}
    if "failed" in results:
        failed = [call for call in last if call.result == "failed"][-1]
        refused = failed.kind == STORE_REFUSED
        return {
            attributes.OUTCOME: attributes.FAILED,
            attributes.STORED: attributes.NO if refused else attributes.UNKNOWN,
            **({attributes.ERROR_CODE: failed.code} if failed.code else {}),
            **({attributes.STAGE: attributes.STORAGE} if refused else {}),
        }
    if None in results:
        return {attributes.OUTCOME: attributes.UNKNOWN}
    stored = attributes.UNKNOWN if "unconfirmed" in results else attributes.YES
    return {attributes.OUTCOME: attributes.SUCCEEDED, attributes.STORED: stored}


def _call(call: LoggedCall, trace_id: str, span_id: str, save_id: str) -> Span:
    held = _facts(call)
    if call.function and call.function not in attributes.WRITES:
        held["code.function.name"] = call.function
    if call.attempts is not None:
        held[attributes.ATTEMPTS] = call.attempts
    if call.code:
        held[attributes.ERROR_CODE] = call.code
    told = call.answer
    if told is not None:
        answered: dict[str, AttributeValue] = {
            attributes.RESPONSE_STATUS: told.status,
            attributes.REQUEST_ID: told.request_id,
            attributes.EXTENDED_REQUEST_ID: told.host_id,
        }
        held |= {name: value for name, value in answered.items() if value is not None}
    status: SpanStatus = "error" if call.result == "failed" else "unset"
    name = f"S3.{operation_of(call.function)}"
    return _span(trace_id, span_id, save_id, name, "client", call.start, call.end, held, {}, status)


def _facts(call: LoggedCall) -> dict[str, AttributeValue]:
    held: dict[str, AttributeValue] = {
        attributes.S3_KEY: call.facts.key,
        attributes.KEY_LEN: call.facts.key_len,
        attributes.CONTENT_SIZE: call.facts.content_size,
        KEY_CUT: call.facts.cut or None,
    }
    return {name: value for name, value in held.items() if value is not None}


def _span(
    trace_id: str,
    span_id: str,
    parent: str | None,
    name: str,
    kind: str,
    start: int,
    end: int,
    held: dict[str, AttributeValue],
    resource: dict[str, AttributeValue],
    status: SpanStatus = "unset",
) -> Span:
    return Span(
        trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name,
        kind="server" if kind == "server" else "client", scope=STORAGE_LOG, scope_version="", service="",
        start_nanoseconds=start, end_nanoseconds=end, status=status, status_message="", attributes=held,
        resource=resource, links=(), events=(),
    )  # fmt: skip


def _made_of(log: str, call: LoggedCall) -> str:
    """Return 64 hex digits, the same whenever the same line of the same log is read."""
    return hashlib.sha256(f"{log}\n{call.where}".encode(errors="replace")).hexdigest()
