"""Virtual environments with what people have beside otel-savetrace, kept in the cache folder.

pip makes each of what it is for, in the versions of ``tests/beside/<name>.lock``, and of what otel-savetrace
asks for: where the two do not go together, pip refuses and the tests fail. otel-savetrace itself is this
checkout's, on PYTHONPATH, so that an environment that is kept never changes.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.fixture_once import kept
from tests.fixture_wheel import APP_REQUIREMENTS, CHECKOUT, Installation, install

INSTRUMENTATIONS = ("urllib3", "threading", "logging", "psycopg2")
_OF_THEIR_OWN = tuple(f"opentelemetry-instrumentation-{name}" for name in INSTRUMENTATIONS)

DISTRIBUTIONS = {
    "open": ("opentelemetry-distro", *_OF_THEIR_OWN),
    "elastic": ("elastic-opentelemetry", *_OF_THEIR_OWN),
    "aws": ("aws-opentelemetry-distro",),  # brings the instrumentations
}
"""What each environment is for."""

_LOCKS = CHECKOUT / "tests" / "beside"
_OF_THE_APP = (*APP_REQUIREMENTS, "psycopg2-binary")

Beside = Callable[[str], Installation]
"""Gives the environment of that name, made first where it has to be."""


@pytest.fixture(scope="session")
def overlay(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel: a folder for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("overlay")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def beside(overlay: Path) -> Beside:
    """Give environments by name."""
    (ours,) = metadata.distributions(name="otel-savetrace", path=[str(overlay)])
    needed = [requirement for requirement in ours.requires or () if "extra ==" not in requirement]
    return lambda name: _kept(name, (*DISTRIBUTIONS[name], *_OF_THE_APP, *needed))


def _kept(name: str, requirements: tuple[str, ...]) -> Installation:
    lock = _LOCKS / f"{name}.lock"
    made_of = (lock.read_text(), *requirements)
    return Installation(kept("beside", name, made_of, lambda folder: _fill(folder, name, lock, requirements)))


def _fill(folder: Path, name: str, lock: Path, requirements: tuple[str, ...]) -> None:
    install([sys.executable, "-m", "venv", folder])
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    install([*pip, "install", "--quiet", "--constraint", lock, *requirements])
    if name == "elastic":  # as README says: it bears the names of Elastic's own
        install([*pip, "uninstall", "--quiet", "--yes", "opentelemetry-distro"])
