"""The built wheel, and fresh virtual environments that have it and nothing else of this checkout.

Versions are those of requirements.lock. What the wheel asks for stays in the cache folder, installed, from
run to run; a fresh environment begins as a copy of that, into which pip installs the wheel.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_savetrace.demo.processes import base_environment
from tests.fixture_once import kept, made_once

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements.lock"
APP_REQUIREMENTS = ("flask", "boto3", "gunicorn")
"""What an app that saves to S3 has of its own."""

CLI = "[cli]"
"""The extra with the command line."""

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
    return _installation(folder_of_run / "app", wheel, "", *APP_REQUIREMENTS)


@pytest.fixture(scope="session")
def cli_installation(wheel: Path, folder_of_run: Path) -> Installation:
    """What `pip install otel-savetrace[cli]` gives."""
    return _installation(folder_of_run / "cli", wheel, CLI)


def _installation(folder: Path, wheel: Path, extra: str = "", *others: str) -> Installation:
    def fill(folder: Path) -> None:
        copy_of_dependencies(folder, wheel, extra, *others)
        # Bytecode is made of what is imported, when it is.
        install([*pip_of(folder), "--no-compile", f"{wheel}{extra}", *others])

    return Installation(made_once(folder, fill))


def copy_of_dependencies(folder: Path, wheel: Path, extra: str = "", *others: str) -> None:
    """Make an environment with what the wheel and `others` ask for in `folder`, but for the wheel itself."""

    def fill(folder: Path) -> None:
        install([sys.executable, "-m", "venv", "--without-pip", folder])
        install([*pip_of(folder), f"{wheel}{extra}", *others])
        install([*pip_of(folder, "uninstall"), "--yes", "otel-savetrace"])

    made_of = (LOCK.read_text(), _asks_for(wheel), extra, *others)
    whole = kept("dependencies", f"wheel{extra}", made_of, fill)
    shutil.copytree(whole, folder, symlinks=True, ignore=lambda *_: ["whole"], copy_function=_link)
    for program in (folder / "bin").iterdir():
        if program.is_file() and not program.is_symlink():
            _name_folder(program, whole, folder)


def _asks_for(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return "\n".join(line for line in lines if line.startswith(("Requires-", "Provides-Extra")))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another file system
        shutil.copy2(source, target)


def _name_folder(program: Path, before: Path, now: Path) -> None:
    """Have a program name the folder that it stands in now; the file that it is a link to stays as it is."""
    said, mode = program.read_bytes(), program.stat().st_mode
    program.unlink()
    program.write_bytes(said.replace(os.fsencode(before), os.fsencode(now)))
    program.chmod(mode)


def pip_of(folder: Path, command: str = "install") -> list[str | Path]:
    """Begin a command of the tests' own pip for the environment in `folder`: a pip in each takes seconds."""
    constraint: list[str | Path] = ["--constraint", LOCK] if command == "install" else []
    return [sys.executable, "-m", "pip", "--python", folder, command, "--quiet", *constraint]


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
