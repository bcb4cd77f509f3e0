"""The editor behind a real nginx that writes three access logs of the same requests, each in its format."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_savetrace.demo.nginx import Nginx, nginx_server
from otel_savetrace.demo.processes import LOOPBACK, Process, free_port
from tests.fixture_app import App

BODY_LIMIT = 4_000
TIMEOUT_SECONDS = 1

_MORE_LOGS = """\
    log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                     '"$http_referer" "$http_user_agent" rt=$request_time urt="$upstream_response_time"';
    access_log timed.log timed;
    access_log combined.log combined;
"""
"""nginx takes paths from the folder that it is started with."""


@dataclasses.dataclass(frozen=True)
class Site:
    """An nginx that runs."""

    process: Process
    folder: Path
    port: int

    def send(self, path: str, body: bytes = b"{}", *, method: str = "POST") -> int:
        """Send one request and return the status of its answer."""
        with self._asked(path, body, method) as sock:
            answer = b"".join(iter(lambda: sock.recv(65_536), b""))
        return int(answer.split(b" ", 2)[1])

    def leave(self, path: str, after: float) -> None:
        """Send one save, and be gone before its answer: `after` seconds later."""
        with self._asked(path, b"{}", "POST") as sock:
            sock.settimeout(after)
            try:
                sock.recv(1)
            except TimeoutError:
                return

    @contextmanager
    def _asked(self, path: str, body: bytes, method: str) -> Iterator[socket.socket]:
        head = (
            f'{method} {path} HTTP/1.1\r\nHost: editor\r\nConnection: close\r\nUser-Agent: a "browser"\r\n'
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((LOOPBACK, self.port), timeout=30.0) as sock:
            sock.sendall(head.encode() + body)
            yield sock


@contextmanager
def site_before(app: App, folder: Path, timeout_seconds: int = TIMEOUT_SECONDS) -> Iterator[Site]:
    """Run nginx before an app; its logs are whole when the block is left."""
    port = free_port()
    settings = Nginx(BODY_LIMIT, timeout_seconds)
    with nginx_server(folder, port, app.port, settings, more_logs=_MORE_LOGS) as process:
        yield Site(process, folder, port)
