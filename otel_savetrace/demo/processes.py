"""Real servers as child processes, for the demo and for tests.

A `Process` gets exactly the environment it is given, writes to a log file of its own, counts as started once
its ready check holds, and is gone when its ``with`` block ends, however it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from otel_savetrace.errors import RealPartError

LOOPBACK = "127.0.0.1"

# Below the ranges that Linux (32768 and up) and macOS (49152 and up) take outgoing connections' ports from,
# so that no client of ours can sit on a port between its choice and its use.
_PORTS = range(10_000, 32_000)
_ports_given: set[int] = set()

# Other processes choose too: the UDP port of the same number, which no server takes, says that it is taken.
_CLAIMS = 64
_claims: deque[socket.socket] = deque()

_POLL_SECONDS = 0.05
_CHECK_SECONDS = 1.0
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "TZ")


def base_environment() -> dict[str, str]:
    """Return the least that a child needs (PATH, HOME, TMPDIR, TZ and a UTF-8 locale), to be added to."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, "LANG": "C.UTF-8"}


def free_port() -> int:
    """Return a TCP port on loopback that nothing listens on; never the same one twice in this process.

    Nor is it one of the last that any other process got here: their servers may be on their way.
    """
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        if port not in _ports_given and _claimed(port):
            _ports_given.add(port)
            return port


def _claimed(port: int) -> bool:
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind((LOOPBACK, port))
        with socket.socket() as candidate:
            candidate.bind((LOOPBACK, port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    if len(_claims) > _CLAIMS:
        _claims.popleft().close()
    return True


@atexit.register
def _let_go_of_claims() -> None:
    for claim in _claims:
        claim.close()


def listens(port: int) -> Callable[[], bool]:
    """Return a ready check that holds once `port` on loopback accepts a connection."""

    def check() -> bool:
        try:
            socket.create_connection((LOOPBACK, port), timeout=_CHECK_SECONDS).close()
        except OSError:
            return False
        return True

    return check


def answers(url: str) -> Callable[[], bool]:
    """Return a ready check that holds once a GET of the plain-http `url` is answered below status 400."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def check() -> bool:
        # http.client, as it never takes a proxy from the environment.
        connection = http.client.HTTPConnection(
            parts.hostname or LOOPBACK, parts.port, timeout=_CHECK_SECONDS
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check


class Process:
    """A real server, started for a test or the demo, in a process group of its own.

    `environment` is all that the child gets; see `base_environment`. Its output goes to
    ``folder/<name>.log``, appended over restarts. `ready` is asked until it holds, for `ready_seconds`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path,
        ready: Callable[[], bool],
        ready_seconds: float = 30.0,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.environment = dict(environment)
        self.folder = folder
        self.ready = ready
        self.ready_seconds = ready_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Process:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The file that the process writes its output to."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Process id of the running server; raises `RealPartError` when it was not started."""
        if self._child is None:
            raise RealPartError(f"{self.name} is not running.")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last `lines` lines of the log, empty when there is none."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def start(self) -> None:
        """Start it and return once it is ready.

        Raises `RealPartError`, with the log's last lines, when it cannot be run, ends early or does not
        become ready in time; nothing of it is left running then.
        """
        if self.running:
            raise RealPartError(f"{self.name} is running already, as process {self.pid}.")
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = self._spawn(log)
        _running.add(self)
        try:
            self._wait_until_ready(self._child)
        except BaseException:
            self.kill()
            raise

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask it to end (SIGTERM), and after `grace_seconds` kill whatever is left of its group."""
        if self._child is None:
            return
        try:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(grace_seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it and its group at once (SIGKILL)."""
        child = self._child
        if child is None:
            return
        # macOS answers EPERM for a group whose members have all ended but were not yet waited for.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self._child = None
        _running.discard(self)

    def restart(self) -> None:
        """Stop it if it runs, then start it again with the same command, environment and log."""
        self.stop()
        self.start()

    def _spawn(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the command is the caller's own, no shell reads it
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own group: a Ctrl-C in the terminal reaches only us, who end the servers in order, and
                # a kill reaches the server's own children too.
                start_new_session=True,
            )
        except OSError as error:
            raise RealPartError(f"{self.name} cannot be run: {error}.") from error

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while not self.ready():
            if child.poll() is not None:
                raise self._failure(f"ended with exit status {child.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {self.ready_seconds:g} s")
            time.sleep(_POLL_SECONDS)
        # Somebody else may be answering on the port that this server failed to get.
        if child.poll() is not None:
            raise self._failure(f"ended with exit status {child.returncode}, and another answers for it")

    def _failure(self, what: str) -> RealPartError:
        return RealPartError(f"{self.name} {what}; the end of its log {self.log}:\n{self.log_tail()}")


_running: set[Process] = set()
_owner = os.getpid()


@atexit.register
def _kill_what_is_left() -> None:
    if os.getpid() != _owner:
        return  # a fork of ours ends; the servers are not its own
    for process in list(_running):
        process.kill()
