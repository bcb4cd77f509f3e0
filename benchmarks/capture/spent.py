"""CPU and time that requests of a kind take, variant by variant, in turns."""

from __future__ import annotations

import dataclasses
import statistics
import time

from benchmarks.capture.workers import EXPORT_EVERY_MILLISECONDS, NONE, OURS, PLAIN, Worker


@dataclasses.dataclass
class Spent:
    """What each variant spent: CPU in microseconds a request, a figure a round; seconds of every request."""

    cpu: dict[str, list[float]]
    taken: dict[str, list[float]]

    def added(self, variant: str, to: str) -> list[float]:
        """Return the CPU that `variant` added to another, round by round, in microseconds a request."""
        return [one - other for one, other in zip(self.cpu[variant], self.cpu[to], strict=True)]

    def share(self) -> tuple[float, float, float]:
        """Return what we add to OpenTelemetry as a share of what it adds itself: median and quartiles."""
        base = statistics.median(self.added(PLAIN, NONE))
        low, middle, high = statistics.quantiles(self.added(OURS, PLAIN), n=4)
        return middle / base, low / base, high / base

    def slowest(self, variant: str) -> float:
        """Return the time, in seconds, that one request of a hundred exceeds."""
        return statistics.quantiles(self.taken[variant], n=100)[98]


def measure(running: dict[str, Worker], kind: str, rounds: int, requests: int, turn: int) -> Spent:
    """Give each worker `requests` a round, in turns of `turn`, after one turn to warm up.

    A machine that slows down slows all of them. What a worker's exporter spends while others have their turn
    counts, too: a round ends when the last spans have left.
    """
    spent = Spent({name: [] for name in running}, {name: [] for name in running})
    for worker in running.values():
        worker.send(kind, turn)
    for _ in range(rounds):
        before = {name: worker.used()["seconds"] for name, worker in running.items()}
        for _ in range(requests // turn):
            for name, worker in running.items():
                spent.taken[name] += worker.send(kind, turn)
        time.sleep(3 * EXPORT_EVERY_MILLISECONDS / 1000)  # the last spans leave by the exporter's own clock
        for name, worker in running.items():
            used = worker.used()["seconds"] - before[name]
            spent.cpu[name].append(used / (requests // turn * turn) * 1e6)
    return spent
