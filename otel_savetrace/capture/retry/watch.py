"""Where a save's outcome is handed over: what costs next to nothing stands here, the rest behind it.

Nothing of that rest is loaded before the first failed save, or the first cookie that a failed one has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.config import Settings

if TYPE_CHECKING:
    from otel_savetrace.capture.retry.retries import Retries

COOKIE = "savetrace_"
"""How the names of our cookies begin; eight hex digits follow."""


class RetryWatch:
    """Tells each failed save to its retry."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._retries: Retries | None = None

    def note(self, app: flask.Flask, request: flask.Request, save: Save, known: Known) -> None:
        """Take in a save of which `known` is what will stand on its span, and add what it is a retry of.

        `save.answer`, where there is one yet, gets the cookie, or has it taken away.
        """
        if (
            known[attribute.OUTCOME] == attribute.SUCCEEDED
            and COOKIE not in request.environ.get("HTTP_COOKIE", "")
            and (self._retries is None or not self._retries.memory.holds_failed)
        ):
            return
        guard.run("a save is held against failed ones", self._note, app, request, save, known)

    def _note(self, app: flask.Flask, request: flask.Request, save: Save, known: Known) -> None:
        if self._retries is None:
            from otel_savetrace.capture.retry.retries import Retries

            # One step, since the first saves that fail may do so in several threads at once.
            self._retries = self.__dict__.setdefault("retries", Retries(self._settings))
        self._retries.note(app, request, save, known)
