"""`savetrace doctor`: against a real Collector and a real Jaeger, as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.commands.refusal import INTERRUPTED
from otel_savetrace.demo.processes import LOOPBACK, base_environment, free_port
from tests.doctor.test_exporter import http_server
from tests.fixture_collector import ALL_LAYERS, Collector, make_collector
from tests.fixture_jaeger import Jaeger, make_jaeger

SAVETRACE = Path(sysconfig.get_path("scripts")) / "savetrace"
ONLY_TRACES = {
    "OTEL_SERVICE_NAME": "storymap",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
NAME = "savetrace doctor: canary"


def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor with these variables and no others of this process."""
    return subprocess.run(  # noqa: S603 - our own program
        [SAVETRACE, "doctor", *words],
        env={**base_environment(), **ONLY_TRACES, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def findings(document: Any) -> dict[str, list[tuple[str, str, str]]]:
    """Give subject, state and sentence of every finding, by question."""
    return {
        question["name"]: [(one["subject"], one["state"], one["said"]) for one in question["findings"]]
        for question in document["questions"]
    }


@pytest.fixture(scope="module")
def way(
    jaeger_program: Path, otelcol_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Collector, Jaeger]]:
    """Run a Collector that keeps a share of one percent only, and the Jaeger behind it."""
    folder = tmp_path_factory.mktemp("way")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", "memory", {})
    environment = {"COLLECTOR_JAEGER": jaeger.otlp, "COLLECTOR_KEEP_PERCENT": "1"}
    collector = make_collector(otelcol_program, folder / "collector", ALL_LAYERS, environment)
    with jaeger.process, collector.process:
        yield collector, jaeger


def test_all_well_from_the_app_to_jaeger(way: tuple[Collector, Jaeger]) -> None:
    """One span goes the way of the app's spans to Jaeger, though that keeps few, and the links are seen."""
    collector, jaeger = way
    ran = run(jaeger.url, "--json", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.grpc}")
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert (document["schema"], document["well"]) == ("savetrace.doctor/1", True)
    found = findings(document)
    ((subject, state, said),) = found["is_the_exporter_reachable"]
    assert (subject, state) == ("exporter", "ok")
    assert said.startswith(f"gRPC to {collector.grpc} took a span in")
    ((subject, state, said),) = found["does_a_span_arrive"]
    assert (subject, state) == ("canary", "ok")
    assert f"a span of storymap is in {jaeger.url}" in said
    (span,) = jaeger.spans(said.partition("(trace ")[2].rstrip(")"))
    assert span["name"] == NAME
    assert ("links", "ok") in [one[:2] for one in found["are_the_links_configured"]]
    assert [one[1] for one in found["is_it_loaded"]] == ["ok", "ok", "ok", "ok"]


def test_all_well_by_the_other_protocol_as_a_picture(way: tuple[Collector, Jaeger]) -> None:
    """Over http/protobuf it is the same, printed in groups, with the source from the environment."""
    collector, jaeger = way
    ran = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.http}", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        SAVETRACE_SOURCE=jaeger.url, COLUMNS="140", GUNICORN_CMD_ARGS="--timeout 1000",
        OTEL_EXPORTER_OTLP_TIMEOUT="60",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    titles = [line for line in ran.stdout.splitlines() if line.strip() and line[0].isalpha()]
    assert [title.strip() for title in titles] == [
        "Is it loaded?",
        "Is the exporter reachable?",
        "Does a span arrive?",
        "Are the links configured?",
        "Versions",
        "Settings",
        "Known to bite",
    ]
    assert f"✓ exporter          http/protobuf to http://{collector.http}/v1/traces took a span" in ran.stdout
    assert f"is in {jaeger.url}" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("✓ All well: ")


def test_a_collector_that_is_down_fails(way: tuple[Collector, Jaeger]) -> None:
    """The exporter fails and says what to do, once; what hangs on it does not, and the exit code is 1."""
    _, jaeger = way
    port = free_port()
    ran = run(jaeger.url, COLUMNS="140", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOOPBACK}:{port}")
    assert ran.returncode == 1
    assert f"✗ exporter          gRPC to {LOOPBACK}:{port}: no connection (Connection refused)" in ran.stdout
    assert "→ start the Collector, or correct the address in OTEL_EXPORTER_OTLP_ENDPOINT" in ran.stdout
    assert "· canary            not looked for: no exporter took it" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("✗ 1 failure")


def test_a_span_that_never_arrives_fails(way: tuple[Collector, Jaeger]) -> None:
    """Taken by one that passes nothing on, it is missed in Jaeger after the time that was given."""
    _, jaeger = way
    with http_server(200) as port:
        ran = run(
            jaeger.url, "--json", "--wait", "0.3", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOOPBACK}:{port}",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_EXPORTER_OTLP_HEADERS="authorization=hedgehog",
        )  # fmt: skip
    assert ran.returncode == 1
    assert "hedgehog" not in ran.stdout
    ((subject, state, said),) = findings(json.loads(ran.stdout))["does_a_span_arrive"]
    assert (subject, state) == ("canary", "failure")
    assert f"/v1/traces took it, and it is not in {jaeger.url} after 300 ms" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-"], "A span cannot be looked for in standard input"),
        (["ftp://jaeger"], "ftp://jaeger cannot be read: give a path, or a Jaeger address"),
        (["--app", "web.py app"], "--app web.py app is not MODULE:APP"),
        (["--gunicorn", "--timeout '3"], '--gunicorn "--timeout \'3" cannot be read: no closing quotation'),
        (["--wait", "0"], "Invalid value for '--wait'"),
    ],
)
def test_bad_use_is_told_and_exits_with_2(words: list[str], said: str) -> None:
    """What cannot be done is said in a sentence before anything is asked."""
    ran = run(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"Error: {said}" in ran.stderr


HANGS = """
import threading
alive = open("alive", "wb")
alive.write(b"x")
alive.flush()
threading.Event().wait()
"""
"""An app whose import does not end; a pipe is open for as long as it lives."""


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C ends it with one word, and the child that it waits for with it."""
    (tmp_path / "hangs.py").write_text(HANGS)
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    nowhere = {"OTEL_TRACES_EXPORTER": "none", "OTEL_SDK_DISABLED": "true"}
    doctor = subprocess.Popen(  # noqa: S603 - our own program
        [str(SAVETRACE), "doctor", "--app", "hangs:app"],
        env={**base_environment(), **ONLY_TRACES, **nowhere}, cwd=tmp_path,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    with alive.open("rb") as pipe:
        assert pipe.read(1) == b"x"
        doctor.send_signal(signal.SIGINT)
        assert pipe.read() == b""
    _, said = doctor.communicate()
    assert (doctor.returncode, said.decode().strip()) == (INTERRUPTED, "Aborted!")
