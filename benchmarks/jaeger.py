"""What `savetrace report` costs on a real Jaeger that holds many spans, and what it costs that Jaeger.

Run with ``python -m benchmarks.jaeger SEED [--spans N] [--views N] [--jaeger PROGRAM]``; SEED is the
``spans.jsonl`` that ``savetrace demo --saves 200 --keep FOLDER`` leaves. Jaeger, on Badger as shipped, is
filled with so many spans of saves, and views: requests that store nothing. CPU seconds are of all threads,
imports included; megabytes are those held at most. Beside it stands the same report on a file.

Measured on two cores that others used as well (Jaeger 2.13):

- 60,352 spans of 18,190 saves among 240,000 views: 10.9 s of CPU and 286 MB, 5.5 s and 267 MB from a file;
  Jaeger itself 15 s. No view was read.
- 200,432 spans of 60,420 saves, and 200,000 views, all of which are read as saves are half of it: 38 s of CPU
  and 345 MB, 12 s and 328 MB from a file; Jaeger itself 155 s.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report.making import make
from benchmarks.spending import REPORT, spending_of
from otel_savetrace.demo import binaries
from otel_savetrace.demo.processes import LOOPBACK, free_port
from tests.fixture_jaeger import Jaeger, make_jaeger

VIEWS_A_LINE = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seed", type=Path)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--views", type=int, default=0)
    parser.add_argument(
        "--jaeger", type=Path, help="the program, where it is not the one that the tests build"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spans = folder / "spans.jsonl"
        made = make(given.seed, spans, given.spans)
        with _jaeger(given.jaeger or binaries.find("jaeger"), folder) as (jaeger, otlp):
            begins, ends = _fill(otlp, spans, given.views)
            print(f"{made:,} spans of saves, {given.views:,} views, {spans.stat().st_size / 1e6:,.0f} MB")
            times = ["--since", begins, "--until", ends]
            for source in (str(spans), jaeger.url):
                before = _cpu_seconds(jaeger)
                _measure(source, times)
                print(f"{'':14}Jaeger itself: {_cpu_seconds(jaeger) - before:.1f} s of CPU", flush=True)


@contextlib.contextmanager
def _jaeger(program: Path, folder: Path) -> Iterator[tuple[Jaeger, str]]:
    """Run a Jaeger that takes OTLP over HTTP too, which the shipped configuration leaves out."""
    address = f"{LOOPBACK}:{free_port()}"
    layer = folder / "http.yaml"
    layer.write_text(
        f"receivers: {{otlp: {{protocols: {{http: {{endpoint: '{address}', max_request_body_size: 0}}}}}}}}\n"
    )
    jaeger = make_jaeger(program, folder / "jaeger", "badger", {})
    jaeger.process.command += ["--config", str(layer)]
    with jaeger.process:
        yield jaeger, f"http://{address}/v1/traces"


def _fill(otlp: str, spans: Path, views: int) -> tuple[str, str]:
    """Send everything; return the times between which it lies."""
    first, last = 2**63, 0
    with spans.open("rb") as lines:
        for line in lines:
            _send(otlp, line)
            for part in line.split(b'TimeUnixNano":"')[1:]:
                first, last = min(first, int(part[:19])), max(last, int(part[:19]))
    for begun in range(0, views, VIEWS_A_LINE):
        numbers = range(begun, min(begun + VIEWS_A_LINE, views))
        _send(otlp, _views([first + number * (last - first) // views for number in numbers]))
    return _time(first - 10**9), _time(last + 10**9)


def _views(moments: list[int]) -> bytes:
    held = [
        {
            "traceId": secrets.token_hex(16), "spanId": secrets.token_hex(8), "name": "GET /edit/<id>",
            "kind": 2, "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 5_000_000),
            "attributes": [{"key": "http.route", "value": {"stringValue": "/edit/<id>"}}], "status": {},
        }
        for at in moments
    ]  # fmt: skip
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "storymap"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": held}]}]}).encode()


def _send(otlp: str, body: bytes) -> None:
    request = urllib.request.Request(otlp, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        assert answer.status == 200


def _measure(source: str, times: list[str]) -> None:
    cost = spending_of(REPORT, source, *times)
    told = json.loads(cost.printed)
    name = "Jaeger" if "://" in source else "file"
    print(f"{name:14}{cost.cpu_seconds:.1f} s of CPU, {cost.seconds:.1f} s, {cost.megabytes:,.0f} MB held")
    print(f"{'':14}{told['saves']}, of {told['sources'][0]['spans']:,} spans")


def _cpu_seconds(jaeger: Jaeger) -> float:
    fields = Path(f"/proc/{jaeger.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _time(nanoseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9))


if __name__ == "__main__":
    main()
