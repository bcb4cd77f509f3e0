"""How often a condition is claimed where nothing that was recorded makes saves fail, among forty decoys.

Run with ``python -m benchmarks.diagnosis.chance [--seeds N] [--saves N]``. Each world of
`tests.analysis.worlds` is made anew for each seed, and the report's verdicts on it are asked for. Printed for
each world: the share of crowds of which a false condition was claimed, with the interval in which it may lie,
how many had any, and CPU seconds. A false claim in fewer than 5 % of the crowds is what was promised.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from otel_savetrace.analysis.shares import percent, share
from tests.analysis.planted import verdicts
from tests.analysis.worlds import WORLDS, World


def main() -> None:
    """Ask each world's crowds, and print what was claimed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200, help="crowds of each world")
    parser.add_argument("--saves", type=int, default=300, help="saves of each crowd, retries not counted")
    chosen = parser.parse_args()
    for world in WORLDS:
        _ask(world, chosen.seeds, chosen.saves)


def _ask(world: World, seeds: int, saves: int) -> None:
    began = time.process_time()
    false, any_claimed, attributes = 0, 0, Counter[str]()
    for seed in range(seeds):
        claimed = [one.condition.attribute for one in verdicts(world.saves(seed, saves)) if one.condition]
        untrue = [name for name in claimed if name not in world.true]
        any_claimed += bool(claimed)
        false += bool(untrue)
        attributes.update(untrue)
    print(
        f"{world.name}: false {percent(share(false, seeds))}; claimed at all {any_claimed} of {seeds};",
        end="",
    )
    print(f" {time.process_time() - began:.0f} s of CPU {dict(attributes.most_common(5)) or ''}", flush=True)


if __name__ == "__main__":
    main()
