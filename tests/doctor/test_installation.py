"""Whether it is installed, and what OpenTelemetry finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.doctor import installation, loading, trial
from otel_savetrace.doctor.examination import examine
from otel_savetrace.doctor.exporter import exporter
from otel_savetrace.doctor.findings import Finding
from tests.doctor.asking import ENTRY_POINTS, answered, asking, only, point

QUESTIONS = [("", (installation.installed, loading.switched_off, loading.switched_on, trial.trial_save))]


def found(variables: dict[str, str], **named: Any) -> list[Finding]:
    """Ask real children whether it is loaded."""
    asked = asking(variables, **named)
    return [finding for group in examine(asked, QUESTIONS) for finding in group.findings]


def test_a_python_without_it_is_told(tmp_path: Path) -> None:
    """Of a Python that has no otel-savetrace that is said, once, and how to name another."""
    failed = only(found({}, python=getattr(sys, "_base_executable", ""), folder=tmp_path))
    assert (failed.state, failed.said.split()[-3:]) == ("failure", ["has", "no", "otel-savetrace"])
    assert "--python" in failed.todo


def test_a_python_that_is_none_is_told(tmp_path: Path) -> None:
    """Where there is no such program, that is the one line."""
    failed = only(found({}, python=str(tmp_path / "python")))
    assert failed.said.endswith(f"cannot be run: {os.strerror(2)}")


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
    last = list(installation.installed(asked))[-1]
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
    failed = only(installation.installed(answered(distributions={"entry_points": points})))
    assert (failed.state, "opentelemetry_post_instrument" in failed.said) == ("failure", True)
