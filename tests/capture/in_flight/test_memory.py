"""Workers that the kernel kills for memory, and the count that it keeps of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.memory_kills import MemoryKills
from otel_savetrace.capture.in_flight.missing_spans import OUT_OF_MEMORY, WORKER_KILLED
from tests.capture.in_flight.watching import RECORDED, from_record
from tests.eventually import eventually
from tests.fixture_app import GREEDY, StartApp

_ROOM_BYTES = 300_000_000

_LIMITS = {"memory.events": "memory.max", "memory.oom_control": "memory.limit_in_bytes"}
"""By where a cgroup counts, where it is limited."""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup below this process's own that limits memory, gone after the test; skips where none can be."""
    path = MemoryKills().path
    if path is None:
        pytest.skip("this process is in no cgroup that counts memory")
    made = path.parent / f"savetrace-test-{os.getpid()}"
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error.strerror}")
    try:
        limit = made / _LIMITS[path.name.removesuffix(".local")]
        if not limit.exists():
            pytest.skip("cgroups below this process's own do not limit memory")
        limit.write_text(str(_ROOM_BYTES))
        yield made
    finally:
        # The kernel lets go of the dead when their parent has waited for them.
        eventually(lambda: _removed(made), "an empty cgroup")


def _removed(cgroup: Path) -> bool | None:
    with contextlib.suppress(OSError):
        cgroup.rmdir()
        return True
    return None


def _processes(master: int) -> list[int]:
    told = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [master, *map(int, told.split())]


def test_a_worker_killed_for_memory_is_told_with_the_reason(start_app: StartApp, cgroup: Path) -> None:
    """The save in which a worker took more memory than there is failed for that; its object is stored."""
    app = start_app(RECORDED, app=GREEDY, options=("--workers", "1"))
    for process in _processes(app.process.pid):
        (cgroup / "cgroup.procs").write_text(str(process))
    assert b"200 OK" in app.exchange("POST", "/save/small", b"{}")
    assert app.exchange("POST", "/render/large", b"{}") == b""
    save = eventually(lambda: from_record(app), "the save's span")
    app.stop()
    assert save.attributes[attribute.ERROR_CODE] == WORKER_KILLED
    assert save.attributes[attribute.KILLED_BY] == OUT_OF_MEMORY
    assert save.attributes[attribute.STORED] == attribute.YES
    assert save.attributes[attribute.DOING] == "in the app"


@pytest.mark.parametrize(
    ("own", "file", "content"),
    [
        ("0::/app.slice/web.service", "app.slice/web.service/memory.events.local", "oom 3\noom_kill 2\n"),
        ("0::/", "memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"),
        (
            "4:cpu:/x\n2:memory:/docker/1\n0::/",
            "memory/docker/1/memory.oom_control",
            "under_oom 0\noom_kill 2",
        ),
        ("2:memory:/docker/1", "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2"),
    ],
    ids=["version 2", "version 2, in a container", "version 1", "version 1, in a container"],
)
def test_the_count_is_found_where_the_kernel_keeps_it(
    tmp_path: Path, own: str, file: str, content: str
) -> None:
    """Both versions of cgroups, at their own path or where a container has its part mounted."""
    counted = tmp_path / "cgroup" / file
    counted.parent.mkdir(parents=True)
    counted.write_text(content)
    (tmp_path / "own").write_text(own)
    kills = MemoryKills(tmp_path / "own", tmp_path / "cgroup")
    assert kills.count() == 2
    assert kills.cgroup


def test_where_nobody_counts_nothing_is_claimed(tmp_path: Path) -> None:
    """Without cgroups there is no cgroup and no count."""
    kills = MemoryKills(tmp_path / "own", tmp_path)
    assert (kills.cgroup, kills.count()) == ("", 0)
