"""Attribute values narrowed to the type that a reader expects; another type is as good as absent."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.spans.rows import AttributeValue, Span


def text(value: AttributeValue) -> str | None:
    """Return non-empty text."""
    return value if isinstance(value, str) and value else None


def integer(value: AttributeValue) -> int | None:
    """Return a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: AttributeValue) -> float | None:
    """Return any number."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def seconds(span: Span) -> float:
    """Return a span's duration; never below 0, whatever its clock did."""
    return max(0, span.end_nanoseconds - span.start_nanoseconds) / 1e9


def content(
    span: Span, hash_name: str = attributes.CONTENT_HASH, size_name: str = attributes.CONTENT_SIZE
) -> tuple[str, int] | None:
    """Return hash and size of what a save or call stores, where both are known."""
    digest, size = text(span.attributes.get(hash_name)), integer(span.attributes.get(size_name))
    return None if digest is None or size is None else (digest, size)
