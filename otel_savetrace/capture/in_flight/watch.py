"""The thread that says that its process lives and looks for those that do not.

It starts in each forked child, so that a new worker finds what the one before it left, before any request;
elsewhere at a process's first save.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from otel_savetrace.capture.guard import guard

BEAT_SECONDS = 1.0
"""How exactly the end of a process is known."""

LOOK_EACH = 5
"""Beats between two looks for the dead."""

Deed = Callable[[], object]


class Watch:
    """Calls `beat` each second and `look` each fifth, the first time after one second.

    A `look` that returns True is made again the next second.
    """

    def __init__(self, beat: Deed, look: Callable[[], bool]) -> None:
        self._beat = beat
        self._look = look
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless there is one."""
        if self._thread is None:
            # A fresh event, since a fork may have come while another thread held the old one's lock.
            self._stopped = threading.Event()
            self._thread = threading.Thread(target=self._run, name="savetrace-in-flight", daemon=True)
            self._thread.start()

    def start_again(self) -> None:
        """Start the thread in a child that was just forked: threads do not come along."""
        self._thread = None
        self.start()

    def stop(self) -> None:
        """Let the thread end; what it is doing it may finish."""
        self._stopped.set()
        self._thread = None

    def _run(self) -> None:
        stopped, beats, again = self._stopped, 0, False
        while not stopped.wait(BEAT_SECONDS):
            guard.run("it says that the process lives", self._beat)
            if again or beats % LOOK_EACH == 0:
                again = guard.run("it looks for saves of dead processes", self._look) or False
            beats += 1
