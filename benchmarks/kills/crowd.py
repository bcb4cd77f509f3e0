"""Users who save without pause, and one who kills a worker now and then."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import secrets
import signal
import socket
import threading
import time
from pathlib import Path

from otel_savetrace.demo.processes import LOOPBACK, Process

_ANSWER_SECONDS = 30.0


@dataclasses.dataclass
class Sent:
    """A save as its user saw it: `status` is None where no answer came."""

    save_id: str
    trace_id: str
    status: int | None = None


class Crowd:
    """`users` threads that save while the ``with`` block lasts; `sent` is all that they sent."""

    def __init__(self, port: int, users: int) -> None:
        self.sent: list[Sent] = []
        self._port = port
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._save) for _ in range(users)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _save(self) -> None:
        while not self._stopped.is_set():
            sent = Sent(secrets.token_hex(8), secrets.token_hex(16))
            self.sent.append(sent)
            with contextlib.suppress(OSError):
                sent.status = self._answer_to(sent)

    def _answer_to(self, sent: Sent) -> int | None:
        body = b'{"slides": []}'
        head = (
            f"POST /save/{sent.save_id} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n"
            f"traceparent: 00-{sent.trace_id}-{secrets.token_hex(8)}-01\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((LOOPBACK, self._port), timeout=_ANSWER_SECONDS) as connection:
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def kill_at_random(app: Process, kills: int, between: tuple[float, float], seed: int) -> None:
    """Kill a worker of gunicorn's outright, `kills` times, with pauses of `between` seconds."""
    chance = random.Random(seed)  # noqa: S311 - moments, no secret
    for _ in range(kills):
        time.sleep(chance.uniform(*between))
        while not (workers := _children(app.pid)):
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)


def _children(process: int) -> list[int]:
    told = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(child) for child in told.split() if not _is_dead(int(child))]


def _is_dead(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True
