"""What a call stores: its size and a hash that is the same whatever the route to it."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from otel_savetrace.capture import head
from otel_savetrace.capture.text import utf8_length

CONTENT_OPERATIONS = frozenset(("PutObject", "UploadPart"))
"""S3 operations whose body is stored content."""


_HASH = "crc32:"
# CRC-32's polynomial, bits reversed, as zlib has it (ISO 3309).
_POLYNOMIAL = 0xEDB88320


class Piece(NamedTuple):
    """An object's content, or one part of it: bytes and hash, each None where it is not known."""

    size: int | None
    hash: str | None


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


def hash_in_head(request_head: bytes) -> str | None:
    """Return the content's hash where botocore has computed its CRC-32 for a header, else None."""
    encoded = head.value_of(request_head, b"x-amz-checksum-crc32")
    if not encoded:
        return None
    try:
        return _HASH + binascii.a2b_base64(encoded).hex()
    except binascii.Error:
        return None


def hash_of(body: object) -> str | None:
    """Return the hash of a body that is bytes or text; None for a stream, which is never touched."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytes, bytearray)):
        return f"{_HASH}{zlib.crc32(body):08x}"
    return f"{_HASH}00000000" if body is None else None


def hash_in_trailer(body: object) -> str | None:
    """Return the hash that botocore computed while it sent `body` with a trailing CRC-32, else None.

    Only true once the whole body was sent; `botocore.httpchecksum.AwsChunkedWrapper` keeps it.
    """
    checksum: Any = getattr(body, "_checksum", None)
    if type(checksum).__name__ not in ("Crc32Checksum", "CrtCrc32Checksum"):
        return None
    return _HASH + base64.b64decode(checksum.b64digest()).hex()


def hash_of_pieces(pieces: Sequence[Piece]) -> str | None:
    """Return the hash of an object sent in `pieces`, in their order: that of its content sent whole."""
    if len(pieces) == 1:
        return pieces[0].hash
    checksum = 0
    for piece in pieces:
        if piece.size is None or piece.hash is None:
            return None
        checksum = _shifted(checksum, piece.size) ^ int(piece.hash[len(_HASH) :], 16)
    return f"{_HASH}{checksum:08x}"


def _shifted(checksum: int, length: int) -> int:
    """Return a CRC-32 as it stands once `length` zero bytes have followed (as zlib's `crc32_combine` does).

    A CRC is a polynomial over two elements; a zero byte multiplies it by x to the 8th, and powers are squared
    up, so that the time goes with the logarithm of `length`.
    """
    power, exponent = 0x80000000 >> 8, length  # x to the 8th
    while exponent:
        if exponent & 1:
            checksum = _product(checksum, power)
        power = _product(power, power)
        exponent >>= 1
    return checksum


def _product(one: int, other: int) -> int:
    """Return the product of two polynomials modulo that of CRC-32; the highest bit is the constant term."""
    product = 0
    for bit in range(31, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = (other >> 1) ^ (_POLYNOMIAL if other & 1 else 0)
    return product


def hash_of_several(hashes: list[str]) -> str:
    """Return one hash for several objects' hashes, in whatever order they were written."""
    return f"{_HASH}{zlib.crc32(','.join(sorted(hashes)).encode()):08x}" if len(hashes) > 1 else hashes[0]
