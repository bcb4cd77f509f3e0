"""Real forks: a child keeps neither its parent's lock nor its slots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fixture_script import RunScript


@pytest.fixture(scope="module")
def forked(run_script: RunScript, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was found after a process was killed in a save, while a child that it forked lived on."""
    folder: Path = tmp_path_factory.mktemp("in-flight")
    return run_script("tests.capture.in_flight.scripts.forking", arguments=(str(folder),))


def test_a_child_does_not_keep_its_dead_parents_lock(forked: Any) -> None:
    """The parent's save is told, once, though a child with all that it inherited still lives."""
    assert forked["told"] == [["forks"]]


def test_a_child_has_a_file_of_its_own(forked: Any) -> None:
    """The child's file is another one, and is not taken as long as it lives."""
    assert forked["files"] == 2
    assert forked["left"] == [forked["of the child"]]
