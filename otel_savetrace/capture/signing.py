"""How a request was signed, by its head as sent; never with what."""

from __future__ import annotations

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.head import value_of
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.text import shortened

UNSIGNED = "none"

_ASYMMETRIC = b"AWS4-ECDSA-P256-SHA256"
_NAMES = b"SignedHeaders="


def signature_facts(head: bytes, configured: object) -> Known:
    """Return the attributes that tell a request's signature version and the headers that it covers.

    `configured` is the client's signature version. Source: AWS Signature Version 4, "Authorization header".
    """
    authorization = value_of(head, b"Authorization")
    if not authorization:
        return {attribute.SIGNATURE_VERSION: UNSIGNED}
    if authorization.startswith(_ASYMMETRIC):
        version = "v4a"
    else:
        version = configured if isinstance(configured, str) else "unknown"
    start = authorization.find(_NAMES) + len(_NAMES)
    names = authorization[start : authorization.find(b",", start)] if start >= len(_NAMES) else b""
    return {
        attribute.SIGNATURE_VERSION: version,
        attribute.SIGNED_HEADERS: shortened(names.decode("latin-1"), attribute.SEARCHED_LIMIT),
    }
