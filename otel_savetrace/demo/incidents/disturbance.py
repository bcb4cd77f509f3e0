"""What is done to a server's process while users save: it is stopped, started anew, or a child killed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import threading
from typing import Literal

from otel_savetrace.demo.processes import Process

_STARTED = re.compile(r"Booting worker with pid: (\d+)")


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """`times` times, after `pause_seconds` each, the server is not there for `seconds`.

    ``stall``: its process is stopped (SIGSTOP), as by a disk or a hypervisor that hangs: connections stay,
    nobody answers. ``restart``: the process ends and is started again. ``kill``: one of its workers is killed
    outright (SIGKILL), as by the kernel that has no memory left. `of` says whose: the store's, or the app's.
    """

    way: Literal["stall", "restart", "kill"]
    seconds: float
    pause_seconds: float
    times: int
    of: Literal["store", "app"] = "store"


class Disturber:
    """Carries a disturbance of a server out in a thread; when its ``with`` block ends it runs as before."""

    def __init__(self, disturbance: Disturbance, server: Process) -> None:
        self._disturbance = disturbance
        self._server = server
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
                elif self._disturbance.way == "kill":
                    self._kill()
                else:
                    self._restart()

    def _stall(self) -> None:
        os.kill(self._server.pid, signal.SIGSTOP)
        try:
            self._stop.wait(self._disturbance.seconds)
        finally:
            os.kill(self._server.pid, signal.SIGCONT)

    def _restart(self) -> None:
        self._server.stop()
        self._stop.wait(self._disturbance.seconds)
        self._server.start()

    def _kill(self) -> None:
        for worker in _workers(self._server):
            # One of before may have ended by itself.
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                break
        self._stop.wait(self._disturbance.seconds)


def _workers(server: Process) -> list[int]:
    """Return the ids of the workers that gunicorn has started, as its log tells."""
    log = server.log.read_text(encoding="utf-8", errors="replace")
    return [int(worker) for worker in _STARTED.findall(log)]
