"""Every shipped configuration file is one that the real programs accept, alone and together."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.demo.processes import base_environment
from tests.fixture_collector import ALL_LAYERS, RECEIVING

JAEGER_LAYERS = tuple(sorted(path.name for path in (collector_folder() / "jaeger").glob("*.yaml")))

# What a layer changes, it needs.
COLLECTOR_CHOICES = {
    "20-metrics.yaml": (),
    "30-archive.yaml": (),
    "40-jaeger.yaml": (),
    "50-queue.yaml": ("40-jaeger.yaml",),
    "60-sample.yaml": ("40-jaeger.yaml",),
    "70-front-logs.yaml": ("40-jaeger.yaml", "50-queue.yaml"),
    "80-browser.yaml": ("30-archive.yaml",),
}
JAEGER_CHOICES = [
    ("00-jaeger.yaml", "10-badger.yaml"),
    ("00-jaeger.yaml", "10-memory.yaml"),
    ("00-jaeger.yaml", "10-badger.yaml", "20-monitor.yaml"),
    ("00-jaeger.yaml", "10-memory.yaml", "20-monitor.yaml"),
]


def validate(program: Path, folder: Path, layers: tuple[str, ...], work: Path) -> None:
    """Let the program itself say that these layers, in this order, are a configuration it can run."""
    configuration = [part for layer in layers for part in ("--config", str(folder / layer))]
    done = subprocess.run(  # noqa: S603 - the program under test
        [program, "validate", *configuration],
        env=base_environment(), cwd=work, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("layer", COLLECTOR_CHOICES)
def test_each_collector_layer_stands_on_the_receiving_ones(
    otelcol_program: Path, tmp_path: Path, layer: str
) -> None:
    """A layer works with nothing but the receiving layers and those that it says it needs."""
    layers = (*RECEIVING, *COLLECTOR_CHOICES[layer], layer)
    validate(otelcol_program, collector_folder() / "config", layers, tmp_path)


def test_all_collector_layers_stand_together(otelcol_program: Path, tmp_path: Path) -> None:
    """All layers in the order of their names are one configuration, and none is left untested."""
    assert {*RECEIVING, *COLLECTOR_CHOICES} == set(ALL_LAYERS)
    validate(otelcol_program, collector_folder() / "config", ALL_LAYERS, tmp_path)


@pytest.mark.parametrize("layers", JAEGER_CHOICES, ids="+".join)
def test_jaeger_layers_stand_together(jaeger_program: Path, tmp_path: Path, layers: tuple[str, ...]) -> None:
    """Jaeger runs on either storage, with or without the monitor page."""
    validate(jaeger_program, collector_folder() / "jaeger", layers, tmp_path)


def test_no_jaeger_layer_is_left_untested() -> None:
    """Every file for Jaeger is in one of the combinations tested."""
    assert {layer for layers in JAEGER_CHOICES for layer in layers} == set(JAEGER_LAYERS)


def test_every_layer_gives_its_reason_and_the_readme_names_it() -> None:
    """A layer begins with a comment, and the table in the README has a row for it."""
    readme = (collector_folder() / "README.md").read_text()
    for file in [*(collector_folder() / "config").iterdir(), *(collector_folder() / "jaeger").glob("*.yaml")]:
        assert file.read_text().startswith("# "), f"{file.name} gives no reason"
        assert f"[{file.name}]({file.parent.name}/{file.name})" in readme, f"{file.name} is not in the README"


def test_every_link_of_jaegers_page_stands_in_the_readme() -> None:
    """The README names each link, the attribute that it stands beside, and no other link."""
    readme = (collector_folder() / "README.md").read_text()
    patterns = json.loads((collector_folder() / "jaeger" / "ui.json").read_text())["linkPatterns"]
    rows = re.findall(r"^\|.*\| \*(.*)\* \|", readme, re.MULTILINE)
    assert sorted(rows) == sorted(pattern["text"] for pattern in patterns)
    assert all(f"\n| `{pattern['key']}`" in readme for pattern in patterns if "key" in pattern)


def test_every_variable_listens_on_loopback_by_default_and_stands_in_the_readme() -> None:
    """Nothing listens beyond loopback unless told to, and each variable is in the README with its default."""
    readme = (collector_folder() / "README.md").read_text()
    files = [*(collector_folder() / "config").iterdir(), *(collector_folder() / "jaeger").glob("*.yaml")]
    for file in files:
        text = file.read_text()
        for variable, default in re.findall(r"\$\{env:(\w+):-([^}]*)\}", text):
            assert f"`{variable}` | `{default}`" in readme, f"{variable} ({file.name})"
        for endpoint in re.findall(r"(?:endpoint|host): (.*)", text):
            assert "127.0.0.1" in endpoint, f"{file.name}: {endpoint}"
