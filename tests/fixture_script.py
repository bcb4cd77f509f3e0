"""Python programs of this project's tests, run in a process of their own and asked for what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.demo.processes import base_environment
from tests.fixture_wheel import CHECKOUT

_RUN_SECONDS = 60.0

RunScript = Callable[..., Any]
"""`run_script(module, *folders, arguments=(), said="")`: runs a module and returns what it found."""


def _run(
    module: str,
    *folders: Path,
    arguments: Sequence[str] = (),
    said: str = "",
) -> Any:
    """Run a module of the tests, with `folders` before all other packages, and return what it found.

    It prints one line of JSON, and nothing else to standard output; whatever else than `said` it says on
    standard error fails the test.
    """
    path = os.pathsep.join(map(str, (*folders, CHECKOUT)))
    done = subprocess.run(  # noqa: S603 - this Python, and a module of the tests
        [sys.executable, "-m", module, *arguments],
        env={**base_environment(), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_RUN_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, said), f"{module} said:\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def run_script() -> RunScript:
    """Run modules of the tests."""
    return _run
