"""Requests out of spans: each with its storage calls, and those whose own span is not there."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions
from otel_savetrace.analysis.calls import Attempt, Call, is_attempt, is_call
from otel_savetrace.spans.rows import AttributeValue, Span


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request and its storage calls, in the order they were made.

    A server span is exported when it ends: of a process that is killed, or a request that still runs, its
    calls are there alone. Such a request is not `seen`, and `span` is what they tell of it.
    """

    span: Span
    calls: tuple[Call, ...]
    seen: bool = True

    @property
    def writes(self) -> bool:
        """Whether it stored something, or tried to."""
        return any(call.writes for call in self.calls)


def requests(spans: Iterable[Span]) -> list[Request]:
    """Return every request in the spans."""
    traces: dict[str, dict[str, Span]] = defaultdict(dict)
    for span in spans:
        traces[span.trace_id][span.span_id] = span
    return [request for trace in traces.values() for request in _requests(trace)]


def _requests(trace: Mapping[str, Span]) -> Iterator[Request]:
    calls: dict[str, list[Call]] = defaultdict(list)
    attempts = _attempts(trace)
    for span in trace.values():
        if is_call(span):
            request = _nearest(trace, span, _is_request)
            request_id = request.span_id if request else _missing(trace, span)
            if request_id:
                tried = sorted(attempts[span.span_id], key=lambda attempt: attempt.span.start_nanoseconds)
                calls[request_id].append(Call(span, tuple(tried)))
    for span in trace.values():
        if _is_request(span):
            yield Request(span, _in_order(calls[span.span_id]))
    for request_id, made in calls.items():
        if request_id not in trace:
            yield Request(_told_by(request_id, made), _in_order(made), seen=False)


def _attempts(trace: Mapping[str, Span]) -> dict[str, list[Attempt]]:
    """Return the attempts of each storage call, by its span id."""
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for span in trace.values():
        call = _nearest(trace, span, is_call) if is_attempt(span) else None
        if call:
            attempts[call.span_id].append(Attempt(span))
    return attempts


def _in_order(calls: Iterable[Call]) -> tuple[Call, ...]:
    return tuple(sorted(calls, key=lambda call: call.span.start_nanoseconds))


def _is_request(span: Span) -> bool:
    return span.kind == "server"


def _missing(trace: Mapping[str, Span], span: Span) -> str | None:
    """Return the id of the span above that is not there; `None` where all are, or a queue's task is above."""
    above: Span | None = span
    passed = set()
    while above and above.span_id not in passed:
        if above.kind in {"consumer", "producer"}:
            return None
        passed.add(above.span_id)
        if above.parent_span_id and above.parent_span_id not in trace:
            return above.parent_span_id
        above = trace.get(above.parent_span_id or "")
    return None


def _told_by(request_id: str, calls: Sequence[Call]) -> Span:
    """Return what stands for a request's own span: the time of its calls, and what they have in common."""
    spans = [call.span for call in calls]
    first = spans[0]
    held: dict[str, AttributeValue] = {}
    for span in spans:
        for name in (*conventions.own_names(span.attributes), attributes.S3_BUCKET, attributes.S3_KEY):
            if name in span.attributes:
                held.setdefault(name, span.attributes[name])
    return Span(
        trace_id=first.trace_id, span_id=request_id, parent_span_id=None, name="", kind="server",
        scope="", scope_version="", service=first.service,
        start_nanoseconds=min(span.start_nanoseconds for span in spans),
        end_nanoseconds=max(span.end_nanoseconds for span in spans),
        status="unset", status_message="", attributes=held, resource=first.resource, links=(), events=(),
    )  # fmt: skip


def _nearest(trace: Mapping[str, Span], span: Span, fits: Callable[[Span], bool]) -> Span | None:
    """Return the closest span above that fits; a trace whose parents run in a circle ends the search."""
    passed = {span.span_id}
    above = trace.get(span.parent_span_id or "")
    while above and above.span_id not in passed:
        if fits(above):
            return above
        passed.add(above.span_id)
        above = trace.get(above.parent_span_id or "")
    return None
