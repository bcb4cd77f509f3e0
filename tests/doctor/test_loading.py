"""Whether it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.demo.processes import base_environment
from otel_savetrace.doctor import loading
from otel_savetrace.doctor.examination import examine
from otel_savetrace.doctor.exporter import exporter
from otel_savetrace.doctor.findings import Finding
from tests.doctor.asking import ENTRY_POINTS, answered, asking, one_part, only, point, told

NOWHERE = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}

WRAPPED = """
from botocore.awsrequest import AWSConnection
from botocore.endpoint import Endpoint
print(Endpoint._get_response.__module__, hasattr(Endpoint._get_response, "__wrapped__"),
      hasattr(AWSConnection._send_output, "__wrapped__"))
"""


QUESTIONS = [("", (loading.installed, loading.switched_off, loading.switched_on, loading.trial_save))]


def found(variables: dict[str, str], **named: Any) -> list[Finding]:
    """Ask real children whether it is loaded."""
    asked = asking({**NOWHERE, **variables}, **named)
    return [finding for group in examine(asked, QUESTIONS) for finding in group.findings]


def switched(variables: dict[str, str]) -> list[Finding]:
    """Ask a real child what is switched on; what is installed is known already."""
    asked = asking({**NOWHERE, **variables})
    asked.__dict__["plain"] = answered().plain
    return [finding for group in examine(asked, QUESTIONS) for finding in group.findings]


def test_what_is_loaded_is_said_to_be() -> None:
    """Behind opentelemetry-instrument everything is in place, as botocore's own methods show there."""
    said = found({})
    assert [(one.subject, one.state) for one in said] == [
        ("installed", "ok"),
        ("OpenTelemetry", "ok"),
        ("otel-savetrace", "ok"),
        ("trial save", "ok"),
    ]
    assert said[1].said == "Flask and botocore are instrumented"
    ran = subprocess.run(  # noqa: S603 - our own Python
        [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, "-c", WRAPPED],
        env={**base_environment(), **NOWHERE}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["botocore.endpoint", "True", "True"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_SAVETRACE_ENABLED": "off"}, "OTEL_SAVETRACE_ENABLED=off: otel-savetrace does nothing"),
        ({"OTEL_SDK_DISABLED": "True"}, "OTEL_SDK_DISABLED=True: OpenTelemetry makes no spans"),
        (
            {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis, botocore"},
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS names botocore: storage calls are not recorded",
        ),
    ],
)
def test_what_is_switched_off_is_told_once(variables: dict[str, str], said: str) -> None:
    """Whatever switches something off is one failure, that names the variable."""
    assert [one.said for one in switched(variables) if one.state == "failure"] == [said]


def test_why_opentelemetry_did_not_start_is_told() -> None:
    """An exporter that does not exist keeps OpenTelemetry from starting: the failure says so."""
    failed = only(one for one in switched({"OTEL_TRACES_EXPORTER": "jagger"}) if one.state == "failure")
    assert failed.subject == "OpenTelemetry"
    assert "it failed to start: RuntimeError: Requested component 'jagger' not found" in failed.said


def test_a_python_without_it_is_told(tmp_path: Path) -> None:
    """Of a Python that has no otel-savetrace that is said, once, and how to name another."""
    failed = only(found({}, python=getattr(sys, "_base_executable", ""), folder=tmp_path))
    assert (failed.state, failed.said.split()[-3:]) == ("failure", ["has", "no", "otel-savetrace"])
    assert "--python" in failed.todo


def test_a_python_that_is_none_is_told(tmp_path: Path) -> None:
    """Where there is no such program, that is the one line."""
    failed = only(found({}, python=str(tmp_path / "python")))
    assert failed.said.endswith(f"cannot be run: {os.strerror(2)}")


NOTHING = {"saves": 0, "calls": 0, "attempts": 0, "outcome": "", "header_bytes": 0}

AWS = point("aws_distro", "amazon.opentelemetry")
ELASTIC = point("distro", "elasticotel.distro")
PLAIN = point("distro", "opentelemetry.distro")


@pytest.mark.parametrize(
    ("distributions", "chosen", "state", "said", "todo"),
    [
        ([PLAIN], "", "ok", "", ""),
        ([AWS, PLAIN], "", "warning", "here aws_distro", "set OTEL_PYTHON_DISTRO"),
        ([AWS, PLAIN], "distro", "ok", "", ""),
        ([ELASTIC, PLAIN], "distro", "warning", "here elasticotel.distro", "pip uninstall"),
        ([AWS, PLAIN], "elastic", "failure", "OTEL_PYTHON_DISTRO=elastic names none", "what brings elastic"),
    ],
)  # fmt: skip
def test_several_distributions_want_a_choice(
    distributions: list[dict[str, str]], chosen: str, state: str, said: str, todo: str
) -> None:
    """Which one goes first is told where no variable chooses, or none can, as both have one name."""
    points = {**ENTRY_POINTS, "opentelemetry_distro": distributions}
    asked = answered({"OTEL_PYTHON_DISTRO": chosen}, distributions={"entry_points": points})
    last = list(loading.installed(asked))[-1]
    assert last.state == state
    assert said in last.said
    assert todo in last.todo


def test_no_distribution_is_told_once() -> None:
    """Without one OpenTelemetry starts nothing: one failure, though no span is made and none is sent."""
    points: dict[str, Any] = {**ENTRY_POINTS, "opentelemetry_distro": [], "opentelemetry_configurator": []}
    nothing = {"takes_processors": False, "switched_on": False, "provider": "ProxyTracerProvider"}
    asked = answered(distributions={"entry_points": points}, loading=nothing)
    findings = [one for group in examine(asked, [*QUESTIONS, ("", (exporter,))]) for one in group.findings]
    assert [(one.subject, one.todo[:32]) for one in findings if one.state == "failure"] == [
        ("distribution", "pip install opentelemetry-distro")
    ]


def test_a_missing_entry_point_is_a_failure() -> None:
    """Without its entry point OpenTelemetry never finds it."""
    points: dict[str, Any] = {**ENTRY_POINTS, "opentelemetry_post_instrument": []}
    failed = only(loading.installed(answered(distributions={"entry_points": points})))
    assert (failed.state, "opentelemetry_post_instrument" in failed.said) == ("failure", True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"opentelemetry": False}, ("OpenTelemetry", "failure", "opentelemetry-instrument did not start it")),
        (
            {"takes_processors": False, "switched_on": False, "provider": "NoOpTracerProvider"},
            ("OpenTelemetry", "failure", "its tracer provider (NoOpTracerProvider) takes no span processor"),
        ),
        (
            {"switched_on": False},
            ("otel-savetrace", "failure", "it is not switched on behind opentelemetry-instrument"),
        ),
        (
            {"flask": "not instrumented"},
            ("Flask", "failure", "OpenTelemetry has not instrumented it: saves are not recorded"),
        ),
        ({"flask": "not installed"}, ("Flask", "warning", "it is not installed: saves are not recorded")),
        ({"processor": False}, ("otel-savetrace", "failure", "the span processor is missing")),
        ({"call_hooks": False}, ("otel-savetrace", "failure", "the hook on storage calls is missing")),
        ({"request_watch": False}, ("otel-savetrace", "failure", "the watch on requests is missing")),
        (
            {"caught": ["KeyError when a call ends"]},
            ("otel-savetrace", "warning", "it caught an error of its own: KeyError when a call ends"),
        ),
        (
            {"seams": [{"place": "A.b", "carries": "bytes sent", "in_place": False}]},
            (
                "otel-savetrace",
                "warning",
                "A.b is not in this version of its library: bytes sent cannot be told",
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_not_in_place_is_named(facts: dict[str, Any], expected: tuple[str, str, str]) -> None:
    """Each part that is missing is a line of its own."""
    said = told(loading.switched_on(answered(loading=facts)))
    assert expected in said
    assert len([state for _, state, _ in said if state != "ok"]) == 1


def test_a_configuration_file_is_told() -> None:
    """With OTEL_CONFIG_FILE variables do not say where spans go, and that is said."""
    noted = only(loading.switched_off(answered({"OTEL_CONFIG_FILE": "/etc/otel.yaml"})))
    assert (noted.state, noted.said.partition(":")[0]) == ("note", "/etc/otel.yaml")


def test_a_trial_save_is_counted_as_its_store_counts_it(tmp_path: Path) -> None:
    """A real save is recorded whole, whatever is set, its head to the byte, and nothing of it is exported."""
    file = tmp_path / "spans.jsonl"
    variables = {
        **NOWHERE, "OTEL_SAVETRACE_FILE": str(file), "OTEL_SAVETRACE_KEYS": "none", "http_proxy": "http://no",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0",
        "OTEL_BSP_SCHEDULE_DELAY": "1",
    }  # fmt: skip
    facts = one_part("trial", variables, tmp_path, instrumented=True)
    assert (facts["status"], facts["outcome"]) == (200, "succeeded")
    assert (facts["saves"], facts["calls"], facts["attempts"]) == (1, 1, 1)
    assert facts["header_bytes"] == facts["header_bytes_received"] > 500
    assert file.read_text() == ""


@pytest.mark.parametrize(
    ("facts", "sampler", "state", "said"),
    [
        ({}, "AlwaysOnSampler", "ok", "its attempt with 829 of 829 header bytes"),
        ({"attempts": 0, "header_bytes": 0}, "AlwaysOnSampler", "failure", "0 attempts, 0 of 829 header"),
        ({"header_bytes": 830}, "AlwaysOnSampler", "failure", "830 of 829 header bytes"),
        ({"saves": 1, "outcome": ""}, "AlwaysOnSampler", "failure", "1 save (no outcome)"),
        (NOTHING, "ParentBased{root:AlwaysOnSampler}", "failure", "though the sampler drops nothing"),
        (NOTHING, "AlwaysOffSampler", "note", "the sampler (AlwaysOffSampler) drops it"),
    ],
)  # fmt: skip
def test_a_trial_save_that_is_not_whole_is_told(
    facts: dict[str, Any], sampler: str, state: str, said: str
) -> None:
    """What of it is missing is a failure, unless the sampler drops it on purpose."""
    found = only(loading.trial_save(answered(trial=facts, loading={"sampler": sampler})))
    assert found.state == state
    assert said in found.said


@pytest.mark.parametrize("facts", [{"switched_on": False}, {"flask": "not instrumented"}])
def test_without_what_is_switched_on_no_save_is_tried(facts: dict[str, Any]) -> None:
    """Why nothing can be recorded is told elsewhere."""
    assert list(loading.trial_save(answered(loading=facts))) == []
