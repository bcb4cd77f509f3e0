"""Waiting for what is coming from another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05

_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found | None], what: str) -> _Found:
    """Return what `look` finds, asked again until that is true; fails with `what` after a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"{what}: not within {_PATIENCE_SECONDS} s")
