"""Run with ``python -m benchmarks.capture [--rounds N] [--saves N] [--turn N] [--memory SAVES]``.

One gunicorn worker a variant; the workers are given saves in turns, so that a machine that slows down slows
all of them. CPU is the worker's own: every thread, exporter included, up to the moment at which its spans
were handed over. Printed are microseconds a request, ratios to no tracing, and what we add as a share of what
plain OpenTelemetry adds: the median of the rounds and, in brackets, their quartiles.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.capture.in_flight import in_flight
from benchmarks.capture.retries import retries
from benchmarks.capture.spent import Spent, measure
from benchmarks.capture.starting import starting
from benchmarks.capture.workers import (
    CONTENT,
    FORGETFUL,
    IN_PAGES,
    NONE,
    OURS,
    PLAIN,
    TO_A_FILE,
    store,
    workers,
)

VARIANTS = [NONE, NONE, PLAIN, OURS, TO_A_FILE, FORGETFUL, IN_PAGES]
KINDS = {"save": "a save", "retried": "a save with three retries", "other": "a request that is no save"}
LEVELLED = 1_000
"""Saves after which a worker's memory is taken to be level."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--saves", type=int, default=200, help="a round and variant")
    parser.add_argument("--turn", type=int, default=20, help="saves in a row before the next variant's turn")
    parser.add_argument(
        "--memory", type=int, default=0, metavar="SAVES", help="how memory stands after so many"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, store(Path(made)) as port:
        if chosen.memory:
            _print_memory(chosen.memory, port, Path(made))
            return
        print(
            f"CPU, {chosen.rounds} rounds of {chosen.saves}, {len(CONTENT):,} bytes each; median (quartiles)"
        )
        for kind in KINDS:
            _say(f"measuring {KINDS[kind]} …")
            with workers(VARIANTS, port, Path(made)) as running:
                _print_spent(KINDS[kind], measure(running, kind, chosen.rounds, chosen.saves, chosen.turn))
    print()
    retries()
    in_flight()
    starting()


def _print_spent(title: str, spent: Spent) -> None:
    print(f"\n{title:26}{'µs of CPU':>22}{'to no tracing':>20}{'slowest of 100':>18}")
    for variant, cpu in spent.cpu.items():
        ratios = [one / none for one, none in zip(cpu, spent.cpu[NONE], strict=True)]
        slowest = f"{spent.slowest(variant) * 1000:.2f} ms"
        print(f"{variant:26}{_spread(cpu, 0):>22}{_spread(ratios, 2):>20}{slowest:>18}")
    share, low, high = spent.share()
    print(f"OpenTelemetry adds {_spread(spent.added(PLAIN, NONE), 0)} µs to no tracing,")
    added = _spread(spent.added(OURS, PLAIN), 0)
    print(f"otel-savetrace {added} µs to that: {share:.2f} ({low:.2f}-{high:.2f}),")
    tail = spent.slowest(OURS) / spent.slowest(PLAIN)
    print(f"and its slowest of 100 take {tail:.2f} of the time of OpenTelemetry's", flush=True)


def _print_memory(saves: int, port: int, folder: Path) -> None:
    print(f"MB of memory of a worker after {LEVELLED:,} and after {saves:,} saves")
    with workers([PLAIN, OURS], port, folder) as running:
        for variant, worker in running.items():
            _say(f"measuring {variant} …")
            worker.send("save", LEVELLED)
            before = worker.used()["bytes"] / 1e6
            worker.send("save", saves - LEVELLED)
            print(f"{variant:26}{before:10.1f}{worker.used()['bytes'] / 1e6:10.1f}", flush=True)


def _spread(values: list[float], digits: int) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
