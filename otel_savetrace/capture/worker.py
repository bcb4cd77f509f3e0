"""The process that serves a request: its age, what it has served, what it is doing, and who waits for it.

A server's first process, in which capture is switched on, is copied for each worker: what it knows of itself
its workers know too. It hears of every copy before it is made, and each copy hears of it.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.text import shortened

if TYPE_CHECKING:
    from otel_savetrace.capture.save import Save

_GUNICORN = "gunicorn.workers.base"
_DEEPEST = 200
_ARBITER = "gunicorn.arbiter"
_RELOAD = "reload"
_NEAR = 16
_CROWD = 64


class Worker:
    """Facts of this process.

    Where forks are not told to `watch_forks`, as by a server in C, one is noticed at its first request.
    """

    def __init__(self) -> None:
        self._server_began = time.monotonic()
        self._reloaded: float | None = None
        self._forked = self._watched = False
        self._begin_again()

    def watch_forks(self) -> None:
        """Note each fork from now on; no way leads back, but nothing else costs anything."""
        if not self._watched:
            self._watched = True
            os.register_at_fork(
                before=lambda: guard.run("the process is copied", self._before_fork),
                after_in_child=lambda: guard.run("a process begins", self._after_fork),
            )

    def _before_fork(self) -> None:
        if _ARBITER in sys.modules and _is_reloading(sys._getframe()):
            self._reloaded = time.monotonic()

    def _after_fork(self) -> None:
        self._forked = True
        self._begin_again()

    def _begin_again(self) -> None:
        self.process = os.getpid()
        self.began = time.monotonic()
        self._numbers = itertools.count()
        self._in_flight: dict[int, Save] = {}
        self._crowd = _CROWD
        self._constant: dict[str, str | int] | None = None
        self._gunicorn: Any = None

    @property
    def is_ending(self) -> bool:
        """Whether this is a worker of gunicorn's that takes no more requests."""
        served_by = self._served_by()
        return served_by is not None and not served_by.alive

    @property
    def has_served_its_most(self) -> bool:
        """Whether this is a worker of gunicorn's that has served `max_requests`."""
        served_by = self._served_by()
        return served_by is not None and bool(served_by.nr >= served_by.max_requests)

    def _served_by(self) -> Any:
        """Return gunicorn's worker, None where there is none.

        It is looked for below what runs here, and, as the process ends, below what its threads still do.
        """
        if self._gunicorn is None:
            # Our own frame gets no name: it would hold itself, and the request, until garbage is collected.
            self._gunicorn = _gunicorn_worker(sys._getframe(1)) or _worker_of_any_thread()
        return self._gunicorn

    def in_flight(self) -> list[Save]:
        """Return the requests that have begun and not ended."""
        return list(self._in_flight.values())

    def begin(self, request: Save) -> int:
        """Note that a request begins; returns how many the process had taken before it."""
        if self.process != os.getpid():
            self._after_fork()
        self._in_flight[id(request)] = request
        if len(self._in_flight) > self._crowd:
            self._look_for_ended()
        return next(self._numbers)

    def _look_for_ended(self) -> None:
        """Forget requests whose end was not seen where they began."""
        for key, request in list(self._in_flight.items()):
            if not request.span.is_recording():
                self._in_flight.pop(key, None)
        self._crowd = max(_CROWD, 2 * len(self._in_flight))

    def end(self, request: Save) -> None:
        """Note that a request has ended."""
        self._in_flight.pop(id(request), None)

    def attributes(self, resource: Mapping[str, object], started: int | None = None) -> dict[str, str | int]:
        """Return what a save tells of its process beside its `resource`; called while it is served.

        Ages are those at its beginning, `started` (nanoseconds since 1970; None where no request is served
        here, then now): at its end a save that waited long would come of an older worker.
        """
        constant = self._constant
        if constant is None:
            constant = self._constants(resource)
            # Elsewhere gunicorn may not be seen, as from a greenlet of the app's own.
            if started is not None:
                self._constant = constant
        now = time.monotonic()
        if started is not None:
            now -= max(0, time.time_ns() - started) / 1e9
        known = {
            **constant,
            attribute.WORKER_AGE_SECONDS: max(0, int(now - self.began)),
            attribute.REQUESTS_IN_FLIGHT: len(self._in_flight),
        }
        if self._forked:
            known[attribute.SERVER_AGE_SECONDS] = max(0, int(now - self._server_began))
        if self._reloaded is not None:
            known[attribute.RELOAD_AGE_SECONDS] = max(0, int(now - self._reloaded))
        return known

    def _constants(self, resource: Mapping[str, object]) -> dict[str, str | int]:
        known: dict[str, str | int] = {attribute.PROCESS_ID: self.process}
        if attribute.HOST_NAME not in resource:
            known[attribute.HOST_NAME] = shortened(socket.gethostname(), attribute.SEARCHED_LIMIT)
        served_by = self._served_by()
        if served_by is not None:
            known.update(_limits_of(served_by))
        return known


def _is_reloading(frame: FrameType | None) -> bool:
    """Return whether a frame runs for gunicorn's `Arbiter.reload`, which makes new workers on SIGHUP."""
    for _ in range(_NEAR):
        if frame is None:
            return False
        if frame.f_code.co_name == _RELOAD and frame.f_globals.get("__name__") == _ARBITER:
            return True
        frame = frame.f_back
    return False


def _gunicorn_worker(frame: FrameType | None) -> Any:
    """Return the gunicorn worker that this code runs under, found as the `self` of one of its methods."""
    base = getattr(sys.modules.get(_GUNICORN), "Worker", None)
    if base is None:
        return None
    for _ in range(_DEEPEST):
        if frame is None:
            return None
        if frame.f_code.co_varnames[:1] == ("self",) and isinstance(frame.f_locals.get("self"), base):
            return frame.f_locals["self"]
        frame = frame.f_back
    return None


def _worker_of_any_thread() -> Any:
    return next(filter(None, map(_gunicorn_worker, sys._current_frames().values())), None)


def _limits_of(worker: Any) -> dict[str, str | int]:
    kind = type(worker).__name__.removesuffix("Worker").removeprefix("Base").lower()
    kind = {"thread": "gthread"}.get(kind, kind)
    known: dict[str, str | int] = {attribute.WORKER_CLASS: shortened(kind, attribute.SEARCHED_LIMIT)}
    timeout = worker.cfg.timeout
    # The others tell gunicorn that they live whatever a request does.
    if kind == "sync" and isinstance(timeout, int) and timeout > 0:
        known[attribute.WORKER_TIMEOUT_SECONDS] = timeout
    return known


worker = Worker()
"""This process."""
