"""The built wheel, and fresh virtual environments that have it and nothing else of this checkout.

Versions are those of requirements.lock; pip's own cache makes a second run fast.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_savetrace.demo.processes import base_environment
from tests.fixture_once import made_once

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements.lock"
APP_REQUIREMENTS = ("flask", "boto3", "gunicorn")
"""What an app that saves to S3 has of its own."""

_INSTALL_SECONDS = 240.0
_RUN_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Installation:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        """Where its distributions stand."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.folder / "bin" / name

    def run(
        self, program: str, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs to the end, outside the checkout, and return what it said."""
        return subprocess.run(  # noqa: S603 - a program of this environment
            [self.program(program), *arguments],
            env={**base_environment(), **(environment or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def wheel(folder_of_run: Path) -> Path:
    """The wheel, built as for a release: from a source distribution of the checkout."""
    build: list[str | Path] = [sys.executable, "-m", "build", CHECKOUT, "--outdir"]
    folder = made_once(folder_of_run / "wheel", lambda folder: install([*build, folder]))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def base_installation(wheel: Path, folder_of_run: Path) -> Installation:
    """What `pip install otel-savetrace` gives."""
    return _installation(folder_of_run / "base", wheel)


@pytest.fixture(scope="session")
def app_installation(wheel: Path, folder_of_run: Path) -> Installation:
    """What an app has that did `pip install otel-savetrace`."""
    return _installation(folder_of_run / "app", wheel, *APP_REQUIREMENTS)


@pytest.fixture(scope="session")
def cli_installation(wheel: Path, folder_of_run: Path) -> Installation:
    """What `pip install otel-savetrace[cli]` gives."""
    return _installation(folder_of_run / "cli", f"{wheel}[cli]")


def _installation(folder: Path, *requirements: str | Path) -> Installation:
    """Make an environment in `folder` with the pip of the tests' own: to copy pip into each takes seconds."""

    def fill(folder: Path) -> None:
        install([sys.executable, "-m", "venv", "--without-pip", folder])
        # Bytecode is made of what is imported, when it is.
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", folder, "install"]
        install([*pip, "--quiet", "--no-compile", "--constraint", LOCK, *requirements])

    return Installation(made_once(folder, fill))


def install(command: list[str | Path]) -> None:
    """Run a command that installs something; the test fails with what it said where it fails."""
    done = installing(command)
    assert done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{done.stdout}"


def installing(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a command that installs something, and return how it ended and what it said."""
    # The user's own environment: it is where pip's index, cache and certificates are set.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(  # noqa: S603 - this Python's own tools
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
