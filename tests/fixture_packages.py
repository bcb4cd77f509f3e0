"""Packages in other versions than the environment's, or not in it at all, each set in a folder of its own.

Such a folder goes before the environment's own packages on PYTHONPATH. pip fills it once; it stays in the
cache folder that the real servers are kept in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixture_once import kept
from tests.fixture_real_parts import missing
from tests.fixture_wheel import installing

Packages = Callable[[tuple[str, ...]], Path]
"""Gives a folder that holds just these requirements, each ``name==version``, without what they ask for."""


@pytest.fixture(scope="session")
def packages() -> Packages:
    """Give folders of packages."""
    return _folder_of


def _folder_of(requirements: tuple[str, ...]) -> Path:
    return kept("packages", requirements[0], requirements, lambda folder: _install(folder, requirements))


def _install(folder: Path, requirements: tuple[str, ...]) -> None:
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    done = installing([*pip, "--quiet", "--no-deps", "--no-compile", "--target", folder, *requirements])
    if done.returncode:
        *_, reason = done.stdout.strip().splitlines() or [""]
        missing(f"This test needs {' '.join(requirements)}, which pip could not install: {reason}")
