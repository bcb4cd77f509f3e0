"""The process that serves a request: its age, what it has served, what it is doing, and who waits for it."""

from __future__ import annotations

import itertools
import os
import socket
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.text import shortened

_GUNICORN = "gunicorn.workers.base"
_DEEPEST = 200


class Worker:
    """Facts of this process. A fork is noticed at its first request, by the pid."""

    def __init__(self) -> None:
        self._begin_again()

    def _begin_again(self) -> None:
        self.process = os.getpid()
        self.began = time.monotonic()
        self._numbers = itertools.count()
        self._in_flight: set[int] = set()
        self._constant: dict[str, str | int] | None = None

    def begin(self, request: object) -> int:
        """Note that a request begins; returns how many the process had taken before it."""
        if self.process != os.getpid():
            self._begin_again()
        self._in_flight.add(id(request))
        return next(self._numbers)

    def end(self, request: object) -> None:
        """Note that a request has ended."""
        self._in_flight.discard(id(request))

    def attributes(self, resource: Mapping[str, object]) -> dict[str, str | int]:
        """Return what a save tells of its process beside its `resource`; called while it is served."""
        if self._constant is None:
            self._constant = self._constants(resource)
        return {
            **self._constant,
            attribute.WORKER_AGE_SECONDS: int(time.monotonic() - self.began),
            attribute.REQUESTS_IN_FLIGHT: len(self._in_flight),
        }

    def _constants(self, resource: Mapping[str, object]) -> dict[str, str | int]:
        known: dict[str, str | int] = {attribute.PROCESS_ID: self.process}
        if attribute.HOST_NAME not in resource:
            known[attribute.HOST_NAME] = shortened(socket.gethostname(), attribute.SEARCHED_LIMIT)
        worker = _gunicorn_worker(sys._getframe())
        if worker is not None:
            known.update(_limits_of(worker))
        return known


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
