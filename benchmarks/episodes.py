"""What it takes to pair millions of saves with their retries: CPU, time and memory, and how that grows.

Run with ``python -m benchmarks.episodes [--saves N …]``. Each size has a process of its own. A story is four
saves of one thing by one user, 15 s apart, some hundred stories at any moment; of every fifth the second save
fails and the third is its retry, half of them known by a cookie; every tenth failure died before it knew user
and thing. Printed for each size: CPU seconds of all threads, seconds, megabytes held at most, and the share
of the retries that were found.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import resource
import time

import duckdb

from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.analysis.pairing import make_table, pair_table

STORIES = """
INSERT INTO saves
WITH saved AS (
    SELECT
        story, number,
        story % 5 = 0 AND number = 1 AS failed,
        story % 5 = 0 AND number = 2 AS retried,
        story % 50 = 0 AND number = 1 AS died_early
    FROM range($1::BIGINT // 4) AS stories(story), range(4) AS numbers(number)
)
SELECT
    printf('%032x', story * 4 + number),
    printf('%016x', story * 4 + number),
    1795521600000000000 + story * 150000000 + number * 15000000000 AS starts,
    starts + 1000000000 + (hash(story) % 1000000000)::BIGINT,
    CASE WHEN failed THEN 'failed' ELSE 'succeeded' END,
    'yes', 0, story % 3,
    CASE WHEN NOT died_early THEN story % 20000 END,
    story % 7,
    CASE WHEN NOT died_early THEN story END,
    CASE WHEN died_early THEN 0 ELSE 2 END,
    CASE WHEN NOT died_early THEN story END,
    (hash(story) % 100000)::BIGINT,
    CASE WHEN retried AND story % 2 = 0 THEN printf('%032x', story * 4 + 1) END,
    CASE WHEN retried AND story % 2 = 0 THEN printf('%016x', story * 4 + 1) END,
    CASE WHEN retried AND story % 2 = 0 THEN 'cookie' END
FROM saved
"""


@dataclasses.dataclass(frozen=True)
class Spent:
    """What one size took."""

    saves: int
    cpu_seconds: float
    seconds: float
    megabytes: float
    found: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--saves", type=int, nargs="+", default=[1_000_000, 2_000_000, 4_000_000])
    print(f"{'saves':>12}{'CPU s':>8}{'µs a save':>11}{'s':>8}{'MB':>8}{'found':>8}")
    for saves in parser.parse_args().saves:
        spent = _in_a_process_of_its_own(saves)
        print(
            f"{spent.saves:12,}{spent.cpu_seconds:8.1f}{spent.cpu_seconds / spent.saves * 1e6:11.2f}"
            f"{spent.seconds:8.1f}{spent.megabytes:8,.0f}{spent.found:8.3f}",
            flush=True,
        )


def _in_a_process_of_its_own(saves: int) -> Spent:
    spawning = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawning) as pool:
        return pool.submit(_measure, saves).result()


def _measure(saves: int) -> Spent:
    with duckdb.connect() as database:
        database.execute("SET enable_progress_bar = false")
        make_table(database)
        database.execute(STORIES, [saves])
        cpu, began = time.process_time(), time.perf_counter()
        pairing = pair_table(database, WINDOW_SECONDS)
        spent_cpu, spent = time.process_time() - cpu, time.perf_counter() - began
    right = sum(int(one.retry[0], 16) - int(one.previous[0], 16) == 1 for one in pairing.pairs)
    assert right >= 0.97 * len(pairing.pairs)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Spent(saves, spent_cpu, spent, held, right / (saves // 20))


if __name__ == "__main__":
    main()
