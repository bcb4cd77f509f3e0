"""Containers that share the folder of saves in flight, each of which counts its processes anew."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.missing_spans import WORKER_KILLED
from otel_savetrace.capture.in_flight.record import ATTEMPT
from otel_savetrace.demo.faults import Plan, Rule, SlowAnswer
from tests.capture.in_flight.watching import RECORDED, from_record, records
from tests.eventually import eventually
from tests.fixture_app import App, StartApp

_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Starts a program as the first process of its own namespace, which ends with it."""

FEW = 100
"""Processes of a container at most: no id is larger."""

# Longer than it takes the other container to look: each five seconds.
_PLAN = Plan((Rule(SlowAnswer(9.0), "storymapjs/", times=None),))


@pytest.fixture
def containers(start_app: StartApp, tmp_path: Path) -> tuple[App, App]:
    """Run the app in two containers with one folder; skips where the system allows no namespaces."""
    tried = subprocess.run([*_CONTAINER, "true"], capture_output=True, text=True, check=False)  # noqa: S603 - as named
    if tried.returncode:
        pytest.skip(f"no process may have a namespace of its own here: {tried.stderr.strip()}")
    tracing = {
        **RECORDED,
        "OTEL_SAVETRACE_IN_FLIGHT": str(tmp_path / "in-flight"),
        # One app to us: its spans go where those of the other go.
        "OTEL_SAVETRACE_FILE": str(tmp_path / "spans.jsonl"),
    }
    return _contained(start_app, tracing), _contained(start_app, tracing)


def _contained(start_app: StartApp, tracing: dict[str, str]) -> App:
    app = start_app(tracing, plan=_PLAN, options=("--workers", "1"))
    app.process.stop()
    app.process.command = [*_CONTAINER, *app.process.command]
    app.process.start()
    return app


def _save(app: App) -> threading.Thread:
    def send() -> None:
        with contextlib.suppress(ConnectionError):
            app.exchange("POST", "/save/held", b"{}")

    user = threading.Thread(target=send)
    user.start()
    return user


def test_a_container_that_is_killed_whole(containers: tuple[App, App], tmp_path: Path) -> None:
    """The other tells of its save, once, and of none of its own, though ids of processes tell neither's."""
    killed, other = containers
    users = [_save(killed), _save(other)]

    def both_store() -> list[int] | None:
        found = [
            one.facts["process"][attribute.PROCESS_ID]
            for one in records(tmp_path / "in-flight")
            if any(save.step == ATTEMPT for save in one.saves)
        ]
        return found if len(found) == 2 else None

    workers = eventually(both_store, "a save in each that is being stored")
    assert max(workers) < FEW
    killed.process.kill()
    told = eventually(lambda: from_record(other), "the killed one's save")
    for user in users:
        user.join()
    os.killpg(other.process.pid, signal.SIGTERM)  # `unshare` hands none on
    other.stop()
    assert told.attributes[attribute.ERROR_CODE] == WORKER_KILLED
    made = [span for span in other.spans() if span.name == "POST /save/<storymap_id>"]
    assert sorted(str(span.attributes[attribute.OUTCOME]) for span in made) == ["failed", "succeeded"]
    assert list((tmp_path / "in-flight").iterdir()) == []
