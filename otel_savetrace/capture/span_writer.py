"""Attributes and attempt spans written at the least cost that OpenTelemetry's SDK allows.

Its public ways clean each value anew and make a span through sampler, limits and locks: half of what a save
would pay for us. Here values are clean by construction and an attempt belongs to a call that is sampled
already, so both are handed over as the SDK itself would keep them. Wherever anything is set up so that the
difference could show (limits, a sampler of its own mind, a processor that listens to starts, another SDK),
the public way is taken.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer

Known = dict[str, str | int | float]
"""Attributes: values of OpenTelemetry's types, strings held to their limits."""

SECONDS_DECIMALS = 4
"""A tenth of a millisecond: what a scheduler leaves true of a measured time."""

_UNSET = Status(StatusCode.UNSET)
_MOST_ATTRIBUTES = 64

# These do nothing when a span starts or is about to end.
_SILENT = {
    getattr(processor, hook, None)
    for processor in (SpanProcessor, BatchSpanProcessor, SimpleSpanProcessor)
    for hook in ("on_start", "_on_ending")
}


def set_attributes(span: Span, known: Known) -> None:
    """Set attributes on a live span, in one go."""
    held = getattr(span, "_attributes", None)
    if type(held) is BoundedAttributes and held.max_value_len is None:
        with held._lock:
            kept = held._dict
            if not held._immutable and (held.maxlen is None or len(kept) + len(known) <= held.maxlen):
                kept.update(known)
                return
    span.set_attributes(known)


class AttemptSpans:
    """Writes attempt spans, each whole and at its end, so that its name is right from the start.

    `watching` is our own processor, which has no use for an attempt's start.
    """

    def __init__(self, provider: Any, tracer: Tracer, watching: type[SpanProcessor]) -> None:
        self._provider = provider
        self._tracer = tracer
        self._silent = frozenset((*_SILENT, watching.on_start))
        self._quickly = False
        self._seen: object = None

    def write(
        self, call_span: Span, name: str, started: int, ended: int, known: Known, error: str | None
    ) -> None:
        """Write a span below `call_span`; times are those of `time.time_ns`, `error` describes a failure."""
        if self._may_be_quick():
            self._write_quickly(call_span, name, started, ended, known, error)
            return
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, start_time=started)
        span.set_attributes(known)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(ended)

    def _may_be_quick(self) -> bool:
        processors = getattr(self._provider._active_span_processor, "_span_processors", None)
        if processors is not self._seen:
            self._seen = processors
            self._quickly = (
                isinstance(processors, tuple)
                and all(self._is_silent(type(processor)) for processor in processors)
                and _is_unlimited(getattr(self._provider, "_span_limits", None))
                and _follows_parent(getattr(self._provider, "sampler", None))
            )
        return self._quickly

    def _is_silent(self, processor: type[SpanProcessor]) -> bool:
        return processor.on_start in self._silent and getattr(processor, "_on_ending", None) in self._silent

    def _write_quickly(
        self, call_span: Span, name: str, started: int, ended: int, known: Known, error: str | None
    ) -> None:
        parent = call_span.get_span_context()
        self._provider._active_span_processor.on_end(
            ReadableSpan(
                name=name,
                context=SpanContext(
                    parent.trace_id,
                    self._tracer.id_generator.generate_span_id(),  # type: ignore[attr-defined]  # the SDK's tracer
                    is_remote=False,
                    trace_flags=parent.trace_flags,
                    trace_state=parent.trace_state,
                ),
                parent=parent,
                resource=self._tracer.resource,  # type: ignore[attr-defined]  # the SDK's tracer
                attributes=known,
                kind=SpanKind.CLIENT,
                status=_UNSET if error is None else Status(StatusCode.ERROR, error),
                start_time=started,
                end_time=ended,
                instrumentation_scope=self._tracer._instrumentation_scope,  # type: ignore[attr-defined]  # the SDK's tracer
            )
        )


def _follows_parent(sampler: Any) -> bool:
    """Return whether a span below a sampled one is always sampled, and nothing is added to it."""
    if type(sampler) is ParentBased:
        sampler = sampler._local_parent_sampled
    return sampler is ALWAYS_ON or type(sampler) is TraceIdRatioBased


def _is_unlimited(limits: Any) -> bool:
    if limits is None:
        return False
    most = limits.max_span_attributes
    return limits.max_span_attribute_length is None and (most is None or most >= _MOST_ATTRIBUTES)
