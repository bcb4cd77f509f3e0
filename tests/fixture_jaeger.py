"""A real Jaeger with the shipped configuration: on Badger or in memory."""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port

Storage = Literal["badger", "memory"]

POLL_SECONDS = 0.1


@dataclasses.dataclass
class Jaeger:
    """A running Jaeger; `otlp` is ``host:port`` for OTLP over gRPC, `url` its page and query API."""

    process: Process
    otlp: str
    url: str

    def get(self, path: str) -> bytes | None:
        """Give the body of the answer to a GET; None when it is 404, which is how nothing found is said."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status == 404:
            return None
        assert response.status == 200, f"GET {path}: {response.status} {body.decode(errors='replace')}"
        return body

    def get_json(self, path: str) -> Any:
        """Give the body of the answer to a GET, read as JSON; None when it is 404."""
        body = self.get(path)
        return None if body is None else json.loads(body)

    def search(self, service: str, attributes: Mapping[str, str], limit: int = 1000) -> set[str]:
        """Give the trace ids that the search page finds for these attributes.

        It asks ``/api/traces``: before 2.19 ``/api/v3`` over HTTP takes no attributes.
        """
        now = time.time_ns() // 1000
        query = {
            "service": service,
            "tags": json.dumps(dict(attributes)),
            "limit": str(limit),
            "start": str(now - 3_600_000_000),
            "end": str(now + 3_600_000_000),
        }
        answer = self.get_json(f"/api/traces?{urllib.parse.urlencode(query)}")
        return {trace["traceID"] for trace in answer["data"]}

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Give the spans of a trace, from ``/api/v3``, as OTLP JSON has them; empty when it is not there."""
        answer = self.get_json(f"/api/v3/traces/{trace_id}")
        if answer is None:
            return []
        return [
            span
            for resource in answer["result"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def wait_for(self, expected: Mapping[str, int], seconds: float = 60.0, *, at_least: bool = False) -> None:
        """Return once each trace has as many spans as `expected` says, or more; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        missing = dict(expected)
        while missing := {
            trace: spans
            for trace, spans in missing.items()
            if (held := len(self.spans(trace))) < spans or (held > spans and not at_least)
        }:
            if time.monotonic() > deadline:
                trace, spans = min(missing.items())
                pytest.fail(
                    f"{len(missing)} of {len(expected)} traces are not whole after {seconds:g} s;"
                    f" {trace} has {len(self.spans(trace))} spans, not {spans}."
                )
            time.sleep(POLL_SECONDS)

    def wait_for_saves(self, trace_ids: Iterable[str], seconds: float = 60.0) -> None:
        """Return once each trace has at least its save, the span without a parent; fail after `seconds`."""
        deadline = time.monotonic() + seconds
        missing = set(trace_ids)
        while missing := {
            trace for trace in missing if all("parentSpanId" in span for span in self.spans(trace))
        }:
            if time.monotonic() > deadline:
                pytest.fail(f"The saves of {len(missing)} traces are missing, {min(missing)} among them.")
            time.sleep(POLL_SECONDS)


class StartJaeger(Protocol):
    """Starts a Jaeger; more than one may run at once."""

    def __call__(self, storage: Storage = "badger", **environment: str) -> Jaeger:
        """Start it on `storage`; `environment` overrides variables of collector/jaeger."""


@pytest.fixture
def start_jaeger(jaeger_program: Path, tmp_path: Path) -> Iterator[StartJaeger]:
    """Start Jaegers that end with the test."""
    with ExitStack() as stack:

        def start(storage: Storage = "badger", **environment: str) -> Jaeger:
            jaeger = make_jaeger(jaeger_program, tmp_path / f"jaeger-{free_port()}", storage, environment)
            stack.enter_context(jaeger.process)
            return jaeger

        yield start


@pytest.fixture
def jaeger(start_jaeger: Callable[[], Jaeger]) -> Jaeger:
    """Run a Jaeger on Badger."""
    return start_jaeger()


def make_jaeger(program: Path, folder: Path, storage: Storage, environment: Mapping[str, str]) -> Jaeger:
    """Make a Jaeger of the shipped configuration, not yet started, with all that is its own in `folder`."""
    configuration = collector_folder() / "jaeger"
    otlp, http_port, health = (f"{LOOPBACK}:{free_port()}" for _ in range(3))
    layers = ["00-jaeger.yaml", f"10-{storage}.yaml"]
    if "JAEGER_PROMETHEUS" in environment:
        layers.append("20-monitor.yaml")
    process = Process(
        "jaeger",
        [program, *(part for layer in layers for part in ("--config", configuration / layer))],
        environment={
            **base_environment(),
            "JAEGER_OTLP_GRPC": otlp,
            "JAEGER_HTTP": http_port,
            "JAEGER_GRPC": f"{LOOPBACK}:{free_port()}",
            "JAEGER_HEALTH": health,
            "JAEGER_OWN_METRICS_PORT": str(free_port()),
            "JAEGER_DATA": str(folder / "data"),
            "JAEGER_UI": str(configuration / "ui.json"),
            **environment,
        },
        folder=folder,
        ready=answers(f"http://{health}/status"),
    )
    return Jaeger(process, otlp, f"http://{http_port}")
