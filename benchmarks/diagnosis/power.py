"""How many failures it takes to name what they have in common: the power, by kind of condition.

Run with ``python -m benchmarks.diagnosis.power [--seeds N] [--failures N …]``. Each condition of
`tests.analysis.planted` is planted in crowds of about so many failures, among twenty decoys. Printed for each
kind and number: in how many crowds the right condition was named, in how many none, in how many a wrong one.
A bound is right where hardly any save lies between it and the true one.
"""

from __future__ import annotations

import argparse
from collections import Counter

from tests.analysis.planted import KINDS, Planted, is_right, verdicts


def main() -> None:
    """Plant each condition at each number of failures, and print what was named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="crowds of each kind and number")
    parser.add_argument(
        "--failures", type=int, nargs="+", default=[8, 20, 60, 300], help="failures of a crowd"
    )
    chosen = parser.parse_args()
    print(f"{'right, none, wrong':48}" + "".join(f"{failures:>14}" for failures in chosen.failures))
    for planted in KINDS:
        told = [_told(planted, failures, chosen.seeds) for failures in chosen.failures]
        print(f"{planted.name:48}" + "".join(f"{one:>14}" for one in told), flush=True)


def _told(planted: Planted, failures: int, seeds: int) -> str:
    counted = Counter(_named(planted, failures, seed) for seed in range(seeds))
    return ", ".join(str(counted[word]) for word in ("right", "none", "wrong"))


def _named(planted: Planted, failures: int, seed: int) -> str:
    saves = planted.incident(seed, failures)
    found = next((verdict.condition for verdict in verdicts(saves)), None)
    if found is None:
        return "none"
    return "right" if is_right(planted, found, saves) else "wrong"


if __name__ == "__main__":
    main()
