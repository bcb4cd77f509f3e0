"""How often something may come: so many at once, then so many a second."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 1_024


class Bucket:
    """Holds at most `most` tokens, gains `a_second` of them each second, and is full at first."""

    __slots__ = ("_a_second", "_held", "_most", "_seen")

    def __init__(self, most: float, a_second: float, now: float) -> None:
        self._most, self._a_second = most, a_second
        self._held, self._seen = most, now

    def take(self, now: float) -> bool:
        """Take one token at `now`, in seconds of a clock that only goes on; returns whether there was one."""
        self._held = min(self._most, self._held + (now - self._seen) * self._a_second)
        self._seen = now
        if self._held < 1:
            return False
        self._held -= 1
        return True


class Rates:
    """A limit for the process and one for each client; knows the last 1,024 clients.

    Each limit is (at once, a second). A client that is over its own takes nothing from the others'.
    """

    def __init__(
        self,
        process: tuple[float, float],
        client: tuple[float, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._process = Bucket(*process, clock())
        self._clients: OrderedDict[str, Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def let_in(self, client: str) -> bool:
        """Return whether `client`, an address, may come now."""
        now = self._clock()
        with self._lock:
            bucket = self._clients.pop(client, None) or Bucket(*self._client, now)
            self._clients[client] = bucket
            if len(self._clients) > _MOST_CLIENTS:
                self._clients.popitem(last=False)
            return bucket.take(now) and self._process.take(now)
