"""What stands for an object key, or a part of one, where keys are not shown."""

from __future__ import annotations

import hashlib

HIDDEN = "[key]"
"""Stands for a key or a part of one where not even its hash is wanted."""

_DIGITS = 16


def hash_of(word: str) -> str:
    """Return ``sha256:`` and sixteen hex digits of a key or a part of one: equal for equal ones."""
    return f"sha256:{hashlib.sha256(word.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGITS]}"
