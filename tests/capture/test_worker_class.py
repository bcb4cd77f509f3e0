"""The kind of gunicorn's worker is known from the moment at which a request of it is served."""

from __future__ import annotations

import gc
import time
import types
import weakref
from collections.abc import Callable, Mapping

from gunicorn.workers.base import Worker as GunicornWorker

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.worker import Worker


class EventWorker(GunicornWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker of gunicorn's that has not been started."""

    def __init__(self) -> None:
        self.cfg = types.SimpleNamespace(timeout=30)

    def serve(self, view: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        """Call a view as for a request."""
        return view()


def test_a_look_from_where_it_cannot_be_seen_does_not_settle_it() -> None:
    """A greenlet of the app's own has nothing of gunicorn below it; the next request tells all the same."""
    own = Worker()
    assert attribute.WORKER_CLASS not in own.attributes({})
    served = EventWorker().serve(lambda: own.attributes({}, time.time_ns()))
    assert served[attribute.WORKER_CLASS] == "event"
    assert own.attributes({})[attribute.WORKER_CLASS] == "event"


def test_a_look_for_it_holds_nothing() -> None:
    """What runs where it is looked for is cleared away at once, and not when garbage is collected."""

    class Local:
        pass

    def look() -> weakref.ref[Local]:
        held = Local()
        assert attribute.WORKER_CLASS not in Worker().attributes({}, time.time_ns())
        return weakref.ref(held)

    gc.disable()
    try:
        assert look()() is None
    finally:
        gc.enable()
