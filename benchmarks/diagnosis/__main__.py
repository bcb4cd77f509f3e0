"""Run with ``python -m benchmarks.diagnosis [--seed SEED] [--only WORDS] [--keep FOLDER]``.

Plays every incident through the real capture path, asks `savetrace report --json`, and prints how often it
named the cause and the condition, what it claimed that was not so, and what ranking attributes by the
difference of their shares would have said of the same saves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from benchmarks.diagnosis.incident import Incident
from benchmarks.diagnosis.incidents import ALL
from benchmarks.diagnosis.judge import Score, judge
from benchmarks.diagnosis.naive import Guesses
from benchmarks.diagnosis.play import play
from otel_savetrace.commands.group import savetrace


def main() -> None:
    """Play, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", default="diagnosis")
    parser.add_argument("--only", default="", help="incidents whose name holds these words")
    parser.add_argument("--keep", type=Path, help="keep the spans here, or take those kept")
    chosen = parser.parse_args()
    total, guesses = Score(), Guesses()
    incidents = [one for one in ALL if chosen.only in one.name]
    print(f"{'incident':44}{'saves':>7}{'failed':>7}  verdict")
    for incident in incidents:
        with tempfile.TemporaryDirectory() as made:
            files = _files(incident, chosen.keep or Path(made), chosen.seed)
            report = _report(files)
            score, wrong = judge(incident, report)
            total += score
            guesses.guess(incident, files)
            saves = report["saves"]
            right = "right" if not wrong else "; ".join(wrong)
            print(f"{incident.name:44}{saves['total']:7,}{saves['failed']:7,}  {right}", flush=True)
    _print_total(total, guesses, len(incidents))


def _files(incident: Incident, folder: Path, seed: str) -> list[Path]:
    within = folder / incident.name.replace(" ", "-")
    held = sorted(within.glob("*.jsonl"))
    if held:
        return held
    within.mkdir(parents=True, exist_ok=True)
    return play(incident, within, seed)


def _report(files: list[Path]) -> dict[str, Any]:
    result = CliRunner().invoke(savetrace, ["report", *map(str, files), "--json"])
    if result.exit_code or result.exception:
        sys.exit(f"savetrace report failed: {result.output}{result.exception!r}")
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def _print_total(total: Score, guesses: Guesses, incidents: int) -> None:
    print(f"\n{incidents} incidents; target: cause 95 %, condition 90 %")
    print(f"cause named            {_share(total.causes_found, total.causes)}")
    print(f"condition named        {_share(total.conditions_found, total.conditions)}")
    print(f"causes named wrongly   {total.false_causes}")
    print(f"conditions claimed that were not so   {_share(total.false_conditions, total.claims)}")
    print("ranking attributes by the difference of their shares, its first:")
    print(f"condition named        {_share(guesses.right, guesses.conditions)}")
    print(f"the same without consequences of failing   {_share(guesses.right_without, guesses.conditions)}")


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.0%})" if whole else "")


if __name__ == "__main__":
    main()
