"""Whether it is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.demo.processes import base_environment
from otel_savetrace.doctor import installation, loading, trial
from otel_savetrace.doctor.examination import examine
from otel_savetrace.doctor.findings import Finding
from tests.doctor.asking import answered, asking, only, told

NOWHERE = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}

WRAPPED = """
from botocore.awsrequest import AWSConnection
from botocore.endpoint import Endpoint
print(Endpoint._get_response.__module__, hasattr(Endpoint._get_response, "__wrapped__"),
      hasattr(AWSConnection._send_output, "__wrapped__"))
"""


QUESTIONS = [("", (installation.installed, loading.switched_off, loading.switched_on, trial.trial_save))]


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
