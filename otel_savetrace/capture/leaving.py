"""Requests that a process leaves behind when it ends: in threads and greenlets that get no further.

gunicorn's threaded workers go when their time is up, whoever still saves; the interpreter waits for their
threads, and stops waiting when gunicorn's limit strikes. No exception reaches such a save. What is known of
it is written as the interpreter goes, before OpenTelemetry exports its last spans.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

import flask

from otel_savetrace.capture import stopped, storage_call
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.worker import worker

if TYPE_CHECKING:
    from otel_savetrace.capture.request import RequestWatch


class Leaving:
    """Writes, at the end of the process, what `watch` knows of the requests that are still in flight."""

    def __init__(self, watch: RequestWatch) -> None:
        self._watch = watch

    def start(self) -> None:
        """Ask to be called at the end; whoever asked before, as OpenTelemetry's provider, is called later."""
        atexit.register(self.leave)

    def stop(self) -> None:
        """Take that back."""
        atexit.unregister(self.leave)

    def leave(self) -> None:
        """Write and end every request in flight, and its storage calls."""
        for save in worker.in_flight():
            seen = save.circumstances
            if seen is not None and save.span.is_recording():
                guard.run("a process ends in the middle of a request", seen.run, save, self._leave, save)

    def _leave(self, save: Save) -> None:
        stop = save.stop = stopped.of_process(save)
        calls = save.totals.unfinished() if save.totals is not None else []
        app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # a werkzeug LocalProxy
        self._watch.note_stop(app, stop)
        for call in calls:
            storage_call.abandon(call, stop.code)
        save.span.end()
