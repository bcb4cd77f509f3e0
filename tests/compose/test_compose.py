"""docker-compose.yml, run as it is: a save fails, is tried again, and both are found."""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import Any

import pytest

from tests.fixture_docker import Compose

ONE_SHOT = {"volumes"}
PROMETHEUS_TARGETS = 3
POLL_SECONDS = 1.0
LOOKED_AT_BY_ANOTHER = {"collector": "collector-health"}


@pytest.fixture
def described(compose_program: Any) -> dict[str, Any]:
    """Read the file with Compose; no engine is needed for that."""
    services: dict[str, Any] = Compose(compose_program).configuration()["services"]
    return services


def test_only_loopback_is_published(described: dict[str, Any]) -> None:
    """Every published port is bound to 127.0.0.1."""
    published = [port for service in described.values() for port in service.get("ports", [])]
    assert published
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_images_are_pinned_and_looked_after(described: dict[str, Any]) -> None:
    """Every image has a version, every service that stays has a health check or a neighbour that looks."""
    for name, service in described.items():
        tag = service["image"].rpartition(":")[2]
        assert any(character.isdigit() for character in tag), f"{name} runs {service['image']}"
        looked_at = described[LOOKED_AT_BY_ANOTHER.get(name, name)]
        assert name in ONE_SHOT or "healthcheck" in looked_at, f"nobody looks whether {name} is well"


class Stage:
    """The running services, asked from inside."""

    def __init__(self, compose: Compose) -> None:
        self.compose = compose

    def visit(self, *arguments: str) -> Any:
        """Run visitor.py in the app's container; give the JSON that it prints."""
        return json.loads(
            self.compose("exec", "-T", "app", "python", "/checkout/tests/compose/visitor.py", *arguments)
        )

    def let_bucket_be_written(self, allowed: bool) -> None:
        """Take the S3 server the right to write to the bucket's folder, or give it back."""
        mode = "755" if allowed else "555"
        self.compose("exec", "-T", "--user", "root", "s3", "chmod", mode, "/s3/data/storymaps")

    def found(self, **attributes: str) -> set[str]:
        """Give the trace ids that Jaeger finds."""
        tags = {name.replace("_", ".", 1): value for name, value in attributes.items()}
        query = urllib.parse.urlencode(
            {"service": "storymap", "lookback": "1h", "limit": 100, "tags": json.dumps(tags)}
        )
        return {
            trace["traceID"] for trace in self.visit("get", f"http://jaeger:16686/api/traces?{query}")["data"]
        }

    def wait_for_figure(self, query: str, number: int) -> None:
        """Return once Prometheus answers `number` to `query`; fail after a minute."""
        url = f"http://prometheus:9090/api/v1/query?query={urllib.parse.quote(query)}"
        deadline = time.monotonic() + 60
        while True:
            result = self.visit("get", url)["data"]["result"]
            if [series["value"][1] for series in result] == [str(number)]:
                return
            assert time.monotonic() < deadline, f"{query}: {result}"
            time.sleep(POLL_SECONDS)

    def wait_for_monitor(self) -> None:
        """Return once Jaeger's monitor page has a rate of calls for the app; fail after a minute."""
        url = "http://jaeger:16686/api/metrics/calls?service=storymap&lookback=600000&step=5000"
        deadline = time.monotonic() + 60
        while not self.visit("get", url)["metrics"]:
            assert time.monotonic() < deadline, "Jaeger got no figures from Prometheus"
            time.sleep(POLL_SECONDS)

    def wait_for_found(self, number: int, **attributes: str) -> set[str]:
        """Give the trace ids once there are `number`; fail after a minute."""
        deadline = time.monotonic() + 60
        while len(found := self.found(**attributes)) != number:
            assert time.monotonic() < deadline, f"{attributes}: {len(found)} found, not {number}"
            time.sleep(POLL_SECONDS)
        return found


@pytest.mark.long
def test_file_runs_unchanged(compose: Compose) -> None:
    """A save fails and works when tried again; Jaeger, killed and back, and Prometheus know of both."""
    compose("up", "--detach", "--wait", "--pull", "never", seconds=300)
    stage = Stage(compose)
    stage.let_bucket_be_written(False)
    assert "error" in stage.visit("save", "basic-plan")
    stage.let_bucket_be_written(True)
    assert stage.visit("save", "basic-plan") == {"id": "basic-plan"}
    failed = stage.wait_for_found(1, savetrace_outcome="failed")
    assert failed < stage.wait_for_found(2, storymap_id="basic-plan")
    stage.wait_for_figure('sum(traces_span_metrics_calls_total{savetrace_outcome="failed"})', 1)
    stage.wait_for_figure("sum(up)", PROMETHEUS_TARGETS)
    stage.wait_for_monitor()
    compose("kill", "jaeger", "collector")
    stage.visit("save", "while-both-are-gone")
    compose("start", "--wait", "jaeger", "collector")
    stage.wait_for_found(1, storymap_id="while-both-are-gone")
    assert failed == stage.found(savetrace_outcome="failed")
