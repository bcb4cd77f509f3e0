"""A real OpenTelemetry Collector with the shipped layers."""

from __future__ import annotations

import dataclasses
import http.client
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port
from otel_savetrace.spans.otlp_json import read_path
from otel_savetrace.spans.rows import Span
from tests.fixture_jaeger import Jaeger

ALL_LAYERS = tuple(sorted(path.name for path in (collector_folder() / "config").glob("*.yaml")))
RECEIVING = ("00-receive.yaml", "10-redact.yaml")


@dataclasses.dataclass
class Collector:
    """A running Collector; `grpc` and `http` are the addresses to send OTLP to, `browser` that for pages."""

    process: Process
    grpc: str
    http: str
    span_metrics: str
    archive: Path
    browser: str

    def archived(self) -> tuple[Span, ...]:
        """Read the file archive as the command line does; a line that it cannot read fails the test."""
        reading = read_path(self.archive)
        assert reading.skipped == ()
        return reading.spans

    def metrics(self) -> str:
        """Scrape the span metrics, as Prometheus would."""
        connection = http.client.HTTPConnection(self.span_metrics, timeout=60)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()


class StartCollector(Protocol):
    """Starts a Collector; more than one may run at once."""

    def __call__(
        self, layers: Sequence[str] = ALL_LAYERS, jaeger: Jaeger | None = None, **environment: str
    ) -> Collector:
        """Start it with `layers` of collector/config; `environment` overrides their variables."""


@pytest.fixture
def start_collector(otelcol_program: Path, tmp_path: Path) -> Iterator[StartCollector]:
    """Start Collectors that end with the test."""
    with ExitStack() as stack:

        def start(
            layers: Sequence[str] = ALL_LAYERS, jaeger: Jaeger | None = None, **environment: str
        ) -> Collector:
            folder = tmp_path / f"collector-{free_port()}"
            if jaeger is not None:
                environment["COLLECTOR_JAEGER"] = jaeger.otlp
            collector = make_collector(otelcol_program, folder, layers, environment)
            stack.enter_context(collector.process)
            return collector

        yield start


@pytest.fixture
def collector(start_collector: StartCollector, jaeger: Jaeger) -> Collector:
    """Run a Collector with every shipped layer, sending to the `jaeger` of this test."""
    return start_collector(jaeger=jaeger)


def make_collector(
    program: Path, folder: Path, layers: Sequence[str], environment: dict[str, str]
) -> Collector:
    """Make a Collector, not yet started, with everything of its own in `folder`."""
    grpc, http_port, health, metrics, browser = (f"{LOOPBACK}:{free_port()}" for _ in range(5))
    configuration = collector_folder() / "config"
    process = Process(
        "collector",
        [program, *(part for layer in layers for part in ("--config", configuration / layer))],
        environment={
            **base_environment(),
            "COLLECTOR_OTLP_GRPC": grpc,
            "COLLECTOR_OTLP_HTTP": http_port,
            "COLLECTOR_HEALTH": health,
            "COLLECTOR_SPAN_METRICS": metrics,
            "COLLECTOR_SPAN_METRICS_INTERVAL": "200ms",
            "COLLECTOR_OWN_METRICS_PORT": str(free_port()),
            "COLLECTOR_BROWSER": browser,
            "COLLECTOR_ARCHIVE": str(folder / "archive"),
            "COLLECTOR_QUEUE": str(folder / "queue"),
            **environment,
        },
        folder=folder,
        ready=answers(f"http://{health}/"),
    )
    return Collector(process, grpc, http_port, metrics, folder / "archive", browser)
