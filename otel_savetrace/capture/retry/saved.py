"""A save whose outcome is known, as its retry or the failed save before it sees it."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import flask

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.retry.contents import Written, contents_of, written_by
from otel_savetrace.capture.retry.pairing import Present
from otel_savetrace.capture.retry.record import MOST_ATTEMPTS, UNKNOWN, Record
from otel_savetrace.capture.retry.thing import Client, Naming, Thing
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known


class Saved:
    """A save.

    `known` is what will stand on its span, `answer` None where none will be seen, or not yet.
    """

    def __init__(
        self, naming: Naming, app: flask.Flask, request: flask.Request, save: Save, known: Known
    ) -> None:
        self.app = app
        self.request = request
        self.save = save
        self.known = known
        self.answer: flask.Response | None = save.answer
        self._naming = naming

    @cached_property
    def thing(self) -> Thing:
        """What is being saved."""
        return Thing(self._naming, self.app, self.request, self.save, self.known)

    @cached_property
    def written(self) -> Written:
        """The contents that it wrote."""
        return written_by(self.save.totals)

    @property
    def worked(self) -> bool:
        """Whether its user got what was wanted."""
        return self.known[attribute.OUTCOME] == attribute.SUCCEEDED

    @property
    def inbound(self) -> int | None:
        """Size of its request's body in bytes, where the request says."""
        size = self.known.get(attribute.REQUEST_BODY_SIZE)
        return size if isinstance(size, int) else None

    @property
    def started(self) -> float:
        """When it began, in seconds since the epoch."""
        span: Any = self.save.span  # the SDK's
        return float(span.start_time / 1e9)

    @property
    def client(self) -> Client:
        """What its client is known by without a cookie; empty where nothing tells."""
        return self._naming.client_of(self.known)

    @property
    def has_cookies(self) -> bool:
        """Whether its client has any cookies, so that one tells its retry."""
        return bool(self.request.environ.get("HTTP_COOKIE"))

    def present(self, key: bytes) -> Present:
        """Return what it is held against failed saves by, with the marks that `key` gives."""
        return Present(self.thing.marks(key), self.thing.wrote, self.written)

    def record(self, key: bytes, before: Record | None, path_length: int = 0) -> Record:
        """Return what it leaves for its retry where it failed, itself the retry of `before`."""
        marks = self.thing.marks(key)
        taken_over = before is not None and marks.thing == UNKNOWN
        if before is not None and taken_over:  # it died too soon to tell what the one before told
            marks = marks._replace(thing=before.marks.thing, of_request=before.marks.of_request)
        context = self.save.span.get_span_context()
        return Record(
            trace_id=context.trace_id,
            span_id=context.span_id,
            trace_flags=int(context.trace_flags),
            first_trace_id=before.first_trace_id if before is not None else context.trace_id,
            marks=marks,
            wrote=self.thing.wrote,
            contents=contents_of(self.written),
            inbound=self.inbound,
            milliseconds=time.time_ns() // 1_000_000,
            attempt=min(before.attempt + 1, MOST_ATTEMPTS) if before is not None else 1,
            error_code=str(self.known.get(attribute.ERROR_CODE, "")),
            path_length=path_length,
            taken_over=taken_over,
        )
