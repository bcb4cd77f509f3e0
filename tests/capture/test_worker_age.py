"""How old a save's process was."""

from __future__ import annotations

import time

import flask
import pytest

from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.worker import Worker, worker
from tests.fixture_capture import Captured, facts


def test_ages_are_those_at_a_saves_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that waits for forty seconds is not one of a worker that is forty seconds older."""
    worker, now = Worker(), time.time_ns()
    monkeypatch.setattr(time, "monotonic", lambda: worker.began + 100)
    monkeypatch.setattr(time, "time_ns", lambda: now)
    ages = [worker.attributes({}, began)[attribute.WORKER_AGE_SECONDS] for began in (None, now - 40 * 10**9)]
    assert ages == [100, 60]


@pytest.mark.parametrize("settings", [Settings(save_routes=frozenset({"/save/"}))])
def test_a_save_tells_the_age_at_its_beginning(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written at the end of a save is how old its worker was when it took it."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        return "saved"

    monkeypatch.setattr(worker, "began", time.monotonic() - 100)
    monkeypatch.setattr(Save, "started", time.time_ns() - 40 * 10**9)
    app.test_client().post("/save/")
    assert 60 <= facts(captured.saves[0])[attribute.WORKER_AGE_SECONDS] < 100


def test_no_age_is_below_nothing() -> None:
    """A save may be a little older than its process: the clocks are two."""
    worker = Worker()
    assert worker.attributes({}, time.time_ns() - 5 * 10**9)[attribute.WORKER_AGE_SECONDS] == 0
