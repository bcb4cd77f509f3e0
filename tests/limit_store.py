"""Enforces S3's documented limits on a request, before anything is stored.

Sources: Amazon S3 user guide, "Naming Amazon S3 objects" (a key is at most 1,024 bytes of UTF-8) and
"Working with object metadata" (user metadata at most 2 KB, the sum of the bytes of each name and value; the
header of a PUT at most 8 KB); S3 API reference, "Error responses" (KeyTooLongError, MetadataTooLarge,
RequestHeaderSectionTooLarge, whose answer names ``<MaxSizeAllowed>8192</MaxSizeAllowed>``).

How S3 adds up a header section is documented nowhere. So there are several ways to: names and values alone,
the lines as they are with separators and CRLF, and the whole head. What must hold holds for each.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes, urlsplit

from tests.raw_store import Answer, RawStore, Seen, refused, stored

KEY_LIMIT = 1024
METADATA_LIMIT = 2048
SECTION_LIMIT = 8192

_PREFIX = b"x-amz-meta-"
_SEPARATOR = b": "
_CRLF = 2


def _names_and_values(seen: Seen) -> int:
    return sum(len(line) - len(_SEPARATOR) for line in seen.header_lines)


def _lines(seen: Seen) -> int:
    return sum(len(line) + _CRLF for line in seen.header_lines)


def _whole_head(seen: Seen) -> int:
    return len(seen.head)


COUNTS: dict[str, Callable[[Seen], int]] = {
    "names and values": _names_and_values,
    "lines": _lines,
    "the whole head": _whole_head,
}
"""Ways to add up a header section."""


def key_bytes(seen: Seen) -> int:
    """Return the bytes of the key of a path-style request."""
    _, _, key = urlsplit(seen.target).path.removeprefix("/").partition("/")
    return len(unquote_to_bytes(key))


def metadata_bytes(seen: Seen) -> int:
    """Return the bytes of user metadata."""
    named = [line.partition(_SEPARATOR) for line in seen.header_lines if line.lower().startswith(_PREFIX)]
    return sum(len(name) - len(_PREFIX) + len(value) for name, _, value in named)


def enforce(store: RawStore, count: str) -> None:
    """Let `store` refuse what passes a limit, header sections added up by `COUNTS[count]`."""
    section_bytes = COUNTS[count]

    def choose(seen: Seen) -> Answer:
        if section_bytes(seen) > SECTION_LIMIT:
            return refused("400 Bad Request", "RequestHeaderSectionTooLarge")
        if key_bytes(seen) > KEY_LIMIT:
            return refused("400 Bad Request", "KeyTooLongError")
        if metadata_bytes(seen) > METADATA_LIMIT:
            return refused("400 Bad Request", "MetadataTooLarge")
        return stored

    store.choose = choose
