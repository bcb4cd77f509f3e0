"""Numbers as a person would say them."""

from __future__ import annotations

import math


def duration(seconds: float) -> str:
    """Return a length of time as a person would say it: ``26 ms``, ``4.1 s``, ``61 s``, ``3 min 20 s``."""
    if not math.isfinite(seconds):
        return f"{seconds} s"
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f} ms" if 0 < milliseconds < 0.95 else f"{milliseconds:.0f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def alike(a: float, b: float) -> bool:
    """Return whether two measured lengths of time, in seconds, are as good as the same.

    No two measure equal. Within a factor of two, or both below a tenth of a second, they tell nothing apart.
    """
    return max(a, b) <= max(2 * min(a, b), 0.1)


def count(number: int | None, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 attempt``, ``3 attempts``; `many` where an s does not make it."""
    many = many or f"{one}s"
    return f"an unknown number of {many}" if number is None else f"{number:,} {one if number == 1 else many}"
