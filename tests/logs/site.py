"""The editor behind a real nginx that writes three access logs of the same requests, each in its format."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, free_port, listens
from tests.fixture_app import App

FORMAT = Path(__file__).parents[2] / "collector" / "nginx" / "savetrace.conf"

BODY_LIMIT = 4_000
TIMEOUT_SECONDS = 1

_CONFIGURATION = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    include {format};
    log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                     '"$http_referer" "$http_user_agent" rt=$request_time urt="$upstream_response_time"';
    access_log {folder}/json.log savetrace;
    access_log {folder}/timed.log timed;
    access_log {folder}/combined.log combined;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 1m;
    client_max_body_size {body_limit};
    proxy_read_timeout {timeout}s;
    server {{
        listen {address};
        location / {{
            proxy_pass http://{app};
            proxy_set_header Host $http_host;
            proxy_set_header traceparent $savetrace_traceparent;
            proxy_set_header X-Request-Start "t=$msec";
        }}
    }}
}}
"""


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
def site_before(
    app: App, program: Path, folder: Path, timeout_seconds: int = TIMEOUT_SECONDS
) -> Iterator[Site]:
    """Run nginx before an app; its logs are whole when the block is left."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder, format=FORMAT, address=f"{LOOPBACK}:{port}",
            app=f"{LOOPBACK}:{app.port}", body_limit=BODY_LIMIT, timeout=timeout_seconds,
        )
    )  # fmt: skip
    command: list[str | Path] = [program, "-p", folder, "-e", "stderr", "-c", configuration]
    with Process(
        "nginx", command, environment=base_environment(), folder=folder, ready=listens(port)
    ) as process:
        yield Site(process, folder, port)
