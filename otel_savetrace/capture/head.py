"""The head of a request, measured as S3 holds it against its limits.

A head is bytes here: request line and headers as sent, parted by CRLF, without the CRLFs at its end.
"""

from __future__ import annotations

_CRLF = b"\r\n"
_SEPARATOR = b": "
_METADATA = b"x-amz-meta-"
_LARGEST = 5


def bytes_of(head: bytes) -> int:
    """Return the bytes of a head as sent, the CRLF of its last line and the empty line included."""
    return len(head) + 2 * len(_CRLF)


def section_bytes_of(head: bytes) -> int:
    """Return the bytes of all header names and values, which S3 limits to 8,192.

    Source: Amazon S3 API reference, "PutObject": the request header is limited to 8 KB.
    """
    return len(head) - head.find(_CRLF) - head.count(_CRLF) * (len(_CRLF) + len(_SEPARATOR))


def metadata_bytes_of(head: bytes) -> int:
    """Return the bytes of user metadata, names without their prefix and values, which S3 limits to 2,048.

    Source: Amazon S3 user guide, "User-defined object metadata": the sum of the number of bytes in the UTF-8
    encoding of each key and value.
    """
    if _METADATA not in head.lower():
        return 0
    own = [line for line in head.split(_CRLF) if line[: len(_METADATA)].lower() == _METADATA]
    return sum(map(len, own)) - len(own) * (len(_METADATA) + len(_SEPARATOR))


def largest_of(head: bytes) -> str:
    """Return the five largest headers as ``Name=bytes``, largest first, those of one size in order sent."""
    largest = sorted(head.split(_CRLF)[1:], key=len, reverse=True)[:_LARGEST]
    return b" ".join([b"%b=%d" % (line[: line.find(_SEPARATOR)], len(line) - 2) for line in largest]).decode(
        "latin-1"
    )


def value_of(head: bytes, name: bytes) -> str:
    """Return the value of the header `name`, as spelt there, empty where it is not there."""
    _, _, rest = head.partition(_CRLF + name + _SEPARATOR)
    return rest.partition(_CRLF)[0].decode("latin-1")
