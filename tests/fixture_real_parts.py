"""Programs of the real servers: present, or built, or the test is skipped with what to install.

In CI (environment variable ``CI``) nothing is skipped: a missing real part is an error there.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from otel_savetrace.demo import binaries
from otel_savetrace.demo.nginx import program_of
from otel_savetrace.demo.processes import base_environment
from otel_savetrace.errors import RealPartError


def missing(reason: str) -> NoReturn:
    """Skip the test for `reason`, which says what to install; in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def debian_program(name: str, package: str) -> Path:
    """Find the program `name` of a Debian package; in CI install the package where it is not there."""
    found = program_of(name)
    if found is None and os.environ.get("CI"):
        install_debian([package])
        found = program_of(name)
    if found is None:
        missing(f"There is no {name}: `apt-get install {package}`, or put {name} on PATH.")
    return found


def install_debian(packages: Iterable[str]) -> None:
    """Install Debian packages, one process of the tests after the other."""
    environment = {**base_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["/usr/bin/apt-get", "install", "-y", "--no-install-recommends", *packages]
    folder = binaries.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "apt-get.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([apt[0], "update"], env=environment, check=True)  # noqa: S603 - Debian's own program
        subprocess.run(apt, env=environment, check=True)  # noqa: S603 - packages that tests name


def _program(name: str) -> Path:
    try:
        return binaries.find(name)
    except RealPartError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def jaeger_program() -> Path:
    """Find Jaeger v2."""
    return _program("jaeger")


@pytest.fixture(scope="session")
def otelcol_program() -> Path:
    """Find the OpenTelemetry Collector with the components that the shipped layers name."""
    return _program("otelcol")


@pytest.fixture(scope="session")
def s3_program() -> Path:
    """Find an S3 server: ``versitygw``, or SeaweedFS's ``weed`` where there is no Go."""
    return _program("versitygw")
