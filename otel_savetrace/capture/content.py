"""What a call stores: its size and a hash that is the same whatever the route to it."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

from otel_savetrace.capture.text import utf8_length

CONTENT_OPERATIONS = frozenset(("PutObject", "UploadPart"))
"""S3 operations whose body is stored content."""


def size_of(body: object) -> int | None:
    """Return the bytes in a body that is bytes or text; None for a stream, which is never touched."""
    if isinstance(body, str):
        return utf8_length(body)
    if isinstance(body, (bytes, bytearray)):
        return len(body)
    return 0 if body is None else None


def size_in_head(headers: Mapping[str, Any]) -> int | None:
    """Return the bytes of content that a request's headers announce, before any transfer encoding."""
    announced = headers.get("X-Amz-Decoded-Content-Length") or headers.get("Content-Length")
    return int(announced) if announced is not None else None


def hash_in_head(headers: Mapping[str, Any]) -> str | None:
    """Return the content's hash where botocore has computed its CRC-32 for a header, else None."""
    encoded = headers.get("x-amz-checksum-crc32")
    if encoded is None:
        return None
    try:
        return "crc32:" + base64.b64decode(encoded, validate=True).hex()
    except (binascii.Error, ValueError):
        return None


def hash_of(body: object) -> str | None:
    """Return the hash of a body that is bytes or text; None for a stream, which is never touched."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytes, bytearray)):
        return f"crc32:{zlib.crc32(body):08x}"
    return "crc32:00000000" if body is None else None


def hash_in_trailer(body: object) -> str | None:
    """Return the hash that botocore computed while it sent `body` with a trailing CRC-32, else None.

    Only true once the whole body was sent; `botocore.httpchecksum.AwsChunkedWrapper` keeps it.
    """
    checksum: Any = getattr(body, "_checksum", None)
    if type(checksum).__name__ not in ("Crc32Checksum", "CrtCrc32Checksum"):
        return None
    return "crc32:" + base64.b64decode(checksum.b64digest()).hex()


def hash_of_several(hashes: list[str]) -> str:
    """Return one hash for several objects' hashes, in whatever order they were written."""
    return f"crc32:{zlib.crc32(','.join(sorted(hashes)).encode()):08x}" if len(hashes) > 1 else hashes[0]
