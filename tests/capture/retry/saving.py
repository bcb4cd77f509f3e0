"""What a save says of the failed one that it retries, and what its answer sets, as tests look at both."""

from __future__ import annotations

import re
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from otel_savetrace import attributes as attribute
from tests.fixture_capture import facts
from tests.raw_store import refused

DENIED = refused("403 Forbidden", "AccessDenied")
UNAVAILABLE = refused("503 Slow Down", "SlowDown")

OF_A_RETRY = frozenset(
    (
        attribute.SAVE_ATTEMPT,
        attribute.PREVIOUS_TRACE_ID,
        attribute.PREVIOUS_SPAN_ID,
        attribute.FIRST_TRACE_ID,
        attribute.PREVIOUS_ERROR_CODE,
        attribute.SAME_CONTENT,
        attribute.SECONDS_SINCE_FAILURE,
        attribute.AUTOMATIC_RETRY,
        attribute.PAIRED_BY,
    )
)
"""Attributes that stand on retries alone."""


def of_a_retry(span: ReadableSpan) -> dict[str, Any]:
    """Return what a save says of the failed one that it retries."""
    return {name: value for name, value in facts(span).items() if name in OF_A_RETRY}


def assert_retry(retry: ReadableSpan, failed: ReadableSpan, attempt: int, paired_by: str = "cookie") -> None:
    """Assert that a save says of itself, and by its link, that it retries that failed one."""
    said = facts(retry)
    assert failed.context is not None
    ids = format_trace_id(failed.context.trace_id), format_span_id(failed.context.span_id)
    assert (said.get(attribute.PREVIOUS_TRACE_ID), said.get(attribute.PREVIOUS_SPAN_ID)) == ids
    assert (said[attribute.SAVE_ATTEMPT], said[attribute.PAIRED_BY]) == (attempt, paired_by)
    assert said[attribute.PREVIOUS_ERROR_CODE] == facts(failed)[attribute.ERROR_CODE]
    (link,) = retry.links
    assert (link.context.trace_id, link.context.span_id) == (failed.context.trace_id, failed.context.span_id)
    assert link.context.trace_flags == failed.context.trace_flags
    assert link.context.is_remote is (paired_by == "cookie")


def assert_no_retry(span: ReadableSpan) -> None:
    """Assert that a save says nothing of any failed one."""
    assert of_a_retry(span) == {}
    assert not span.links


def cookies_set(answer: Any) -> dict[str, str]:
    """Return the cookies of ours that an answer sets or takes back: whole lines, by name."""
    lines = answer.headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line for line in lines if line.startswith("savetrace_")}


def is_taken_back(line: str) -> bool:
    """Return whether a Set-Cookie line ends a cookie."""
    return bool(re.match(r"savetrace_[0-9a-f]{8}=;", line)) and "Max-Age=0" in line
