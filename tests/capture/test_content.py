"""Content's hash, the same whatever the route to it."""

from __future__ import annotations

import random
import zlib

import pytest

from otel_savetrace.capture.content import Piece, hash_of_pieces


@pytest.mark.parametrize("seed", range(20))
def test_the_hash_of_parts_is_that_of_the_whole(seed: int) -> None:
    """Parts of any number and size, empty ones too, have together the hash of their content sent at once."""
    chance = random.Random(seed)  # noqa: S311 - bytes for a test
    parts = [chance.randbytes(chance.choice((0, 1, 7, 4096, 70_001))) for _ in range(chance.randint(1, 6))]
    pieces = [Piece(len(part), f"crc32:{zlib.crc32(part):08x}") for part in parts]
    assert hash_of_pieces(pieces) == f"crc32:{zlib.crc32(b''.join(parts)):08x}"


def test_a_part_that_is_not_known_leaves_the_whole_unknown() -> None:
    """A part without a hash, or without a size, leaves an object of several parts without a hash."""
    known = Piece(1, "crc32:00000000")
    assert hash_of_pieces([known, Piece(1, None)]) is None
    assert hash_of_pieces([known, Piece(None, "crc32:00000000")]) is None
