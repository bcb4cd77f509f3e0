"""The half that runs in the app's environment: what it loads, and how it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_savetrace.doctor.child import UnansweredError
from tests.doctor.asking import asking
from tests.fixture_wheel import Installation
from tests.test_border import NOT_AT_THE_DESK, NOT_IN_THE_APP, loaded_by, modules


def test_it_loads_nothing_of_the_desk() -> None:
    """It runs where the extra [cli] is not installed."""
    names = [*modules("doctor.inside"), "otel_savetrace.doctor.facts"]
    names.remove("otel_savetrace.doctor.inside.__main__")
    assert len(names) > 7
    assert not loaded_by(names) & NOT_IN_THE_APP


def test_the_desks_half_loads_nothing_of_the_app() -> None:
    """It runs where neither the app nor OpenTelemetry's SDK is installed."""
    names = [name for name in modules("doctor") if ".inside" not in name]
    assert len(names) > 10
    assert not loaded_by(names) & NOT_AT_THE_DESK


def test_parts_are_known_though_a_later_one_hangs(tmp_path: Path) -> None:
    """A child that is ended after its time has told what it knew; the rest says why it is not known."""
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")
    environment = asking(folder=tmp_path).environment
    answer = environment.ask(["distributions", "app=hangs"], 2.0, instrumented=False)
    assert "otel-savetrace" in answer.part("distributions")["versions"]
    with pytest.raises(UnansweredError, match="no answer within 2 s"):
        answer.part("app")


def test_a_part_that_breaks_leaves_the_others() -> None:
    """How it broke is told for that part alone."""
    answer = asking().environment.ask(["no such part", "distributions"], 60.0, instrumented=False)
    assert answer.part("distributions")["python"]
    with pytest.raises(UnansweredError, match="KeyError: 'no such part'"):
        answer.part("no such part")


def test_the_apps_python_may_be_another(
    cli_installation: Installation, app_installation: Installation, tmp_path: Path
) -> None:
    """With the command line in one environment and the app in another, --python looks into the app's."""
    variables = {
        "OTEL_SERVICE_NAME": "maps", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none", "OTEL_SAVETRACE_FILE": str(tmp_path / "spans.jsonl"), "COLUMNS": "200",
    }  # fmt: skip
    python = app_installation.program("python")
    said = cli_installation.run("savetrace", "doctor", "--python", python, environment=variables)
    assert (said.returncode, said.stderr) == (0, "")
    assert f"in {python}" in said.stdout
    assert "Flask and botocore are instrumented" in said.stdout
    assert f"a span of maps is in {tmp_path}/spans.jsonl" in said.stdout
    without = cli_installation.run("savetrace", "doctor", environment=variables)
    assert "botocore          it is not installed: storage calls are not recorded" in without.stdout
