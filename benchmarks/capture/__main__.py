"""Run with ``python -m benchmarks.capture [--rounds N] [--saves N] [--turn N]``.

Every round starts one gunicorn worker a variant, warms it, and gives the workers saves in turns, so that a
machine that slows down slows all of them. CPU is the worker's own: every thread, exporter included, up to
the moment at which its spans were handed over. Printed are microseconds a save and ratios to no tracing and
to plain OpenTelemetry: the median of the rounds, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
import urllib.parse
from contextlib import ExitStack
from pathlib import Path

from otel_savetrace.demo.processes import Process, base_environment, free_port, listens

VARIANTS = ("no tracing", "no tracing again", "OpenTelemetry", "otel-savetrace", "otel-savetrace to a file")
CONTENT = json.dumps({"slides": ["x" * 100] * 115})
EXPORT_EVERY_MILLISECONDS = 200


def _environment(variant: str, store: int, folder: Path) -> dict[str, str]:
    environment = {
        **base_environment(),
        "STORE": f"http://127.0.0.1:{store}",
        "PYTHONHASHSEED": "0",
        "OTEL_SERVICE_NAME": "benchmark",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{store}",
        "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_EVERY_MILLISECONDS),
        "OTEL_SAVETRACE_ENABLED": str("savetrace" in variant).lower(),
        "OTEL_SAVETRACE_KEY_PATTERN": "maps/{storymap.user_id}/{storymap.id}/{storymap.file}",
    }
    if variant.endswith("file"):
        environment["OTEL_TRACES_EXPORTER"] = "none"
        environment["OTEL_SAVETRACE_FILE"] = str(folder / "spans.jsonl")
    return environment


def _worker(variant: str, store: int, folder: Path) -> tuple[Process, int]:
    port = free_port()
    programs = Path(sys.executable).parent
    options = ["--worker-class", "gthread", "--threads", "2", "--keep-alive", "600", "--no-control-socket"]
    command: list[str | Path] = [programs / "gunicorn", "--bind", f"127.0.0.1:{port}", *options]
    if not variant.startswith("no"):
        command.insert(0, programs / "opentelemetry-instrument")
    command.append("benchmarks.capture.app:app")
    process = Process(
        variant.replace(" ", "-"),
        command,
        environment=_environment(variant, store, folder),
        folder=folder,
        ready=listens(port),
    )
    return process, port


def _save(connection: http.client.HTTPConnection, saves: int) -> None:
    body = urllib.parse.urlencode({"content": CONTENT})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for number in range(saves):
        connection.request("POST", f"/save/m{number}", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status


def _cpu(connection: http.client.HTTPConnection) -> float:
    connection.request("GET", "/cpu")
    return float(json.loads(connection.getresponse().read())["seconds"])


def _round(store: int, saves: int, turn: int) -> dict[str, float]:
    """Return CPU seconds a save by variant."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        connections = {}
        for variant in VARIANTS:
            process, port = _worker(variant, store, folder)
            stack.enter_context(process)
            connections[variant] = http.client.HTTPConnection("127.0.0.1", port)
            _save(connections[variant], turn)
        before = {variant: _cpu(connection) for variant, connection in connections.items()}
        for _ in range(saves // turn):
            for connection in connections.values():
                _save(connection, turn)
        time.sleep(5 * EXPORT_EVERY_MILLISECONDS / 1000)  # the last spans leave by the exporter's own clock
        return {
            variant: (_cpu(connection) - before[variant]) / (saves // turn * turn)
            for variant, connection in connections.items()
        }


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--saves", type=int, default=1000, help="a round and variant")
    parser.add_argument("--turn", type=int, default=100, help="saves in a row before the next variant's turn")
    chosen = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        store = Process(
            "store",
            [sys.executable, "-m", "benchmarks.capture.store", str(port)],
            environment=base_environment(),
            folder=Path(folder),
            ready=listens(port),
        )
        with store:
            for number in range(chosen.rounds):
                print(f"round {number + 1} of {chosen.rounds} …", file=sys.stderr, flush=True)
                rounds.append(_round(port, chosen.saves, chosen.turn))
    print(f"CPU a save of {len(CONTENT):,} bytes, {chosen.rounds} rounds of {chosen.saves}, median (range)")
    print(f"{'':26}{'µs a save':>20}{'to no tracing':>22}{'to OpenTelemetry':>22}")
    for variant in VARIANTS:
        spent = [one[variant] * 1e6 for one in rounds]
        to_none = [one[variant] / one["no tracing"] for one in rounds]
        to_plain = [one[variant] / one["OpenTelemetry"] for one in rounds]
        print(f"{variant:26}{_spread(spent, 0):>20}{_spread(to_none, 2):>22}{_spread(to_plain, 2):>22}")


if __name__ == "__main__":
    main()
