"""Why and when a worker of gunicorn's died, as its first process sees it.

That one is instrumented too, since its workers are copies of it. It looks at the dead just before gunicorn
does, without taking that away (WNOWAIT), and writes what it sees into the file that the worker left.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.in_flight.process_file import Held
from otel_savetrace.capture.in_flight.record import ALIVE_AT, FILE_BYTES, REASON_AT, REASON_BYTES, read
from otel_savetrace.capture.seam import Method, Seam
from otel_savetrace.capture.stopped import WORKER_TIMEOUT

_ARBITER = "gunicorn.arbiter"

Place = Callable[[], tuple[Path, str]]
"""Gives the folder of the record and what the names of the app's files begin with."""


class Master:
    """Notes why workers died, once this process turns out to be gunicorn's first."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seam: Seam | None = None

    def before_fork(self) -> None:
        """Begin to note, before the first worker is made."""
        if self._seam is None and _ARBITER in sys.modules and hasattr(os, "waitid"):  # macOS: from 3.13 on
            arbiter = sys.modules[_ARBITER].Arbiter
            self._seam = Seam(arbiter, "reap_workers", self._wrap_reap_workers, "why workers died")
            self._seam.install()

    def stop(self) -> None:
        """Note nothing any more."""
        if self._seam is not None:
            self._seam.remove()

    def _wrap_reap_workers(self, original: Method) -> Method:
        def reap_workers(arbiter: Any, *arguments: Any, **named: Any) -> Any:
            guard.run("workers have died", self._note, arbiter)
            return original(arbiter, *arguments, **named)

        return reap_workers

    def _note(self, arbiter: Any) -> None:
        for process, worker in tuple(arbiter.WORKERS.items()):
            reason = reason_of(process, timed_out=bool(getattr(worker, "aborted", False)))
            if reason is not None:
                _leave(*self._place(), process, reason)


def reason_of(process: int, *, timed_out: bool = False) -> str | None:
    """Return why a child of this process was ended from outside; None where it lives, or ended by itself.

    None, too, where gevent has taken the child away, as it does in a process whose `os` it has patched.
    """
    try:
        found = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if found is None or found.si_code == os.CLD_EXITED:
        return None
    if timed_out:
        return WORKER_TIMEOUT
    try:
        return signal.Signals(found.si_status).name
    except ValueError:
        return f"signal_{found.si_status}"  # a real-time signal


def _leave(folder: Path, app: str, process: int, reason: str) -> None:
    """Write into the file of a process that has just died that it has, and why, unless it is taken."""
    for path in folder.glob(f"{app}.*"):
        try:
            held = Held(path)
        except OSError:  # its process lives, or it is gone
            continue
        try:
            dead = read(os.pread(held.descriptor, FILE_BYTES, 0))
            if dead is not None and dead.facts.get("process", {}).get(attribute.PROCESS_ID) == process:
                os.pwrite(held.descriptor, struct.pack("<Q", time.time_ns()), ALIVE_AT)
                os.pwrite(held.descriptor, reason.encode()[:REASON_BYTES], REASON_AT)
        finally:
            held.close()
