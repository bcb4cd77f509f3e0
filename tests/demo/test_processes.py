"""A `Process` has the environment it was given, is ready when it says so, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otel_savetrace.demo import processes
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port, listens
from otel_savetrace.errors import RealPartError
from tests.eventually import eventually

SAYS_ITS_ENVIRONMENT = "import os, time; print(dict(os.environ), flush=True); time.sleep(600)"
SLEEPS = "import time; print('started', flush=True); time.sleep(600)"
HAS_A_STUBBORN_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
'''])
print(child.pid, flush=True)
time.sleep(600)
"""
STARTS_A_SERVER = """
import sys, time
from pathlib import Path
from otel_savetrace.demo import processes
from otel_savetrace.demo.processes import Process, base_environment
folder = Path(sys.argv[1])
server = Process(
    "server", [sys.executable, "-c", "import time; print('started', flush=True); time.sleep(600)"],
    environment=base_environment(), folder=folder,
    ready=lambda: (folder / "server.log").exists() and "started" in (folder / "server.log").read_text(),
)
def wait():
    print(server.pid, flush=True)
    time.sleep(600)
"""


def python(folder: Path, code: str, said: str = "started", **options: float) -> Process:
    """Make a Python process that counts as ready once its log holds `said`."""
    log = folder / "server.log"
    return Process(
        "server", [sys.executable, "-c", code],
        environment=base_environment(), folder=folder,
        ready=lambda: log.exists() and said in log.read_text(),
        **options,
    )  # fmt: skip


def alive(pid: int) -> bool:
    """Say whether a process is there and has not ended (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # or it ended between the opening and the reading
        return False
    return state != "Z"


def test_child_has_only_the_environment_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of our own environment reaches the child unless it was passed on."""
    monkeypatch.setenv("OURS", "secret")
    server = Process(
        "server", [sys.executable, "-c", SAYS_ITS_ENVIRONMENT],
        environment={"PATH": os.environ["PATH"], "THEIRS": "yes"}, folder=tmp_path,
        ready=lambda: (tmp_path / "server.log").read_text() != "",
    )  # fmt: skip
    with server:
        assert "'THEIRS': 'yes'" in server.log_tail()
        assert "OURS" not in server.log_tail()


def test_base_environment_passes_on_no_more_than_a_program_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nobody named is not in it, PATH is."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment = base_environment()
    assert environment["PATH"] == os.environ["PATH"]
    assert set(environment) <= {"PATH", "HOME", "TMPDIR", "TZ", "LANG"}


def test_early_end_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    """A child that ends before it is ready is an error that names its status and shows what it said last."""
    server = python(tmp_path, "print('no such bucket'); raise SystemExit(3)")
    with pytest.raises(RealPartError, match=r"(?s)server ended with exit status 3 .*no such bucket"):
        server.start()
    assert not server.running


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A command that cannot be run is an error that says which."""
    server = Process("server", [tmp_path / "none"], environment={}, folder=tmp_path, ready=lambda: True)
    with pytest.raises(RealPartError, match=r"server cannot be run: .*none"):
        server.start()


def test_never_ready_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A child that does not become ready in time is an error, and is gone."""
    server = python(tmp_path, HAS_A_STUBBORN_CHILD, said="never", ready_seconds=1.0)
    with pytest.raises(RealPartError, match=r"was not ready within 1 s"):
        server.start()
    pids = [int(line) for line in server.log.read_text().splitlines() if line.isdigit()]
    assert pids
    eventually(lambda: not any(alive(pid) for pid in pids), "the end of all processes")


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    """A child's own child that does not hear SIGTERM is gone too."""
    server = python(tmp_path, HAS_A_STUBBORN_CHILD, said="deaf")
    with server:
        pids = [server.pid, *(int(line) for line in server.log.read_text().splitlines() if line.isdigit())]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
    eventually(lambda: not any(alive(pid) for pid in pids), "the end of all processes")


def test_restart_is_another_process_with_the_same_log(tmp_path: Path) -> None:
    """A restart changes the pid, and the log goes on where it was."""
    with python(tmp_path, SLEEPS) as server:
        first = server.pid
        server.kill()
        assert not alive(first)
        server.ready = lambda: server.log.read_text().count("started") == 2
        server.start()
        assert server.pid != first
        server.ready = lambda: server.log.read_text().count("started") == 3
        server.restart()


@pytest.mark.parametrize(
    "ending", ["with server: wait()", "server.start(); wait()"], ids=["in a block", "outside one"]
)
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, ending: str) -> None:
    """After SIGINT to the program that started it a server is gone, whether or not it was in a block."""
    program = subprocess.Popen(  # noqa: S603 - this test's own lines
        [sys.executable, "-c", STARTS_A_SERVER + ending, str(tmp_path)],
        env=base_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    with program:
        assert program.stdout is not None
        server = int(program.stdout.readline())
        assert alive(server)
        program.send_signal(signal.SIGINT)
        program.wait(60)
    eventually(lambda: not alive(server), "the end of the server")


def test_free_port_can_be_listened_on_and_is_not_given_twice() -> None:
    """Ports differ, are free, and `listens` tells one from the other."""
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert not listens(ports[0])()
    with socket.create_server((LOOPBACK, ports[0])):
        assert listens(ports[0])()


def test_no_other_process_is_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that choose from the same few ports get different ones, though nothing listens yet."""
    few = range(20_000, 20_400)
    monkeypatch.setattr(processes, "_PORTS", few)
    ours = {free_port() for _ in range(30)}
    choose = (
        f"from otel_savetrace.demo import processes; processes._PORTS = {few}\n"
        "print(*[processes.free_port() for _ in range(100)])"
    )
    theirs = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", choose], env=base_environment(), capture_output=True, text=True, check=True
    ).stdout
    assert len(ours.union(map(int, theirs.split()))) == 130


def test_answers_wants_a_good_answer(tmp_path: Path) -> None:
    """`answers` holds for a page that is there, not for one that is missing, nor where nobody listens."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    (tmp_path / "page").write_text("here")
    assert not answers(url)()
    command = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        LOOPBACK,
        "--directory",
        str(tmp_path),
        str(port),
    ]
    with Process("web", command, environment=base_environment(), folder=tmp_path, ready=listens(port)):
        assert answers(f"{url}/page")()
        assert not answers(f"{url}/none")()
