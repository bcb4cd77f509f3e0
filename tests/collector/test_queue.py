"""Jaeger and the Collector are killed in the middle of traffic and started again: every save is found."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.collector.saves import Sender, sending_to
from tests.fixture_collector import Collector, StartCollector
from tests.fixture_jaeger import POLL_SECONDS, Jaeger

SAVE_SECONDS = 0.005
"""Pause between two saves of the traffic."""


class Traffic:
    """Saves that are made one after the other, by a thread of their own, until they are told to end."""

    def __init__(self, sender: Sender, *, failing: bool) -> None:
        self.sender = sender
        self.failing = failing
        self.made: list[str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._end.wait(SAVE_SECONDS):
            if self.failing:
                self.made.append(self.sender.save(codes=("SlowDown",), outcome="failed"))
            else:
                self.made.append(self.sender.save())

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Make saves for as long as the block runs."""
        self._thread.start()
        try:
            yield
        finally:
            self._end.set()
            self._thread.join()

    def wait_for(self, more: int) -> None:
        """Return once `more` saves have been made from now on."""
        goal = len(self.made) + more
        deadline = time.monotonic() + 60
        while len(self.made) < goal:
            assert time.monotonic() < deadline, f"only {len(self.made)} saves were made"
            time.sleep(POLL_SECONDS)


@pytest.mark.parametrize(
    ("percent", "failing"), [("100", False), ("0", True)], ids=["all kept", "only failures kept"]
)
def test_every_save_is_found_though_both_are_killed(
    start_collector: StartCollector, jaeger: Jaeger, percent: str, failing: bool
) -> None:
    """Each is killed with saves on their way, misses some and comes back: no span of any save is missing."""
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT=percent)
    with sending_to(collector.grpc) as sender:
        traffic = Traffic(sender, failing=failing)
        with traffic.going_on():
            traffic.wait_for(100)
            kill_and_restart(jaeger, traffic)
            kill_and_restart(collector, traffic)
            kill_both(jaeger, collector, traffic)
    jaeger.wait_for(dict.fromkeys(traffic.made, 3), seconds=60)
    jaeger.process.kill()
    jaeger.process.start()
    jaeger.wait_for(dict.fromkeys(traffic.made, 3))


@pytest.mark.parametrize("percent", ["100", "0"])
def test_what_was_acknowledged_is_on_disk(
    start_collector: StartCollector, jaeger: Jaeger, percent: str
) -> None:
    """Without Jaeger, a Collector killed the moment it has acknowledged loses no failed save and no retry."""
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT=percent)
    jaeger.process.kill()
    with sending_to(collector.grpc) as sender:
        failed = [sender.save(codes=("SlowDown",), outcome="failed") for _ in range(100)]
        retries = [sender.save(savetrace_previous_trace_id=trace_id) for trace_id in failed]
        sender.flush()
        collector.process.kill()
    collector.process.start()
    jaeger.process.start()
    jaeger.wait_for(dict.fromkeys(failed, 3))
    jaeger.wait_for_saves(retries)


def kill_and_restart(part: Jaeger | Collector, traffic: Traffic) -> None:
    """Kill one, let saves be made without it, start it, let saves be made with it."""
    part.process.kill()
    traffic.wait_for(100)
    part.process.start()
    traffic.wait_for(100)


def kill_both(jaeger: Jaeger, collector: Collector, traffic: Traffic) -> None:
    """Kill Jaeger, then the Collector that holds what Jaeger did not take; start both."""
    jaeger.process.kill()
    traffic.wait_for(100)
    collector.process.kill()
    traffic.wait_for(50)
    collector.process.start()
    traffic.wait_for(50)
    jaeger.process.start()
    traffic.wait_for(100)
