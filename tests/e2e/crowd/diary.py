"""The crowd's own diary: every press, what came of it, and which failure it was meant to make good."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable

Pair = tuple[int, int]
"""Numbers of two clicks: the one that failed, and the one that tried again."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One request that a client sent, and its answer.

    Requests of a double click share the number of their `click`. `retries` is the number of the press whose
    failure the client had been told of, and had not made good, when it sent this one. `restarted` counts how
    often the app had been started anew by then.
    """

    number: int
    click: int
    client: str
    keeps_cookies: bool
    kind: str
    content: tuple[int, int]
    trouble: str | None
    retries: int | None
    restarted: int
    status: int
    failed: bool


class Diary:
    """Takes entries from many threads; numbers are given in the order in which presses are made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = 0
        self.entries: dict[int, Entry] = {}

    def number(self) -> int:
        """Return the next number."""
        with self._lock:
            self._given += 1
            return self._given

    def note(self, entry: Entry) -> None:
        """Write an entry."""
        self.entries[entry.number] = entry

    def retries(self) -> list[tuple[Entry, Entry]]:
        """Return every failed press with each that tried it again."""
        return [
            (self.entries[entry.retries], entry)
            for entry in self.entries.values()
            if entry.retries is not None
        ]

    def pairs(self, *, keeps_cookies: bool | None = None) -> set[Pair]:
        """Return the pairs, of clients that keep cookies or do not where that is given."""
        return {
            (failed.click, retry.click)
            for failed, retry in self.retries()
            if keeps_cookies in (None, retry.keeps_cookies)
        }

    def episodes(self) -> int:
        """Count the failures that were no retries: with each an episode begins."""
        return len({entry.click for entry in self.entries.values() if entry.failed and entry.retries is None})

    def retried_episodes(self) -> tuple[int, int]:
        """Count the episodes with a retry, and those in which the app was started anew before one."""
        began = {retry.number: self.chain(retry)[0].click for _, retry in self.retries()}
        over = {began[retry.number] for failed, retry in self.retries() if failed.restarted < retry.restarted}
        return len(set(began.values())), len(over)

    def chain(self, entry: Entry) -> list[Entry]:
        """Return the presses of its episode up to this one, the first failure first."""
        before = [] if entry.retries is None else self.chain(self.entries[entry.retries])
        return [*before, entry]

    def misplanned(self) -> list[Entry]:
        """Return the presses that did not end as planned."""
        return [entry for entry in self.entries.values() if entry.failed != (entry.trouble is not None)]

    def as_clicks(self, presses: Iterable[tuple[int, int]]) -> set[Pair]:
        """Return pairs of presses as pairs of clicks."""
        return {(self.entries[failed].click, self.entries[retry].click) for failed, retry in presses}
