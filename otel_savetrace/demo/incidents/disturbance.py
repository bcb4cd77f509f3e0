"""What is done to the store's process while users save: it is stopped for a while, or started anew."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from typing import Literal

from otel_savetrace.demo.processes import Process


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """`times` times, after `pause_seconds` each, the store is not there for `seconds`.

    ``stall``: its process is stopped (SIGSTOP), as by a disk or a hypervisor that hangs: connections stay,
    nobody answers. ``restart``: the process ends and is started again.
    """

    way: Literal["stall", "restart"]
    seconds: float
    pause_seconds: float
    times: int


class Disturber:
    """Carries a disturbance out in a thread; when its ``with`` block ends the store runs as before."""

    def __init__(self, disturbance: Disturbance, store: Process) -> None:
        self._disturbance = disturbance
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disturber", daemon=True)

    def __enter__(self) -> Disturber:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        # A start that is interrupted raises in this thread what the main thread knows already.
        with contextlib.suppress(KeyboardInterrupt):
            for _ in range(self._disturbance.times):
                if self._stop.wait(self._disturbance.pause_seconds):
                    return
                if self._disturbance.way == "stall":
                    self._stall()
                else:
                    self._restart()

    def _stall(self) -> None:
        os.kill(self._store.pid, signal.SIGSTOP)
        try:
            self._stop.wait(self._disturbance.seconds)
        finally:
            os.kill(self._store.pid, signal.SIGCONT)

    def _restart(self) -> None:
        self._store.stop()
        self._stop.wait(self._disturbance.seconds)
        self._store.start()
