"""Real gunicorn workers whose saves are stopped in the middle: each is told of, by what, and in what."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.demo.faults import SLOW_DOWN, Plan, Rule, SlowAnswer
from otel_savetrace.spans.rows import Span
from tests.e2e.test_switched_on import GEVENT, PATCHED_FIRST
from tests.fixture_app import STOPPABLE, TO_A_FILE, App, StartApp
from tests.fixture_packages import Packages

TRACING = {
    **TO_A_FILE,
    # Nothing is exported but at a worker's end: what is told was told in the time that it had.
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    # So that no other process tells of what these did not.
    "OTEL_SAVETRACE_IN_FLIGHT": "off",
}
PLAN = Plan(
    (
        Rule(SLOW_DOWN, "storymapjs/ada/refused/", times=None),
        Rule(SlowAnswer(30), "storymapjs/ada/slow/", times=None),
    )
)
_SECONDS = 60.0


@contextmanager
def _saving(app: App, *paths: str) -> Iterator[None]:
    """Send saves; at the end of the block each must have had its answer, or must have been cut off."""
    threads = [threading.Thread(target=_save, args=(app, path), name=path) for path in paths]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(_SECONDS)
        assert not thread.is_alive(), f"{thread.name} has no answer, and no end"


def _save(app: App, path: str) -> None:
    try:
        app.exchange("POST", path, b"{}")
    except ConnectionError:
        return  # cut off


def _wait_for_object(app: App, storymap: str) -> None:
    """Wait until the store has stored the draft of a storymap."""
    patient = time.monotonic() + _SECONDS
    while not any(f"/{storymap}/" in seen.target for seen in app.journal()):
        assert time.monotonic() < patient, f"nothing of {storymap} was stored"
        time.sleep(0.01)


def _told(app: App) -> dict[str, dict[str, Any]]:
    """Return what each save tells, by the first part of its path; each is told once."""
    saves: dict[str, Span] = {}
    for span in app.spans():
        if span.kind == "server" and attribute.OUTCOME in span.attributes:
            route = span.name.split("/")[1]
            assert route not in saves, f"{route} is told twice"
            saves[route] = span
    return {route: {**span.attributes, "status": span.status} for route, span in saves.items()}


def _end(told: dict[str, Any]) -> tuple[Any, ...]:
    assert told[attribute.OUTCOME] == attribute.FAILED
    assert told[attribute.STAGE] == attribute.PROCESS
    assert told["status"] == "error"
    return told[attribute.ERROR_CODE], told[attribute.DOING], told[attribute.STORED]


def test_a_sync_worker(start_app: StartApp) -> None:
    """gunicorn's limit strikes amid botocore's own retries; SIGQUIT ends a save that is stored already."""
    app = start_app(TRACING, plan=PLAN, app=STOPPABLE, options=("--workers", "1", "--timeout", "2"))
    _save(app, "/save/refused")
    _save(app, "/quit/ok")
    app.stop()
    told = _told(app)
    code, doing, stored = _end(told["save"])
    assert (code, stored) == ("worker_timeout", "no")
    made = told["save"][attribute.ATTEMPTS]
    assert doing.startswith(
        (f"backing off before attempt {made + 1} of 12 of PutObject", f"attempt {made} of 12 of PutObject: ")
    )
    assert told["save"][attribute.BACKOFF_SECONDS] > 0
    assert told["save"][attribute.WORKER_TIMEOUT_SECONDS] == 2
    assert _end(told["quit"]) == ("worker_stopped", "in the app", "yes")


def test_a_threaded_worker(start_app: StartApp) -> None:
    """A worker that has served its most goes, and leaves behind whoever still saves in another thread."""
    options = ("--workers", "1", "--threads", "4", "--max-requests", "20")
    patience = ("--graceful-timeout", "1", "--timeout", "2")
    app = start_app(TRACING, plan=PLAN, app=STOPPABLE, options=(*options, *patience))
    with _saving(app, "/file/ok"):
        _wait_for_object(app, "ok")
        for _ in range(20):
            app.exchange("GET", "/")
    app.stop()
    told = _told(app)["file"]
    assert _end(told) == ("worker_recycled", "in the app", "yes")
    assert told["storymap.id"] == "ok"


def test_a_gevent_worker(start_app: StartApp, packages: Packages) -> None:
    """A greenlet that the app kills, a limit of gevent's, a reload that waits no longer: all are told apart.

    The worker that came by the reload says when that was.
    """
    tracing = {**TRACING, "PYTHONPATH": str(packages(GEVENT)), **PATCHED_FIRST}
    options = ("--workers", "1", "--worker-class", "gevent", "--graceful-timeout", "1")
    app = start_app(tracing, plan=PLAN, app=STOPPABLE, options=options)
    with _saving(app, "/file/ok", "/kill/slow", "/hurry/slow"):
        _wait_for_object(app, "ok")
        os.kill(app.process.pid, signal.SIGHUP)
    _save(app, "/save/reloaded")
    app.stop()
    told = _told(app)
    code, doing, _ = _end(told["kill"])
    assert code == "greenlet_killed"
    assert doing.startswith("attempt 1 of 12 of PutObject: ")
    code, doing, _ = _end(told["hurry"])
    assert code == "request_timeout"
    assert doing.startswith("attempt 1 of 12 of PutObject: ")
    assert _end(told["file"]) == ("worker_stopped", "in the app", "yes")
    assert attribute.RELOAD_AGE_SECONDS not in told["file"]
    reloaded = told["save"]
    assert reloaded[attribute.OUTCOME] == attribute.SUCCEEDED
    ages = [reloaded[name] for name in (attribute.WORKER_AGE_SECONDS, attribute.RELOAD_AGE_SECONDS)]
    assert 0 <= ages[0] <= ages[1] <= ages[0] + 1
    assert ages[1] <= reloaded[attribute.SERVER_AGE_SECONDS]
