"""The head of a request, measured as S3 holds it against its limits."""

from __future__ import annotations

from collections.abc import Sequence

_CRLF = 2
_SEPARATOR = 2
_METADATA = b"x-amz-meta-"
_LARGEST = 5


def bytes_of(lines: Sequence[bytes]) -> int:
    """Return the bytes of a head as sent; `lines` are the request line and a line for each header."""
    # Every line ends in CRLF, and an empty line ends the head.
    return sum(map(len, lines)) + _CRLF * (len(lines) + 1)


def section_bytes_of(lines: Sequence[bytes]) -> int:
    """Return the bytes of all header names and values, which S3 limits to 8,192.

    Source: Amazon S3 API reference, "PutObject": "the request header section is limited to 8 KB".
    """
    return sum(map(len, lines)) - len(lines[0]) - _SEPARATOR * (len(lines) - 1)


def metadata_bytes_of(lines: Sequence[bytes]) -> int:
    """Return the bytes of user metadata, names without their prefix and values, which S3 limits to 2,048.

    Source: Amazon S3 user guide, "User-defined object metadata": the sum of the number of bytes in the UTF-8
    encoding of each key and value.
    """
    own = [line for line in lines if line[:11].lower() == _METADATA]
    return sum(map(len, own)) - len(own) * (len(_METADATA) + _SEPARATOR)


def largest_of(lines: Sequence[bytes]) -> str:
    """Return the five largest headers as ``Name=bytes``, largest first, those of one size in order sent."""
    largest = sorted(lines[1:], key=len, reverse=True)[:_LARGEST]
    return " ".join(
        [f"{line.partition(b':')[0].decode('latin-1')}={len(line) - _SEPARATOR}" for line in largest]
    )
