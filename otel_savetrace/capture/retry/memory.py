"""What one process remembers: failed saves of clients without cookies, and episodes that have ended well."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

from otel_savetrace.capture.retry.record import Record

MOST_RECORDS = 1_000
MOST_OF_A_CLIENT = 8
MOST_EPISODES = 1_000


class Memory:
    """Holds at most 1,000 failed saves, eight a client, the oldest client's out first; 1,000 episodes.

    A fork is noticed by the pid: what the parent remembers is the parent's. `seconds` is how long a failed
    save is remembered.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._begin_again()

    def _begin_again(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._failed: OrderedDict[Hashable, dict[int, Record]] = OrderedDict()
        self._count = 0
        self._worked: OrderedDict[int, float] = OrderedDict()

    @property
    def holds_failed(self) -> bool:
        """Whether any failed save is remembered."""
        return self._count > 0

    @property
    def worked(self) -> OrderedDict[int, float]:
        """First trace ids of the episodes that a retry has ended, and when, in seconds since the epoch."""
        self._notice_fork()
        return self._worked

    def note_worked(self, first_trace_id: int) -> None:
        """Note that the retry of an episode has worked."""
        self._notice_fork()
        with self._lock:
            self._worked.setdefault(first_trace_id, time.time())
            if len(self._worked) > MOST_EPISODES:
                self._worked.popitem(last=False)

    def remember(self, client: Hashable, record: Record) -> None:
        """Remember a failed save of a client."""
        self._notice_fork()
        with self._lock:
            of_client = self._failed.setdefault(client, {})
            self._failed.move_to_end(client)
            self._count += record.span_id not in of_client
            of_client[record.span_id] = record
            if len(of_client) > MOST_OF_A_CLIENT:
                del of_client[next(iter(of_client))]
                self._count -= 1
            while self._count > MOST_RECORDS:
                _, oldest = self._failed.popitem(last=False)
                self._count -= len(oldest)

    def failed_saves_of(self, client: Hashable) -> list[Record]:
        """Return the failed saves of a client, newest first; those that are too old are forgotten."""
        self._notice_fork()
        oldest = (time.time() - self._seconds) * 1000
        with self._lock:
            records = list(self._failed.get(client, {}).values())
        for record in records:
            if record.milliseconds < oldest:
                self.forget(client, record.span_id)
        return sorted(
            (record for record in records if record.milliseconds >= oldest),
            key=lambda record: record.milliseconds,
            reverse=True,
        )

    def forget(self, client: Hashable, span_id: int) -> None:
        """Forget a failed save of a client, where it is remembered."""
        self._notice_fork()
        with self._lock:
            of_client = self._failed.get(client)
            if of_client is not None and of_client.pop(span_id, None) is not None:
                self._count -= 1
                if not of_client:
                    del self._failed[client]

    def _notice_fork(self) -> None:
        if self._process != os.getpid():
            self._begin_again()
