"""What takes long to make is made once, by whichever of the tests' processes comes first; the others wait."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import rmtree

import pytest

from otel_savetrace.demo.binaries import cache_folder


@pytest.fixture(scope="session")
def folder_of_run(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for what all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    # pytest-xdist gives each of its workers a folder within that of the run.
    return own.parent if hasattr(pytestconfig, "workerinput") else own


def made_once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """Return `folder`, which `fill` makes unless that was done before; what it left half done is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole"
    with folder.with_name(f"{folder.name}.lock").open("wb") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # its end lets go of it
        if not whole.exists():
            rmtree(folder, ignore_errors=True)
            fill(folder)
            whole.touch()
    return folder


def kept(folder: str, name: str, made_of: Iterable[str], fill: Callable[[Path], object]) -> Path:
    """Return the folder `name` in `folder` of the cache folder, which stays there for the runs to come.

    `fill` makes it, once for what it is `made_of`, this Python and this kind of machine.
    """
    all_of_it = (sys.version, sys.base_prefix, platform.machine(), *made_of)
    fingerprint = hashlib.sha256("\0".join(all_of_it).encode()).hexdigest()[:16]
    return made_once(cache_folder() / folder / f"{name}-{fingerprint}", fill)
