"""The script that ships is what its sources make, small, and of this version."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from otel_savetrace.demo.processes import base_environment
from tests.browser.conftest import SCRIPT, SOURCES

BUDGET = 30_000
"""Bytes, gzipped."""


@pytest.fixture(scope="module")
def workshop(node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with the packages beside them."""
    folder = tmp_path_factory.mktemp("browser") / "browser"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(node_packages)
    return folder


def _run(workshop: Path, *command: str | Path) -> str:
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(  # noqa: S603 - node, and what package-lock.json names
        [node, *command], cwd=workshop, env=base_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_building_it_again_gives_the_same_bytes(workshop: Path) -> None:
    """Nobody edits the built file, or forgets to build it: `npm run build` in `browser/` writes it."""
    _run(workshop, "build.mjs", workshop / "built.js")
    assert (workshop / "built.js").read_bytes() == SCRIPT.read_bytes()


def test_its_types_are_right(workshop: Path) -> None:
    """TypeScript's strict check finds nothing."""
    assert _run(workshop, "node_modules/typescript/bin/tsc", "--project", "tsconfig.json") == ""


def test_it_ships(wheel: Path) -> None:
    """Whoever installs the package has it."""
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("otel_savetrace/browser/savetrace.js") == SCRIPT.read_bytes()


def test_it_is_small() -> None:
    """Every page of the app pays for it."""
    assert len(gzip.compress(SCRIPT.read_bytes(), 9)) <= BUDGET


def test_it_is_of_this_version() -> None:
    """What its spans say made them is the version of the package that it ships in."""
    version = json.loads((SOURCES / "package.json").read_text())["version"]
    assert version == metadata.version("otel-savetrace")
    assert SCRIPT.read_text().startswith(f"/* otel-savetrace {version}, ")


def test_its_packages_are_pinned_and_from_no_place() -> None:
    """Each package is named by its version and hash, and by no registry's address."""
    lock = (SOURCES / "package-lock.json").read_text()
    assert not re.search(r"https?://", re.sub(r'"url": "[^"]*"', "", lock))
    wanted = json.loads((SOURCES / "package.json").read_text())
    pinned = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert all(re.fullmatch(r"[0-9.]+", version) for version in pinned.values())
    installed = json.loads(lock)["packages"]
    assert all("integrity" in found for name, found in installed.items() if name)
