"""What a save pays for the record of saves in flight, by the CPU of its own thread.

A save that stores one object in one attempt goes through every hook of the record and is let go again; its
span, its call and all else are made once, outside the time that is measured. Beside it a request that is no
save.
"""

from __future__ import annotations

import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
from opentelemetry.sdk.trace import TracerProvider

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.process_file import ProcessFile
from otel_savetrace.capture.in_flight.recorder import Recorder
from otel_savetrace.capture.request import RequestWatch
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.config import Settings

_TIMES = 5_000
_ROUNDS = 15
_ANSWERED = {attribute.OUTCOME: attribute.SUCCEEDED, attribute.STORED: attribute.YES}


def in_flight() -> None:
    """Print it, in microseconds, beside what a request pays that is no save."""
    settings = Settings(save_routes=frozenset(["POST /save/<map_id>"]))
    watch = RequestWatch(settings)
    app = flask.Flask("maps")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as made:  # noqa: S108 - made anew

        def make_file() -> ProcessFile:
            return ProcessFile(Path(made), "app", {})

        recorder = Recorder(make_file, watch.begins_save, (), (), None, 1)
        with app.test_request_context("/save/m1", method="POST"):
            save = _microseconds(_save(recorder)) - _microseconds(_save(None))
            other = _microseconds(_request(recorder)) - _microseconds(_request(None))
            print(f"and {save:.2f} µs for being known in flight, a request that is no save {other:.2f} µs")
        recorder.stop()


def _microseconds(run: Callable[[], None]) -> float:
    return min(timeit.repeat(run, number=_TIMES, repeat=_ROUNDS, timer=time.thread_time)) / _TIMES * 1e6


def _span(name: str) -> Any:
    route = name.partition(" ")[2]
    return (
        TracerProvider()
        .get_tracer("flask")
        .start_span(name, attributes={"http.method": "POST", "http.route": route})
    )


def _save(recorder: Recorder | None) -> Callable[[], None]:
    span = _span("POST /save/<map_id>")
    call = StorageCall(span, "PutObject", {"Bucket": "storymaps", "Key": "storymapjs/ada/my-map/draft.json"})
    call.client = {attribute.ATTEMPTS_ALLOWED: 3}

    def run() -> None:
        save = Save(span, None)
        if recorder is None:
            return
        recorder.request_starts(save)
        recorder.call_begins(save, call)
        if call.slot is not None:
            call.slot.attempt_begins(call)
            call.slot.call_ended()
        recorder.answer(save, _ANSWERED)
        recorder.request_ends(save)
        recorder.exported((span,))

    return run


def _request(recorder: Recorder | None) -> Callable[[], None]:
    span = _span("GET /load")

    def run() -> None:
        save = Save(span, None)
        if recorder is not None:
            recorder.request_starts(save)
            recorder.request_ends(save)

    return run
