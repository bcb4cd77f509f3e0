"""CPU and memory of `savetrace report --json`, beside only parsing the same bytes with orjson, and DuckDB.

Run with ``python -m benchmarks.report SEED [--spans N …]``; SEED is the ``spans.jsonl`` that ``savetrace demo
--saves 200 --keep FOLDER`` leaves. Each figure is of a process of its own: CPU seconds of all its threads,
imports included, and megabytes held at most. DuckDB only counts the lines that `read_json` has made columns
of; its figure is left out with ``--no-duckdb``.

The report is held against `orjson.loads` line by line as anybody would write it, and beside that without
Python's garbage collector, which the report does without as well.

Measured on two cores of an AMD EPYC (Python 3.11, Linux, one or two other processes at work):

| spans | bytes | report | orjson | orjson, no gc | `read_json` |
|---|---|---|---|---|---|
| 1 M, 301,502 saves, 7,362 failed | 2.3 GB | 31.6 s, 627 MB | 23.5 s | 17.4 s | 34.5 s, 1,433 MB |
| 10 M | 22.7 GB | 204.9 s, 869 MB | 230.9 s | | |

so the report takes 1.3 times orjson at a million, 1.8 times without the collector, and less than ten times
that at ten, where it is below orjson: what is looked at closely is bounded. That takes five seconds however
little there is beside it: a hundred thousand spans (226 MB) took 7.1 s, three times orjson.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.report.making import make
from benchmarks.spending import REPORT, spending_of

ORJSON = "import orjson, sys\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)"
ORJSON_ALONE = f"import gc; gc.disable()\n{ORJSON}"
DUCKDB = (
    "import duckdb, sys\nprint(duckdb.execute(\"SELECT count(columns(*)) FROM read_json(?, format = 'nd',"
    ' maximum_object_size = 100000000)", [sys.argv[1]]).fetchall())'
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seed", type=Path)
    parser.add_argument("--spans", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--no-duckdb", action="store_true")
    given = parser.parse_args()
    ways = {"orjson": ORJSON, "no gc": ORJSON_ALONE, "DuckDB": DUCKDB, "report": REPORT}
    if given.no_duckdb:
        del ways["DuckDB"]
    print(f"{'spans':>12}{'MB':>8}  {'':8}{'CPU s':>8}{'x orjson':>10}{'MB held':>9}")
    for wanted in given.spans:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spans.jsonl"
            spans = make(given.seed, path, wanted)
            least = 0.0
            for name, program in ways.items():
                seconds, megabytes, *_ = spending_of(program, str(path))
                least = least or seconds
                size = path.stat().st_size / 1e6
                told = (
                    f"{spans:12,}{size:8,.0f}  {name:8}{seconds:8.1f}{seconds / least:10.1f}{megabytes:9,.0f}"
                )
                print(told, flush=True)


if __name__ == "__main__":
    main()
