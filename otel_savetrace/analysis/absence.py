"""What it means that a span lacks an attribute: what nearly every save has in common is not written."""

from __future__ import annotations

from collections.abc import Mapping

from otel_savetrace import attributes
from otel_savetrace.spans.rows import AttributeValue

SAME_AS: Mapping[str, str] = {
    attributes.CONTENT_SIZE_SENT: attributes.CONTENT_SIZE,
    attributes.KEY_LEN_SENT: attributes.KEY_LEN,
}
"""Attributes that are only written where they differ from another."""

KNOWN_WITH: Mapping[str, str] = {
    attributes.APP_RETRY_ATTEMPT: attributes.ATTEMPTS,
    attributes.APP_RETRY_ATTEMPTS: attributes.OUTCOME,
    attributes.AUTOMATIC_RETRY: attributes.PREVIOUS_TRACE_ID,
    attributes.CONNECTION_REQUESTS: attributes.CONNECTION,
    attributes.CONTENT_SIZE_SENT: attributes.ATTEMPTS,
    attributes.CONTINUE: attributes.CONTINUE_SECONDS,
    attributes.FROM_RECORD: attributes.OUTCOME,
    attributes.KEY_LEN_SENT: attributes.HEADER_BYTES,
    attributes.METADATA_BYTES: attributes.HEADER_BYTES,
    attributes.POOL_IN_USE: attributes.CONNECTION,
    attributes.RETRY_QUOTA_EXHAUSTED: attributes.ATTEMPTS,
    attributes.SAVE_ATTEMPT: attributes.OUTCOME,
    attributes.SENT_BY: attributes.ATTEMPTS,
}
"""What stands on a span wherever the absence of another attribute means anything.

Plain OpenTelemetry, and an attempt that got no connection, lack nearly all of ours and mean nothing by it.
"""


def meant(held: Mapping[str, AttributeValue], name: str) -> AttributeValue:
    """Return an attribute's value, or what its absence means; `None` where that is not known."""
    value = held.get(name)
    if value is not None or KNOWN_WITH.get(name, name) not in held:
        return value
    described = attributes.REGISTRY.get(name)
    absent = described.absent if described else None
    return held.get(SAME_AS.get(name, "")) if absent is None else absent
