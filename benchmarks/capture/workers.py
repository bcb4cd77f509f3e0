"""gunicorn workers under measurement, one a variant, and the store that they save to."""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from otel_savetrace.demo.processes import Process, base_environment, free_port, listens

NONE, PLAIN, OURS, TO_A_FILE = "no tracing", "OpenTelemetry", "otel-savetrace", "otel-savetrace to a file"
FORGETFUL, IN_PAGES = "… without saves in flight", "… with browsers"
CONTENT = json.dumps({"slides": ["x" * 100] * 115})
EXPORT_EVERY_MILLISECONDS = 200

_BODY = urllib.parse.urlencode({"content": CONTENT})
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Worker:
    """A worker of one variant and a connection to it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._number = 0

    def send(self, kind: str, requests: int) -> list[float]:
        """Send requests of a kind (``save``, ``retried``, ``other``); returns what each took, in seconds."""
        taken = []
        for _ in range(requests):
            self._number += 1
            began = time.perf_counter()
            if kind == "other":
                self._connection.request("GET", "/other")
            else:
                self._connection.request("POST", f"/{kind}/m{self._number}", _BODY, _FORM)
            answer = self._connection.getresponse()
            answer.read()
            taken.append(time.perf_counter() - began)
            assert answer.status == 200, answer.status
        return taken

    def used(self) -> dict[str, float]:
        """What the worker has used so far: CPU `seconds` of all its threads, `bytes` of memory."""
        self._connection.request("GET", "/used")
        used: dict[str, float] = json.loads(self._connection.getresponse().read())
        return used


@contextmanager
def store(folder: Path) -> Iterator[int]:
    """Run the store; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.capture.store", str(port)]
    with Process("store", command, environment=base_environment(), folder=folder, ready=listens(port)):
        yield port


@contextmanager
def workers(variants: list[str], store_port: int, folder: Path) -> Iterator[dict[str, Worker]]:
    """Run a worker of each variant."""
    with ExitStack() as stack:
        running = {}
        for number, variant in enumerate(variants):
            port = free_port()
            process = Process(
                f"{number}-{variant.replace(' ', '-')}",
                _command(variant, port),
                environment=_environment(variant, store_port, folder),
                folder=folder,
                ready=listens(port),
            )
            stack.enter_context(process)
            running[f"{number}"] = Worker(port)
        yield dict(zip(_named(variants), running.values(), strict=True))


def _named(variants: list[str]) -> list[str]:
    """Name a variant that is there twice ``… again``."""
    return [f"{one} again" if one in variants[:number] else one for number, one in enumerate(variants)]


def _command(variant: str, port: int) -> list[str | Path]:
    programs = Path(sys.executable).parent
    options = ["--worker-class", "gthread", "--threads", "2", "--keep-alive", "600", "--no-control-socket"]
    command: list[str | Path] = [programs / "gunicorn", "--bind", f"127.0.0.1:{port}", *options]
    if variant != NONE:
        command.insert(0, programs / "opentelemetry-instrument")
    return [*command, "benchmarks.capture.app:app"]


def _environment(variant: str, store_port: int, folder: Path) -> dict[str, str]:
    environment = {
        **base_environment(),
        "STORE": f"http://127.0.0.1:{store_port}",
        "PYTHONHASHSEED": "0",
        "OTEL_SERVICE_NAME": "benchmark",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{store_port}",
        "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_EVERY_MILLISECONDS),
        "OTEL_SAVETRACE_ENABLED": str(variant not in (NONE, PLAIN)).lower(),
        "OTEL_SAVETRACE_KEY_PATTERN": "maps/{storymap.user_id}/{storymap.id}/{storymap.file}",
    }
    if variant == TO_A_FILE:
        environment["OTEL_TRACES_EXPORTER"] = "none"
        environment["OTEL_SAVETRACE_FILE"] = str(folder / "spans.jsonl")
    elif variant == FORGETFUL:
        environment["OTEL_SAVETRACE_IN_FLIGHT"] = "off"
    elif variant == IN_PAGES:
        environment |= {"OTEL_SAVETRACE_BROWSER": "on", "OTEL_SAVETRACE_BROWSER_PATH": "/seen"}
    return environment
