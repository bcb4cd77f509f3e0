"""Files whose process has died: found, taken by one process alone, read, and removed.

Whoever holds a file's lock may read it; it is removed while the lock is held, so that the next to get the
lock sees that it is gone. Where the one who took it dies before it is done, the lock is free again and the
file is still there.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.in_flight.memory_kills import MemoryKills
from otel_savetrace.capture.in_flight.process_file import OPEN, Held
from otel_savetrace.capture.in_flight.record import FILE_BYTES, Dead, read

PATIENCE_SECONDS = 2.0
"""How long after its last sign of life a process is left to whoever knows why it died."""

_MOST_AT_ONCE = 32
_STALE_SECONDS = 7 * 24 * 60 * 60
_SILENT_SECONDS = 60

Report = Callable[[Dead, bool], bool]
"""Told of a process that died, and whether for memory; returns whether its saves are handed over."""


@dataclasses.dataclass(frozen=True)
class _Taken:
    held: Held
    path: Path
    dead: Dead | None


class Claims:
    """Looks for files of `app` whose process has died, in `folder`, on this `boot` of the machine.

    Within `patience_seconds` after its last sign of life one is left to whoever knows why it died.
    """

    def __init__(
        self,
        folder: Path,
        app: str,
        boot: str,
        kills: MemoryKills,
        report: Report,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._folder = folder
        self._app = app
        self._boot = boot
        self._kills = kills
        self._report = report
        self._patience = int(patience_seconds * 1e9)

    def look(self) -> bool:
        """Report every process that has died since somebody looked, and clear away what nobody will claim.

        That goes on in a thread of its own, since handing spans over may take as long as a Collector is gone.
        Returns whether one was left for the moment, since somebody may yet come to know why it died, or since
        there are many.
        """
        taken, left = [], False
        for one in self._take_all():
            if self._is_anothers(one):
                one.held.close()
            elif self._may_wait(one):
                one.held.close()
                left = True
            else:
                taken.append(one)
            if len(taken) == _MOST_AT_ONCE:
                left = True
                break
        if taken:
            threading.Thread(
                target=self._settle_all, args=(taken,), name="savetrace-missing-spans", daemon=True
            ).start()
        return left

    def _is_anothers(self, taken: _Taken) -> bool:
        """Return whether another app's processes have something to tell, and may yet come to tell it."""
        dead = taken.dead
        if dead is None or self._is_own(taken) or not self._is_to_be_told(dead):
            return False
        return os.fstat(taken.held.descriptor).st_mtime > time.time() - _STALE_SECONDS

    def _is_own(self, taken: _Taken) -> bool:
        return taken.path.name.startswith(f"{self._app}.")

    def _is_to_be_told(self, dead: Dead) -> bool:
        return bool(dead.saves) and dead.facts.get("boot") == self._boot

    def _may_wait(self, taken: _Taken) -> bool:
        dead = taken.dead
        return dead is not None and dead.reason is None and 0 <= time.time_ns() - dead.alive < self._patience

    def _settle_all(self, taken: Sequence[_Taken]) -> None:
        killed = guard.run("it is found out why processes died", self._killed_for_memory, taken)
        for one in taken:
            guard.run("saves of a dead process are written", self._settle, one, bool(killed))

    def _settle(self, taken: _Taken, for_memory: bool) -> None:
        dead, over = taken.dead, True  # also where the report breaks: else it would be told again and again
        try:
            if dead is not None and self._is_own(taken) and self._is_to_be_told(dead):
                over = self._report(dead, for_memory)
        finally:
            try:
                if over:
                    taken.path.unlink(missing_ok=True)
            finally:
                taken.held.close()

    def _take_all(self) -> Iterator[_Taken]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                taken = _take(Path(entry.path)) if self._may_be_taken(entry) else None
                if taken is not None:
                    yield taken

    def _may_be_taken(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith(f"{self._app}."):
            return True
        # Of another app, or a file whose making was cut short: those who live keep theirs fresh.
        try:
            return entry.stat(follow_symlinks=False).st_mtime < time.time() - _SILENT_SECONDS
        except FileNotFoundError:
            return False

    def _killed_for_memory(self, taken: Sequence[_Taken]) -> bool:
        """Return whether all of them were: as many were killed so in their cgroup as died in it."""
        dead = [one.dead for one in taken if one.dead is not None and self._is_own(one)]
        if not dead or not self._kills.cgroup:
            return False
        if any(one.facts.get("cgroup") != self._kills.cgroup for one in dead):
            return False
        return self._kills.count() - min(one.killed_for_memory for one in dead) >= len(dead)


def _take(path: Path) -> _Taken | None:
    """Return the file at `path` if its process has died and nobody else has it; else None."""
    try:
        held = Held(path, OPEN | os.O_NONBLOCK)
    except OSError:  # its process lives, another one has it, it is gone, or it is no file of ours
        return None
    try:
        found = os.fstat(held.descriptor)
        # Without a name it was removed by who held it before; with two it is not of our making.
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
            return _Taken(held, path, read(os.pread(held.descriptor, FILE_BYTES + 1, 0)))
    except BaseException:
        held.close()
        raise
    held.close()
    return None
