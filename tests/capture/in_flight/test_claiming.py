"""Files of dead processes: who takes them, how often they are told, and what is left alone."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from otel_savetrace.capture.in_flight.claiming import Claims
from otel_savetrace.capture.in_flight.memory_kills import MemoryKills
from otel_savetrace.capture.in_flight.process_file import ProcessFile
from otel_savetrace.capture.in_flight.record import REASON_AT, Dead
from otel_savetrace.capture.in_flight.slot import Slot, names_section
from otel_savetrace.capture.save import Save

APP, BOOT = "0123456789abcdef", "this boot"
_FILES = 40
_CLAIMERS = 4
_WEEK_SECONDS = 8 * 24 * 60 * 60


class Told:
    """Hears of the dead, as whoever writes their spans does."""

    def __init__(self) -> None:
        self.processes: Counter[int] = Counter()
        self.saves = 0
        self.reasons: list[str | None] = []
        self._lock = threading.Lock()

    def __call__(self, dead: Dead, for_memory: bool) -> bool:
        """Hear of one."""
        with self._lock:
            self.processes[dead.facts["number"]] += 1
            self.saves += len(dead.saves)
            self.reasons.append(dead.reason)
        return True


@pytest.fixture
def told() -> Told:
    """What was told."""
    return Told()


@pytest.fixture
def claims(tmp_path: Path, told: Told) -> Claims:
    """One who looks for dead processes of the app."""
    return Claims(tmp_path, APP, BOOT, MemoryKills(), told, 0.0)


def _file(folder: Path, number: int = 0, app: str = APP, boot: str = BOOT) -> ProcessFile:
    """Make the file of a process that has one save in flight."""
    file = ProcessFile(folder, app, {"boot": boot, "number": number})
    save = Save(TracerProvider().get_tracer("flask").start_span("POST /save"), None)
    Slot(file, file.free.pop(), save, 1, names_section("POST /save", {}))
    return file


def _look(*claims: Claims) -> None:
    """Look, and wait for what is told in a thread."""
    for one in claims:
        one.look()
    for thread in threading.enumerate():
        if thread.name == "savetrace-missing-spans":
            thread.join()


def _of_old(path: Path) -> None:
    then = time.time() - _WEEK_SECONDS
    os.utime(path, (then, then), follow_symlinks=False)


def test_a_process_that_lives_is_left_alone(tmp_path: Path, claims: Claims, told: Told) -> None:
    """As long as its lock is held nobody reads a file, however old it is; then it is told and removed."""
    file = _file(tmp_path)
    _of_old(file.path)
    _look(claims)
    assert told.saves == 0
    file.close()
    _look(claims, claims)
    assert (told.processes, told.saves) == ({0: 1}, 1)
    assert list(tmp_path.iterdir()) == []


def test_one_that_has_just_died_is_left_to_whoever_knows_why(tmp_path: Path, told: Told) -> None:
    """Fresh from its last sign of life a process is not told, until its reason stands in its file."""
    patient = Claims(tmp_path, APP, BOOT, MemoryKills(), told, 3_600.0)
    file = _file(tmp_path)
    file.close()
    assert patient.look()
    _look()
    assert told.saves == 0
    with file.path.open("r+b") as known:
        known.seek(REASON_AT)
        known.write(b"SIGSEGV")
    assert not patient.look()
    _look()
    assert (told.saves, told.reasons) == (1, ["SIGSEGV"])


def test_each_is_told_once_however_many_look(tmp_path: Path, told: Told) -> None:
    """Several look at the same moment, again and again: each dead process is told by one of them, once."""
    for number in range(_FILES):
        _file(tmp_path, number).close()
    together = threading.Barrier(_CLAIMERS)

    def look() -> None:
        claims = Claims(tmp_path, APP, BOOT, MemoryKills(), told, 0.0)
        together.wait()
        for _ in range(3):
            claims.look()

    threads = [threading.Thread(target=look) for _ in range(_CLAIMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _look()
    assert told.processes == dict.fromkeys(range(_FILES), 1)
    assert list(tmp_path.iterdir()) == []


def test_what_stood_before_the_machine_was_started_anew_is_removed_untold(
    tmp_path: Path, claims: Claims, told: Told
) -> None:
    """A record survives restarts, not reboots."""
    _file(tmp_path, boot="the boot before").close()
    _look(claims)
    assert told.saves == 0
    assert list(tmp_path.iterdir()) == []


def test_another_app_tells_its_own(tmp_path: Path, claims: Claims, told: Told) -> None:
    """Another app's save is left to it, unless a week has passed without one of it; never is it told here."""
    path = _file(tmp_path, app="fedcba9876543210")
    path.close()
    for then in (time.time(), time.time() - 3_600):
        os.utime(path.path, (then, then))
        _look(claims)
        assert path.path.exists()
    _of_old(path.path)
    _look(claims)
    assert not path.path.exists()
    assert told.saves == 0


def test_a_dead_process_without_a_save_leaves_no_file_for_long(tmp_path: Path, claims: Claims) -> None:
    """Nobody needs it, of whatever app it was."""
    file = ProcessFile(tmp_path, "fedcba9876543210", {"boot": BOOT})
    file.close()
    _look(claims)
    assert file.path.exists()
    then = time.time() - 3_600
    os.utime(file.path, (then, then))
    _look(claims)
    assert not file.path.exists()


def test_a_file_that_is_being_made_is_no_dead_process(tmp_path: Path, claims: Claims, told: Told) -> None:
    """Under its first name a file is nobody's yet; one that was never finished goes away in time."""
    fresh, old = tmp_path / f".{APP}.fresh", tmp_path / f".{APP}.old"
    for path in (fresh, old):
        path.write_bytes(b"")
    _of_old(old)
    _look(claims)
    assert list(tmp_path.iterdir()) == [fresh]


def _symlink(path: Path, target: Path) -> None:
    path.symlink_to(target)


def _hard_link(path: Path, target: Path) -> None:
    path.hardlink_to(target)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


def _pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _of_another_user(path: Path, target: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path.write_bytes(target.read_bytes())
    os.chown(path, 12_345, 12_345)


@pytest.mark.parametrize("make", [_symlink, _hard_link, _folder, _pipe, _of_another_user])
def test_what_is_not_of_our_making_is_not_touched(
    tmp_path: Path, told: Told, make: Callable[[Path, Path], None]
) -> None:
    """A link, a folder, a pipe and another user's file under a name of ours are neither read nor removed."""
    dead = _file(tmp_path)
    dead.close()
    folder = tmp_path / "in-flight"
    folder.mkdir()
    path = folder / f"{APP}.0"
    make(path, dead.path)
    _look(Claims(folder, APP, BOOT, MemoryKills(), told, 0.0))
    assert told.saves == 0
    assert os.path.lexists(path)


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(400_000)])
def test_a_file_that_cannot_be_read_goes_away(
    tmp_path: Path, claims: Claims, told: Told, content: bytes
) -> None:
    """What bears our name and is no record tells nothing and is removed."""
    (tmp_path / f"{APP}.0").write_bytes(content)
    _look(claims)
    assert told.saves == 0
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_handed_over_is_left_for_others(tmp_path: Path, claims: Claims, told: Told) -> None:
    """Where the one who tells ends before it was done, the next one tells."""
    _file(tmp_path).close()
    _look(Claims(tmp_path, APP, BOOT, MemoryKills(), lambda *_: False, 0.0))
    _look(claims)
    assert told.saves == 1


def test_a_report_that_breaks_is_not_tried_again(tmp_path: Path, announced: set[str]) -> None:
    """An error while spans are written costs these spans, and no other process tries in its turn."""
    announced.add("saves of a dead process are written")

    def broken(*_: Any) -> bool:
        raise LookupError

    _file(tmp_path).close()
    _look(Claims(tmp_path, APP, BOOT, MemoryKills(), broken, 0.0))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "savetrace-missing-spans":
            thread.join()


def _killed(tmp_path: Path, before: int, now: int, dead: int) -> list[bool]:
    """Return what is told of `dead` processes whose cgroup had `before` kills when they lived, now `now`."""
    (tmp_path / "own").write_text("0::/")
    events = tmp_path / "memory.events"
    events.write_text(f"oom_kill {now}\n")
    kills = MemoryKills(tmp_path / "own", tmp_path)
    folder = tmp_path / "in-flight"
    folder.mkdir()
    for number in range(dead):
        file = ProcessFile(folder, APP, {"boot": BOOT, "number": number, "cgroup": kills.cgroup})
        save = Save(TracerProvider().get_tracer("flask").start_span("POST /save"), None)
        Slot(file, file.free.pop(), save, 1, names_section("POST /save", {}))
        file.beat(before)
        file.close()
    reasons: list[bool] = []

    def hear(_: Dead, for_memory: bool) -> bool:
        reasons.append(for_memory)
        return True

    _look(Claims(folder, APP, BOOT, kills, hear, 0.0))
    return reasons


@pytest.mark.parametrize(
    ("before", "now", "dead", "reasons"),
    [(3, 4, 1, [True]), (3, 5, 2, [True, True]), (3, 3, 1, [False]), (3, 4, 2, [False, False])],
)
def test_the_kernel_is_named_where_it_killed_as_many_as_died(
    tmp_path: Path, before: int, now: int, dead: int, reasons: list[bool]
) -> None:
    """Where fewer were killed for memory than died, nobody knows which of them, and none is said to be."""
    assert _killed(tmp_path, before, now, dead) == reasons
