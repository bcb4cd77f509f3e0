"""Programs of the real servers: present, or built, or the test is skipped with what to install.

In CI (environment variable ``CI``) nothing is skipped: a missing real part is an error there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from otel_savetrace.demo import binaries
from otel_savetrace.errors import RealPartError


def missing(reason: str) -> NoReturn:
    """Skip the test for `reason`, which says what to install; in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


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
