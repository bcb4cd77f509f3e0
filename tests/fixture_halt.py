"""A request that waits at a chosen place while a test looks at it from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import pytest

from otel_savetrace.capture.save import Save, live_save
from tests.raw_store import WHOLE, Reception

SECONDS = 60
"""No machine is so busy that a test waits this long for what is coming."""


class Halt:
    """A place where a request waits until it was asked what it is doing."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._save: Save | None = None

    def __call__(self, *_: Any, **__: Any) -> None:
        """Wait here."""
        self.reached.set()
        assert self.go_on.wait(SECONDS)

    def receive(self, _: bytes) -> Reception:
        """Wait here when a store has a head."""
        self()
        return WHOLE

    @contextmanager
    def of_request(self, view: Callable[[], Any], rule: str = "/save", path: str = "/save") -> Iterator[Save]:
        """Run `view` as a request in a thread and yield its save while it waits here."""
        app = flask.Flask("halting")

        @app.post(rule)
        def save(**_: str) -> str:
            self._save = live_save()
            view()
            return "saved"

        thread = threading.Thread(target=app.test_client().post, args=(path,))
        thread.start()
        try:
            assert self.reached.wait(SECONDS)
            assert self._save is not None
            yield self._save
        finally:
            self.go_on.set()
            thread.join()


@pytest.fixture
def halt() -> Halt:
    """A place to wait at."""
    return Halt()
