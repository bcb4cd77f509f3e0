"""docker-compose.yml, running: a Docker engine, images made from local programs, Docker Compose."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from otel_savetrace.demo import binaries
from otel_savetrace.demo.processes import base_environment
from otel_savetrace.errors import RealPartError
from tests.compose.engine import Engine
from tests.compose.images import images, write
from tests.fixture_once import made_once
from tests.fixture_real_parts import install_debian, missing

ROOT = Path(__file__).parent.parent
COMPOSE_MODULE = Path(__file__).parent / "compose"
PACKAGES = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "busybox": "busybox-static",
    "prometheus": "prometheus",
}
"""Debian packages by the program that is needed of each."""


@dataclasses.dataclass(frozen=True)
class Compose:
    """Docker Compose with the repository's docker-compose.yml, unchanged."""

    program: Path
    socket_file: Path | None = None

    def __call__(self, *arguments: str, seconds: float = 120) -> str:
        """Run a subcommand and give its output; the test fails with what it said when it fails."""
        environment = base_environment()
        if self.socket_file is not None:
            environment["DOCKER_HOST"] = f"unix://{self.socket_file}"
        done = subprocess.run(  # noqa: S603 - the program under test
            [self.program, "--file", ROOT / "docker-compose.yml", *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.fail(f"docker compose {' '.join(arguments)}: {done.stderr}\n{self._logs(environment)}")
        return done.stdout

    def configuration(self) -> dict[str, Any]:
        """Give the file as Compose understands it."""
        read: dict[str, Any] = json.loads(self("config", "--format", "json"))
        return read

    def _logs(self, environment: dict[str, str]) -> str:
        return subprocess.run(  # noqa: S603 - the program under test
            [self.program, "--file", ROOT / "docker-compose.yml", "logs", "--tail", "15"],
            env=environment, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip


@pytest.fixture(scope="session")
def compose_program() -> Path:
    """Build Docker Compose."""

    def without_go() -> NoReturn:
        raise RealPartError("Docker Compose cannot be built: install Go 1.26 or later (https://go.dev/dl).")

    try:
        return binaries.build(
            "docker-compose", "github.com/docker/compose/v5/cmd", COMPOSE_MODULE,
            usual="1 minute", without_go=without_go,
        )  # fmt: skip
    except RealPartError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def engine_programs() -> dict[str, Path]:
    """Find, in CI install, what a Docker engine and the images need."""
    if sys.platform != "linux" or os.geteuid() != 0:
        missing("The test of docker-compose.yml starts a Docker engine of its own: run it on Linux, as root.")
    absent = sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})
    if absent and os.environ.get("CI"):
        install_debian(absent)
    elif absent:
        missing(
            f"The test of docker-compose.yml needs more programs: `apt-get install -y {' '.join(absent)}`."
        )
    return {program: Path(shutil.which(program) or program) for program in PACKAGES}


@pytest.fixture
def compose(
    compose_program: Path,
    engine_programs: dict[str, Path],
    jaeger_program: Path,
    otelcol_program: Path,
    s3_program: Path,
) -> Iterator[Compose]:
    """Give Compose on an engine that has every image that docker-compose.yml names, and nothing running."""
    programs = {
        **engine_programs, "jaeger": jaeger_program, "otelcol": otelcol_program, "versitygw": s3_program,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="savetrace-") as name:
        folder = Path(name)
        engine = Engine(folder)
        compose = Compose(compose_program, engine.socket_file)
        made = images(programs, demo_wheels())
        with engine.process:
            for image in sorted(
                {service["image"] for service in compose.configuration()["services"].values()}
            ):
                repository = image.rpartition(":")[0]
                write(made[repository], folder / "root.tar")
                engine.add_image(image, folder / "root.tar", made[repository].changes)
            try:
                yield compose
            finally:
                compose("down", "--volumes", "--timeout", "3")


def demo_wheels() -> Path:
    """Give a folder with the wheels that ``pip install .[demo]`` asks for, fetched where it is not there."""
    needs = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()[:16]
    folder = binaries.cache_folder() / "wheels" / f"{sys.implementation.cache_tag}-{needs}"
    return made_once(folder, _fetch)


def _fetch(wheels: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        venv = Path(name) / "venv"
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)  # noqa: S603 - this very Python
        subprocess.run(  # noqa: S603 - its pip; the user's environment says where packages come from
            [venv / "bin" / "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", wheels,
             "hatchling>=1.27", f"{ROOT}[demo]"],
            check=True,
        )  # fmt: skip
    for own in wheels.glob("otel_savetrace*"):
        own.unlink()
