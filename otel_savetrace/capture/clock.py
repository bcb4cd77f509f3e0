"""How far the store's clock is from ours, by the Date header of its answers."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime


class StoreClock:
    """Reads Date headers (RFC 9110, "Date"); the same second's header is parsed once."""

    def __init__(self) -> None:
        self._last: tuple[str, int | None] = ("", None)

    def skew_seconds(self, date: str) -> int | None:
        """Return the whole seconds that `date` is ahead of our clock, None where it is no date."""
        text, seconds = self._last
        if text != date:
            seconds = _seconds(date)
            self._last = (date, seconds)
        return None if seconds is None else seconds - int(time.time())


def _seconds(date: str) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None
