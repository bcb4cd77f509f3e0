"""The real command in a process of its own: what it shows, what it leaves, and what Ctrl-C leaves."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import shlex
import signal
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.demo.binaries import OTEL_SAVETRACE_BIN, OTEL_SAVETRACE_CACHE
from otel_savetrace.demo.journal import read_journal
from otel_savetrace.demo.processes import base_environment
from otel_savetrace.spans import sources
from otel_savetrace.spans.reading import Query

SAVETRACE = Path(sysconfig.get_path("scripts")) / "savetrace"
DEADLINE_SECONDS = 180.0

OUTCOMES = {
    "200": ("200", ""),
    "503 SlowDown": ("503", "SlowDown"),
    "500 InternalError": ("500", "InternalError"),
    "connection closed": ("reset", ""),
}
"""What the front answered, by how an attempt's span names it."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a demo runs: all that it and its servers can write to lies in `folder`."""

    folder: Path
    environment: dict[str, str]

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.folder / "temporary"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run savetrace to its end."""
        return subprocess.run(  # noqa: S603 - the command under test
            [SAVETRACE, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def processes(self) -> list[str]:
        """List the processes that were started here, as their environments say."""
        if not Path("/proc/self/environ").exists():
            pytest.skip("Only /proc tells what environment a process was started with.")
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.temporary).encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        return found


@pytest.fixture(scope="module")
def environment(s3_program: Path) -> dict[str, str]:
    """Say what the command needs of this machine."""
    nothing_of_ours = {"PATH": os.defpath}
    return {
        **base_environment(),
        **nothing_of_ours,
        f"{OTEL_SAVETRACE_BIN}VERSITYGW": str(s3_program),
        "COLUMNS": "120",
    }


def _place(folder: Path, environment: dict[str, str]) -> Place:
    place = Place(
        folder,
        {
            **environment,
            "HOME": str(folder),
            "TMPDIR": str(folder / "temporary"),
            OTEL_SAVETRACE_CACHE: str(folder / "cache"),
        },
    )
    place.temporary.mkdir()
    return place


@pytest.fixture
def place(tmp_path: Path, environment: dict[str, str]) -> Place:
    """Make room for one demo."""
    return _place(tmp_path, environment)


@dataclasses.dataclass(frozen=True)
class Played:
    """A demo that ran to its end, and the folder that it kept its files in."""

    place: Place
    output: str
    kept: Path

    @property
    def saves(self) -> list[Save]:
        """The saves in the spans that it kept."""
        return saves(sources.read(str(self.kept / "spans.jsonl")).spans)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Played:
    """Run a small demo once."""
    place = _place(tmp_path_factory.mktemp("played"), environment)
    kept = place.folder / "kept"
    ended = place.run("demo", "--saves", "20", "--seed", "5", "--keep", str(kept))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return Played(place, ended.stdout, kept)


def test_the_demo_shows_failed_saves_and_their_retries(played: Played) -> None:
    """The demo shows every failed save, how it ended, and one of them side by side."""
    assert "5 of 25 saves failed." in played.output
    assert "4 recovered" in played.output
    for code in ("SlowDown", "InternalError", "RemoteDisconnected", "error_in_answer"):
        assert code in played.output
    assert played.output.count("✗ 503 SlowDown") == 6
    assert "✓ 200" in played.output


def test_the_spans_tell_the_story(played: Played) -> None:
    """The kept spans have each failure with its retry, and the same content where there was any."""
    found = episodes(played.saves)
    told = {(episode.failed[0].error_code, len(episode.failed), episode.same_content) for episode in found}
    assert told == {
        ("SlowDown", 1, True),
        ("InternalError", 2, True),
        ("RemoteDisconnected", 1, True),
        ("error_in_answer", 1, None),
    }


def test_every_retry_knows_its_failure_by_cookie(played: Played) -> None:
    """Each retry names the save before it and the first one, as its cookie said, and the demo says so."""
    found = episodes(played.saves)
    for episode in found:
        for before, save in itertools.pairwise(episode.members):
            held = save.span.attributes
            assert held[attribute.PAIRED_BY] == "cookie"
            assert held[attribute.PREVIOUS_TRACE_ID] == before.trace_id
            assert held[attribute.FIRST_TRACE_ID] == episode.failed[0].trace_id
    attempts = [save.span.attributes.get(attribute.SAVE_ATTEMPT) for save in played.saves]
    assert [attempts.count(number) for number in (2, 3, 4)] == [4, 1, 0]
    assert "Retries known: 5 by cookie." in played.output


def test_spans_say_what_was_on_the_wire(played: Played) -> None:
    """Each PUT has an attempt span with the header bytes and kind of connection that the front counted."""
    wire = sorted(
        (line.head_bytes, "reused" if line.reused else "new", str(line.answered), line.code or "")
        for line in read_journal(played.kept / "journal.jsonl")
        if line.method == "PUT"
    )
    attempts = [attempt for save in played.saves for call in save.calls for attempt in call.attempts]
    spans = sorted(
        (attempt.header_bytes or 0, attempt.connection or "", *OUTCOMES[attempt.outcome])
        for attempt in attempts
        if attempt.span.attributes["http.request.method"] == "PUT"
    )
    assert spans == wire


def test_the_commands_that_come_next_work(played: Played) -> None:
    """Each command that the demo prints at its end runs as printed, venv active or not, and shows it."""
    commands = re.findall(rf"^ +{re.escape(str(SAVETRACE))} (.+)$", played.output, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        ended = played.place.run(*shlex.split(command))
        assert ended.returncode == 0, ended.stderr
        assert "SlowDown" in ended.stdout


def test_nothing_but_what_was_to_be_kept_is_left(played: Played) -> None:
    """After the demo there is no process and no temporary file; spans, journal and logs are kept."""
    assert played.place.processes() == []
    assert list(played.place.temporary.iterdir()) == []
    assert sorted(file.name for file in played.kept.iterdir()) == [
        "app.log",
        "journal.jsonl",
        "s3-server.log",
        "spans.jsonl",
    ]


def test_a_folder_with_something_in_it_is_refused(place: Place) -> None:
    """`--keep` with a folder that is not empty is one sentence, exit code 2, and the folder is as before."""
    (place.folder / "kept").mkdir()
    (place.folder / "kept" / "mine").touch()
    ended = place.run("demo", "--keep", "kept")
    assert ended.returncode == 2
    assert "kept is not empty" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert [file.name for file in (place.folder / "kept").iterdir()] == ["mine"]


class Running:
    """A demo on its way; its output is read as it comes."""

    def __init__(self, place: Place, *arguments: str) -> None:
        self.place = place
        self.output = ""
        self._grew = threading.Condition()
        self._child = subprocess.Popen(  # noqa: S603 - the command under test
            [SAVETRACE, *arguments],
            env=place.environment,
            cwd=place.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Return once something holds; fail when it does not in time, or the demo ended first."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            assert self._child.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            with self._grew:
                self._grew.wait(0.02)

    def interrupt(self) -> None:
        """Press Ctrl-C, as the terminal passes it on: to the command's whole process group."""
        os.killpg(self._child.pid, signal.SIGINT)

    def end(self) -> int:
        """Return the exit code once it has ended."""
        code = self._child.wait(DEADLINE_SECONDS)
        self._reader.join()
        return code

    def kill(self) -> None:
        """End it whatever it is at."""
        self._child.kill()
        self._child.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as lines:
            for line in lines:
                with self._grew:
                    self.output += line
                    self._grew.notify_all()


@pytest.fixture
def start(place: Place) -> Iterator[Callable[..., Running]]:
    """Start demos that end with the test."""
    started: list[Running] = []

    def start_one(*arguments: str) -> Running:
        started.append(Running(place, *arguments))
        return started[-1]

    yield start_one
    for running in started:
        running.kill()


@pytest.mark.parametrize(
    "moment",
    ["", "store/s3-server.log", "journal.jsonl", "app/app.log", "spans.jsonl"],
    ids=["folder made", "store starts", "front is up", "app starts", "users save"],
)
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_nothing_behind(
    place: Place, start: Callable[..., Running], moment: str, times: int
) -> None:
    """Ctrl-C, once or twice, at whatever moment: exit code 130, no process, no file."""
    running = start("demo", "--saves", "400")
    running.wait_until(lambda: list(place.temporary.glob(f"savetrace-demo-*/{moment}")))
    for _ in range(times):
        running.interrupt()
    assert running.end() == 130
    assert place.processes() == []
    assert list(place.temporary.iterdir()) == []
    assert not (place.folder / "cache").exists()
    assert running.output.endswith("Stopped; nothing is left running.\n")


def test_jaeger_has_the_saves_until_ctrl_c(
    start: Callable[..., Running],
    place: Place,
    environment: dict[str, str],
    jaeger_program: Path,
    otelcol_program: Path,
) -> None:
    """With `--jaeger` the comparison printed is of traces that Jaeger has; Ctrl-C ends it, exit code 0."""
    place.environment[f"{OTEL_SAVETRACE_BIN}JAEGER"] = str(jaeger_program)
    place.environment[f"{OTEL_SAVETRACE_BIN}OTELCOL"] = str(otelcol_program)
    running = start("demo", "--saves", "20", "--jaeger", "--wait")
    running.wait_until(lambda: "Ctrl-C ends it all." in running.output)
    search = re.search(
        r"^ +(http://\S+)/search\?service=storymap&\S*savetrace.outcome\S*failed",
        running.output,
        re.MULTILINE,
    )
    compared = re.search(r"^ +(http://\S+)/trace/(\w{32})\.\.\.(\w{32})$", running.output, re.MULTILINE)
    assert search is not None
    assert compared is not None
    page, failed, retry = compared.groups()
    assert search[1] == page
    assert f"{page}/trace/{retry}?uiFind=" in running.output
    outcomes = [save.outcome for save in saves(sources.read(page, Query(trace_ids=(failed, retry))).spans)]
    assert outcomes == ["failed", "succeeded"]
    running.interrupt()
    assert running.end() == 0
    assert place.processes() == []
    assert list(place.temporary.iterdir()) == []
