"""The file of this process: made, mapped, and locked for as long as the process lives.

The lock (flock) belongs to an open file, and the kernel frees it with the last descriptor or mapping of it.
A forked child inherits all of them and would keep its parent's lock alive; so the mapping is made by another
opening than the lock's, and a child closes what it inherited.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otel_savetrace.capture.in_flight.record import (
    ALIVE,
    ALIVE_AT,
    FILE_BYTES,
    HEAD_BYTES,
    SLOT_BYTES,
    SLOTS,
    new_head,
)

OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
NEW = "."
"""How the name of a file begins that is being made: nobody takes it for one whose process has died."""

_held: set[int] = set()


class Held:
    """An open file on which this process holds the lock; OSError where it cannot be opened or is locked."""

    def __init__(self, path: Path, flags: int = OPEN) -> None:
        self.descriptor = os.open(path, flags, 0o600)
        _held.add(self.descriptor)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        if self.descriptor in _held:
            _held.discard(self.descriptor)
            os.close(self.descriptor)


def close_inherited() -> None:
    """Close, in a child that was just forked, every descriptor by which it would share its parent's locks."""
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


class ProcessFile:
    """A file of `SLOTS` slots that is this process's; OSError where it cannot be made.

    `map` is what is written to, None once it is closed; `free` are the offsets of slots without a save;
    `unrecorded` counts how often a save found none.
    """

    def __init__(self, folder: Path, app: str, facts: Mapping[str, Any]) -> None:
        name = f"{app}.{secrets.token_hex(8)}"
        self.path = folder / name
        self.unrecorded = 0
        self.free = [HEAD_BYTES + slot * SLOT_BYTES for slot in reversed(range(SLOTS))]
        new = folder / f"{NEW}{name}"
        self._lock = Held(new, OPEN | os.O_CREAT | os.O_EXCL)
        try:
            _fill(self._lock.descriptor, new_head(facts))
            self.map: mmap.mmap | None = _mapped(new)
            self.beat(0)
            new.rename(self.path)
        except BaseException:
            new.unlink(missing_ok=True)
            self._lock.close()
            raise

    @property
    def is_empty(self) -> bool:
        """Whether no slot holds a save."""
        return len(self.free) == SLOTS

    def beat(self, killed_for_memory: int) -> None:
        """Say that the process lives; `killed_for_memory` counts processes of its cgroup."""
        if self.map is not None:
            ALIVE.pack_into(self.map, ALIVE_AT, time.time_ns(), killed_for_memory, self.unrecorded)

    def freshen(self) -> bool:
        """Keep those away who clear old files out; returns whether the file is still there."""
        os.utime(self._lock.descriptor)
        return os.fstat(self._lock.descriptor).st_nlink > 0

    def remove(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file and leave it where it is: in a forked child it stays its parent's."""
        mapped, self.map = self.map, None
        if mapped is not None:
            mapped.close()
        self._lock.close()


def _fill(descriptor: int, head: bytes) -> None:
    """Give the file all its bytes now: a store for which a full disk has no room would end the process."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(descriptor, 0, FILE_BYTES)
    else:  # macOS
        os.pwrite(descriptor, bytes(FILE_BYTES), 0)
    os.pwrite(descriptor, head, 0)


def _mapped(path: Path) -> mmap.mmap:
    descriptor = os.open(path, OPEN)
    try:
        return mmap.mmap(descriptor, FILE_BYTES)
    finally:
        os.close(descriptor)
