"""What a save tells of the failed one that it retries: attributes and a link."""

from __future__ import annotations

from typing import Literal

from opentelemetry.trace import Link, SpanContext, TraceFlags, format_span_id, format_trace_id

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.retry.contents import is_same
from otel_savetrace.capture.retry.record import Record
from otel_savetrace.capture.retry.saved import Saved
from otel_savetrace.capture.span_writer import SECONDS_DECIMALS, Known

PairedBy = Literal["cookie", "memory"]

_AT_ONCE_SECONDS = 1.0
_OF_THE_LINK = (
    attribute.PAIRED_BY,
    attribute.PREVIOUS_ERROR_CODE,
    attribute.SAME_CONTENT,
    attribute.SECONDS_SINCE_FAILURE,
)


def attributes_of(saved: Saved, failed: Record, paired_by: PairedBy) -> Known:
    """Return the attributes of a save that retries `failed`."""
    seconds = saved.started - failed.milliseconds / 1000
    known: Known = {
        attribute.SAVE_ATTEMPT: failed.attempt + 1,
        attribute.PREVIOUS_TRACE_ID: format_trace_id(failed.trace_id),
        attribute.PREVIOUS_SPAN_ID: format_span_id(failed.span_id),
        attribute.FIRST_TRACE_ID: format_trace_id(failed.first_trace_id),
        attribute.SECONDS_SINCE_FAILURE: round(seconds, SECONDS_DECIMALS),
        attribute.PAIRED_BY: paired_by,
    }
    if failed.error_code:
        known[attribute.PREVIOUS_ERROR_CODE] = failed.error_code
    same = _is_same(saved, failed)
    if same is not None:
        known[attribute.SAME_CONTENT] = same
    if abs(seconds) < _AT_ONCE_SECONDS:  # below 0 where another host's clock is ahead
        known[attribute.AUTOMATIC_RETRY] = True
    return known


def link_to(failed: Record, known: Known, paired_by: PairedBy) -> Link:
    """Return the link from a retry, of which `known` are the attributes, to the failed save."""
    context = SpanContext(
        failed.trace_id,
        failed.span_id,
        is_remote=paired_by == "cookie",
        trace_flags=TraceFlags(failed.trace_flags),
    )
    return Link(context, {name: known[name] for name in _OF_THE_LINK if name in known})


def _is_same(saved: Saved, failed: Record) -> bool | None:
    same = is_same(failed.contents, saved.written)
    if same is None and None not in (failed.inbound, saved.inbound) and failed.inbound != saved.inbound:
        return False
    return same
