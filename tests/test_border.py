"""The border between the half in the app and the half at the desk."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import otel_savetrace
from otel_savetrace.demo.processes import base_environment

DESK = ("spans", "logs", "analysis", "report", "commands", "cli")

NOT_IN_THE_APP = {"boto3", "click", "duckdb", "jinja2", "msgspec", "orjson", "platformdirs", "rich"}
"""What capture may not load: it runs in somebody's production app."""

OF_FLASK = {"click", "jinja2"}
"""What the app's own Flask loads, where capture looks at a request."""

NOT_AT_THE_DESK = {"botocore", "boto3", "flask", "grpc", "opentelemetry.sdk", "requests"}
"""What a reader of spans has no need of."""

NOT_IN_ANALYSIS = {*NOT_AT_THE_DESK, "click", "rich"}
"""Pure functions over rows print nothing."""

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
json.dump(sorted(sys.modules), sys.stdout)
"""


def modules(*beginnings: str) -> list[str]:
    """Name every module of ours that stands under one of these names."""
    found = [module.name for module in pkgutil.walk_packages(otel_savetrace.__path__, "otel_savetrace.")]
    wanted = tuple(f"otel_savetrace.{beginning}" for beginning in beginnings)
    return [name for name in found if name in wanted or name.startswith(tuple(f"{one}." for one in wanted))]


def loaded_by(names: list[str]) -> set[str]:
    """Import these modules in a fresh interpreter and say everything that it has loaded then."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", LOADED, *names],
        env=base_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize("name", modules("capture", "config", "attributes", "environment_variables"))
def test_capture_loads_nothing_of_the_desk(name: str) -> None:
    """Whatever is imported into the app brings neither the command line nor any module of the desk."""
    loaded = loaded_by([name])
    assert not loaded & (NOT_IN_THE_APP - (OF_FLASK if "flask" in loaded else set()))
    ours = {module.removeprefix("otel_savetrace.").partition(".")[0] for module in loaded}
    assert not ours & {*DESK}


def test_the_desk_loads_nothing_of_the_app() -> None:
    """Reading, analysing and printing need neither the SDK nor what an app runs on, nor capture."""
    names = modules(*DESK)
    assert len(names) > 20
    loaded = loaded_by(names)
    assert not loaded & NOT_AT_THE_DESK
    assert not [module for module in loaded if module.startswith("otel_savetrace.capture")]


def test_analysis_prints_nothing() -> None:
    """Readers, analysis and JSON do without the extra [cli]."""
    names = [*modules("spans", "logs", "analysis"), "otel_savetrace.report.as_json"]
    assert not loaded_by(names) & NOT_IN_ANALYSIS


def test_nothing_waits_for_scipy_that_does_not_use_it() -> None:
    """No command loads it, nor any module at the desk, before a test is made: it takes half a second."""
    assert not {name for name in loaded_by(modules(*DESK)) if name.startswith("scipy")}
