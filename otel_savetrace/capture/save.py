"""One save: a request to the app that means to store something."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import doing
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.capture.totals import MOST_RAISED, StorageFailure, Totals

if TYPE_CHECKING:
    from otel_savetrace.capture.elsewhere import Circumstances
    from otel_savetrace.capture.in_flight.slot import Slot

_MOST_ASKED = 8


class Save:
    """A request; whether it is a save shows in its course.

    `number` is how many requests its process had taken before. `exception` nobody handled; `handled` an error
    handler took; `dependency` is the last failure that an instrumented database or other service told, and
    `by_dependency` says that what the app raised last came of one. `raised` names the exceptions beside those
    of storage, `uncaught` those that nobody handled. `answer` is Flask's, once it is whole; `found` is which
    failed saves it retries (`otel_savetrace.capture.retry.retries.Found`), once that was asked; `stop` is why
    it stops in the middle (`otel_savetrace.capture.stopped.Stop`), once that was seen.
    `circumstances` is that by which it can be looked at from elsewhere while it lives; `slot` is its place in
    the record of saves in flight (`otel_savetrace.capture.in_flight`), if it has one.
    """

    totals: Totals | None = None
    exception: Failure | None = None
    handled: Failure | None = None
    dependency: Failure | None = None
    by_dependency = False
    number = 0
    uncaught: frozenset[str] = frozenset()
    answer: Any = None
    found: Any = None
    slot: Slot | None = None
    stop: Any = None
    circumstances: Circumstances | None = None
    _asked: Sequence[Span] = ()

    def __init__(self, span: Span, outer: Save | None) -> None:
        self.span = span
        self.outer = outer
        self.raised: list[str] = []

    @property
    def started(self) -> int:
        """When the request came to the app, in nanoseconds since 1970."""
        return getattr(self.span, "start_time", None) or time.time_ns()

    @property
    def wrote(self) -> bool:
        """Whether any of its calls meant to change what is stored."""
        return self.totals is not None and self.totals.wrote

    @property
    def storage_failure(self) -> StorageFailure | None:
        """The last object whose call failed and that no later call of the request has mended."""
        return self.totals.failure if self.totals is not None else None

    def begin(self, call: StorageCall) -> None:
        """Note that a storage call begins, before any thread of its own."""
        self._own_totals().begin(call)

    def add(self, call: StorageCall, failure: Failure | None, raised: str | None) -> None:
        """Take in a storage call that has ended."""
        self._own_totals().add(call, failure, raised)

    def _own_totals(self) -> Totals:
        if self.totals is None:
            # One step, since the first calls of a save may begin in several threads at once.
            self.__dict__.setdefault("totals", Totals())
        return cast(Totals, self.totals)

    def ask(self, span: Span) -> None:
        """Note that a client span of another instrumentation begins: whoever it asks is waited for."""
        self._asked = [*(one for one in self._asked if one.is_recording()), span][-_MOST_ASKED:]

    def doing(self) -> str:
        """Return what is being done at this moment, as `otel_savetrace.capture.doing` words it.

        May be called from any thread, as often as one likes.
        """
        calls = self.totals.unfinished() if self.totals is not None and self.totals.open else ()
        if calls:
            call = next((one for one in reversed(calls) if one.writes), calls[-1])
            others = f", one of {len(calls)} calls at once" if len(calls) > 1 else ""
            return doing.of_call(call) + others
        asked = next((span for span in reversed(self._asked) if span.is_recording()), None)
        return doing.IN_THE_APP if asked is None else doing.of_span(asked)

    def note_raised(self, name: str) -> None:
        """Note the class of an exception that the app or a dependency raised."""
        if len(self.raised) < MOST_RAISED and name not in self.raised:
            self.raised.append(name)

    def caught(self) -> list[str]:
        """Return the classes of the exceptions that were raised and caught, each once."""
        if not self.raised and (self.totals is None or not self.totals.raised):
            return []
        names = [*(self.totals.raised if self.totals is not None else ()), *self.raised]
        return [name for name in dict.fromkeys(names) if name not in self.uncaught]

    def stored(self, failed: bool) -> str | None:
        """Return `attributes.STORED`; a failed save that tried to write nothing has stored nothing."""
        stored = self.totals.stored() if self.totals is not None else None
        return attribute.NO if stored is None and failed else stored


current_save: ContextVar[Save | None] = ContextVar("otel_savetrace_save", default=None)
"""The request that runs in this thread or greenlet, whether it turns out to be a save or not."""


def live_save() -> Save | None:
    """Return the request that runs here, None where its span has ended or there is none."""
    save = current_save.get()
    return save if save is not None and save.span.is_recording() else None
