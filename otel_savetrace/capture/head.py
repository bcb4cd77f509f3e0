"""The head of a request, measured as S3 holds it against its limits.

A head is bytes here: request line and headers as sent, parted by CRLF, without the CRLFs at its end.
"""

from __future__ import annotations

_CRLF = b"\r\n"
_SEPARATOR = b": "
_METADATA = b"x-amz-meta-"
_LARGEST = 5
_MOST_SHAPES = 256


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


class LargestHeaders:
    """Tells the five largest headers of heads; those of heads that are alike are made out once.

    Two heads are alike when all their lines are of the same lengths and the five headers have the same names.
    At most 256 are remembered.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[str, tuple[tuple[int, bytes], ...]]] = {}

    def of(self, head: bytes) -> str:
        """Return the five as ``Name=bytes`` of name and value, largest first, equals in order sent."""
        lines = head.split(_CRLF)
        shape = tuple(map(len, lines))
        known = self._known.get(shape)
        if known is not None:
            for number, name in known[1]:
                if not lines[number].startswith(name):
                    break
            else:
                return known[0]
        if len(self._known) >= _MOST_SHAPES:
            self._known.clear()
        self._known[shape] = known = _largest(lines)
        return known[0]


def _largest(lines: list[bytes]) -> tuple[str, tuple[tuple[int, bytes], ...]]:
    numbers = sorted(range(1, len(lines)), key=lambda number: -len(lines[number]))[:_LARGEST]
    names = [lines[number].partition(_SEPARATOR)[0] for number in numbers]
    text = " ".join(
        [
            f"{name.decode('latin-1')}={len(lines[number]) - len(_SEPARATOR)}"
            for number, name in zip(numbers, names, strict=True)
        ]
    )
    return text, tuple((number, name + _SEPARATOR) for number, name in zip(numbers, names, strict=True))


def value_of(head: bytes, name: bytes) -> bytes:
    """Return the value of the header `name`, as spelt there, empty where it is not there."""
    line = _CRLF + name + _SEPARATOR
    start = head.find(line)
    if start < 0:
        return b""
    start += len(line)
    end = head.find(_CRLF, start)
    return head[start:] if end < 0 else head[start:end]
