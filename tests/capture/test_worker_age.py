"""How old a save's process was."""

from __future__ import annotations

import time

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.worker import Worker


def test_ages_are_those_at_a_saves_beginning() -> None:
    """A save that waits for forty seconds is not one of a worker that is forty seconds older."""
    worker = Worker()
    worker.began -= 100
    long_ago = time.time_ns() - 40 * 10**9
    ages = [worker.attributes({}, began)[attribute.WORKER_AGE_SECONDS] for began in (None, long_ago)]
    assert ages == [100, 60]


def test_no_age_is_below_nothing() -> None:
    """A save may be a little older than its process: the clocks are two."""
    worker = Worker()
    assert worker.attributes({}, time.time_ns() - 10**9)[attribute.WORKER_AGE_SECONDS] == 0
