"""Real gunicorn workers, and a whole app, killed outright (SIGKILL) amid a save: another one tells of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
import time
from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.saves import saves
from otel_savetrace.capture.in_flight.missing_spans import WORKER_KILLED
from otel_savetrace.capture.in_flight.record import ATTEMPT, Unfinished
from otel_savetrace.capture.stopped import WORKER_TIMEOUT
from otel_savetrace.demo.faults import SLOW_DOWN, Plan, Rule, SlowAnswer
from otel_savetrace.spans.rows import Span
from tests.capture.in_flight.watching import RECORDED, from_record, records
from tests.e2e.test_switched_on import GEVENT, PATCHED_FIRST
from tests.eventually import eventually
from tests.fixture_app import GREEDY, App, StartApp
from tests.fixture_packages import Packages

_HELD_SECONDS = 120.0

# The page of this map is refused once, and then not answered.
_PLAN = Plan(
    (
        Rule(SLOW_DOWN, "storymapjs/ada/held/index.html"),
        Rule(SlowAnswer(_HELD_SECONDS), "storymapjs/ada/held/index.html", skip=1),
    )
)

KINDS = {
    "sync, the whole app": ("--workers", "1"),
    "gthread, preloaded": ("--workers", "2", "--threads", "4", "--preload"),
    "gevent": ("--workers", "2", "--worker-class", "gevent"),
}


class Killed:
    """An app, a save of which a worker held when it was killed, and the trace that its user began."""

    def __init__(self, app: App, kind: str) -> None:
        self.app = app
        self.kind = kind
        self.folder = app.spans_file.parent / "in-flight"
        self.trace_id, self.parent = secrets.token_hex(16), secrets.token_hex(8)
        self.answer: bytes | None = None
        self.before = self.after = 0

    def save(self) -> None:
        """Publish a map whose page the store does not answer."""
        header = f"traceparent: 00-{self.trace_id}-{self.parent}-01\r\n"
        with contextlib.suppress(ConnectionError):
            self.answer = self.app.exchange("POST", "/publish/held", b"<p>", header)

    def in_attempt(self) -> tuple[int, Unfinished] | None:
        """Return the worker that is in the second attempt at the page, and what it wrote down."""
        for one in records(self.folder):
            for save in one.saves:
                if f"{save.trace_id:032x}" == self.trace_id and (save.step, save.attempt) == (ATTEMPT, 2):
                    return one.facts["process"][attribute.PROCESS_ID], save
        return None

    def reported(self) -> Span | None:
        """Return the save's own span, once it is there."""
        return next((span for span in self.trace() if span.kind == "server"), None)

    def trace(self) -> list[Span]:
        """Return the spans of the trace so far, repeats included."""
        return [span for span in self.app.spans() if span.trace_id == self.trace_id]


@pytest.fixture(scope="module", params=list(KINDS))
def killed(request: pytest.FixtureRequest, start_app_of_session: StartApp, packages: Packages) -> Killed:
    """An app that lost a worker in the middle of a save, and has told of it."""
    tracing = dict(RECORDED)
    if request.param == "gevent":
        tracing |= {"PYTHONPATH": str(packages(GEVENT)), **PATCHED_FIRST}
    app = start_app_of_session(tracing, plan=_PLAN, options=KINDS[request.param])
    made = Killed(app, request.param)
    user = threading.Thread(target=made.save)
    user.start()
    worker, _ = eventually(made.in_attempt, "a save in its second attempt")
    eventually(lambda: any("503" in span.name for span in made.trace()), "the first attempt's span")
    made.before = time.time_ns()
    if "whole" in request.param:
        app.process.kill()
        app.process.start()
    else:
        os.kill(worker, signal.SIGKILL)
    user.join()
    eventually(made.reported, "the save's span")
    made.after = time.time_ns()
    app.exchange("POST", "/save/other", b"{}")
    app.stop()
    return made


def test_the_missing_save_is_written_once(killed: Killed) -> None:
    """The user got no answer; the save stands in its trace once, with its parent, failed and told why."""
    assert not killed.answer
    (save,) = [span for span in killed.trace() if span.kind == "server"]
    told: dict[str, Any] = {name: save.attributes.get(name) for name in _TOLD}
    assert save.parent_span_id == killed.parent
    assert save.name == "POST /publish/<storymap_id>"
    assert save.status == "error"
    assert told == _TOLD
    assert str(save.attributes[attribute.DOING]).startswith("attempt 2 of 3 of PutObject")


_TOLD = {
    attribute.OUTCOME: attribute.FAILED,
    attribute.ERROR_CODE: WORKER_KILLED,
    attribute.ERROR_TYPE: WORKER_KILLED,
    attribute.STAGE: attribute.PROCESS,
    attribute.STORED: attribute.UNKNOWN,
    attribute.FROM_RECORD: True,
    attribute.S3_BUCKET: "storymaps",
    attribute.S3_KEY: "storymapjs/ada/held/index.html",
    "storymap.user_id": "ada",
    "storymap.id": "held",
    "http.route": "/publish/<storymap_id>",
    "http.method": "POST",
}


def test_what_was_exported_before_hangs_below_it(killed: Killed) -> None:
    """The first object's call is below the save, the refused attempt below the call that was under way."""
    spans = {span.span_id: span for span in killed.trace()}
    above = {
        span.name: spans[span.parent_span_id or ""].name for span in spans.values() if span.kind == "client"
    }
    assert above == {
        "attempt: 200": "S3.PutObject",
        "attempt: 503 SlowDown": "S3.PutObject",
        "S3.PutObject": "POST /publish/<storymap_id>",
    }
    assert len(spans) == len(killed.trace()) == 5


def test_the_report_says_that_the_process_was_killed(killed: Killed) -> None:
    """The cause is `process.killed`, and what was tried is known."""
    (save,) = [one for one in saves(killed.app.spans()) if one.trace_id == killed.trace_id]
    assert cause_of(save).name == "process.killed"
    assert len(save.calls) == 2


def test_nothing_is_left_behind(killed: Killed) -> None:
    """Saves that had an answer are told once, by their own process; no file is left when all have ended."""
    others = [
        span for span in killed.app.spans() if span.kind == "server" and span.trace_id != killed.trace_id
    ]
    assert not any(attribute.FROM_RECORD in span.attributes for span in others)
    assert [span.name for span in others].count("POST /save/<storymap_id>") == 1
    assert list(killed.folder.iterdir()) == []
    assert killed.app.warnings() == []


def test_why_its_worker_died_is_told_by_gunicorns_first_process(killed: Killed) -> None:
    """The signal is known, and the save ends when its worker did; else its last sign of life is."""
    (save,) = [span for span in killed.trace() if span.kind == "server"]
    # gevent has taken the worker away by then, and of a whole app that is killed nobody sees the end.
    if "gthread" not in killed.kind:
        assert attribute.KILLED_BY not in save.attributes
        assert save.start_nanoseconds < save.end_nanoseconds <= killed.after
    else:
        assert save.attributes[attribute.KILLED_BY] == "SIGKILL"
        assert killed.before <= save.end_nanoseconds <= killed.after


def test_a_worker_that_does_not_hear_that_its_time_is_up(start_app: StartApp) -> None:
    """gunicorn kills it outright in the end, and its save says that it was the time limit, and when."""
    app = start_app(RECORDED, app=GREEDY, options=("--workers", "1", "--timeout", "1"))
    assert app.exchange("POST", "/deaf/one", b"{}") == b""
    save = eventually(lambda: from_record(app), "the save's span")
    app.stop()
    assert save.attributes[attribute.ERROR_CODE] == WORKER_KILLED
    assert save.attributes[attribute.KILLED_BY] == WORKER_TIMEOUT
    assert save.attributes[attribute.WORKER_TIMEOUT_SECONDS] == 1
    assert save.attributes[attribute.STORED] == attribute.YES
    assert save.end_nanoseconds - save.start_nanoseconds > 1e9
