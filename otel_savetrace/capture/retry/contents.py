"""What a save was to store, short enough for a cookie, and whether another save was to store the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otel_savetrace.capture.content import Piece, hash_of_pieces, hash_of_several
from otel_savetrace.capture.totals import Totals


class Content(NamedTuple):
    """An object's CRC-32 and its size in bytes; equal ones are taken to be the same content."""

    checksum: int
    size: int


class Contents(NamedTuple):
    """What a save wrote: how many objects with content, all of it in one, and the first object's.

    `whole` and `first` are None where they are not known, as of a stream that nobody hashed. The first object
    is kept besides, since a save that fails at its second has written less than its retry will.
    """

    objects: int = 0
    whole: Content | None = None
    first: Content | None = None


Written = Sequence["Content | None"]
"""The contents of a save's objects in the order in which they were first written, None where not known."""


def written_by(totals: Totals | None) -> Written:
    """Return what a save's storage calls wrote."""
    if totals is None:
        return ()
    with totals.lock:
        objects = [[pieces[part] for part in sorted(pieces)] for pieces in totals.pieces.values()]
    return [_content_of(pieces) for pieces in objects]


def contents_of(written: Written) -> Contents:
    """Return what is kept of them."""
    if not written:
        return Contents()
    return Contents(len(written), _whole(written), written[0])


def is_same(failed: Contents, written: Written) -> bool | None:
    """Return whether a save wrote what a failed one was to write; None where a side is not known.

    Where one of them wrote fewer objects, since it failed earlier, those that both wrote are compared, as
    far as the failed one's are known one by one: all that it wrote, and its first.
    """
    if not written or not failed.objects:
        return None
    now = _whole(written[: failed.objects])
    if failed.objects > len(written):
        failed_with, now = failed.first, written[0]
    else:
        failed_with = failed.whole
    return None if failed_with is None or now is None else failed_with == now


def is_elsewhere(failed: Contents, written: Written) -> bool:
    """Return whether a save that goes to other keys wrote what a failed one was to write.

    All that both wrote, or else the first object: a page that stands beside the data often quotes the key,
    and so differs from one key to the next. Empty objects are everywhere and tell nothing.
    """
    if not written or not failed.objects:
        return False
    if failed.first is not None and failed.first.size and failed.first == written[0]:
        return True
    return bool(failed.whole and failed.whole.size and is_same(failed, written))


def _content_of(pieces: Sequence[Piece]) -> Content | None:
    sizes = [piece.size for piece in pieces]
    checksum = hash_of_pieces(pieces)
    if checksum is None or None in sizes:
        return None
    return Content(_number(checksum), sum(size for size in sizes if size is not None))


def _whole(written: Written) -> Content | None:
    known = [one for one in written if one is not None]
    if len(known) < len(written):
        return None
    if len(known) == 1:
        return known[0]
    several = hash_of_several([f"crc32:{one.checksum:08x}" for one in known])
    return Content(_number(several), sum(one.size for one in known))


def _number(checksum: str) -> int:
    return int(checksum.rpartition(":")[2], 16)
