"""The real Collector and Jaeger, under the configuration that production uses."""

from __future__ import annotations

import dataclasses
import json
import urllib.parse
from pathlib import Path

from otel_savetrace.analysis.jaeger_page import comparison_address
from otel_savetrace.demo import binaries
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port

_JAEGER_LAYERS = ("00-jaeger.yaml", "10-memory.yaml")


@dataclasses.dataclass(frozen=True)
class Backend:
    """Jaeger and the Collector before it, in the order in which they are to be started.

    `otlp` takes spans over gRPC; `page` is Jaeger's address for a browser and for `savetrace`.
    """

    jaeger: Process
    collector: Process
    otlp: str
    page: str

    def search_page(self, service: str, **attributes: str) -> str:
        """Return the address of Jaeger's search for the service's traces that have the attributes."""
        query = {
            "service": service,
            "lookback": "1h",
            "limit": "20",
            "tags": json.dumps(attributes, separators=(",", ":")),
        }
        return f"{self.page}/search?{urllib.parse.urlencode(query)}"

    def trace_page(self, trace_id: str, span_id: str) -> str:
        """Return the address of Jaeger's page of a trace, with one of its spans found."""
        return f"{self.page}/trace/{trace_id}?uiFind={span_id}"

    def comparison_page(self, failed: str, retry: str) -> str:
        """Return the address of Jaeger's comparison of two traces."""
        return comparison_address(self.page, failed, retry)


def backend(folder: Path, *, announce: binaries.Announce) -> Backend:
    """Return a Collector and a Jaeger, in memory, that keep what they write in `folder`.

    Raises `RealPartError` where one is not there and cannot be built; `announce` hears of builds.
    """
    programs = {name: binaries.find(name, announce=announce) for name in ("jaeger", "otelcol")}
    configuration = binaries.collector_folder()
    otlp, page, to_jaeger = (f"{LOOPBACK}:{free_port()}" for _ in range(3))
    jaeger_health, collector_health = free_port(), free_port()
    jaeger = Process(
        "jaeger",
        _command(programs["jaeger"], [configuration / "jaeger" / layer for layer in _JAEGER_LAYERS]),
        environment={
            **base_environment(),
            "HOME": str(folder),
            "JAEGER_OTLP_GRPC": to_jaeger,
            "JAEGER_HTTP": page,
            "JAEGER_GRPC": f"{LOOPBACK}:{free_port()}",
            "JAEGER_HEALTH": f"{LOOPBACK}:{jaeger_health}",
            "JAEGER_OWN_METRICS_PORT": str(free_port()),
            "JAEGER_UI": str(configuration / "jaeger" / "ui.json"),
        },
        folder=folder,
        ready=answers(f"http://{LOOPBACK}:{jaeger_health}/status"),
    )
    collector = Process(
        "collector",
        _command(programs["otelcol"], sorted((configuration / "config").glob("*.yaml"))),
        environment={
            **base_environment(),
            "HOME": str(folder),
            "COLLECTOR_OTLP_GRPC": otlp,
            "COLLECTOR_OTLP_HTTP": f"{LOOPBACK}:{free_port()}",
            "COLLECTOR_HEALTH": f"{LOOPBACK}:{collector_health}",
            "COLLECTOR_OWN_METRICS_PORT": str(free_port()),
            "COLLECTOR_SPAN_METRICS": f"{LOOPBACK}:{free_port()}",
            "COLLECTOR_BROWSER": f"{LOOPBACK}:{free_port()}",
            "COLLECTOR_ARCHIVE": str(folder / "archive"),
            "COLLECTOR_QUEUE": str(folder / "queue"),
            "COLLECTOR_JAEGER": to_jaeger,
        },
        folder=folder,
        ready=answers(f"http://{LOOPBACK}:{collector_health}/"),
    )
    return Backend(jaeger, collector, f"http://{otlp}", f"http://{page}")


def _command(program: Path, layers: list[Path]) -> list[str | Path]:
    command: list[str | Path] = [program]
    for layer in layers:
        command += ["--config", layer]
    return command
