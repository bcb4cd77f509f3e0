"""A real nginx before the app, with the log format that we document."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, listens
from otel_savetrace.errors import RealPartError

LOG = "front.log"
"""Its access log, in its folder."""

_CONFIGURATION = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    include {format};
    access_log {folder}/{log} savetrace;
{more_logs}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # In memory: as root's child it is nobody, who may not write to the folders above.
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
class Nginx:
    """How an nginx is set up: the largest body that it takes, in bytes, and how long it waits for the app."""

    body_limit: int = 20_000_000
    timeout_seconds: int = 60


def program_of(server: str) -> Path | None:
    """Return the program of a server that Debian brings, None where there is none."""
    # Debian keeps servers where only root's PATH leads.
    found = shutil.which(server, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))
    return None if found is None else Path(found)


def nginx_server(folder: Path, port: int, app_port: int, settings: Nginx, *, more_logs: str = "") -> Process:
    """Return an nginx for `port` on loopback, before the app at `app_port`, that keeps its log in `folder`.

    `more_logs` are directives for logs beside it; their paths are below `folder`. Raises `RealPartError`
    where there is no nginx.
    """
    program = program_of("nginx")
    if program is None:
        raise RealPartError("There is no nginx: `apt-get install nginx-light`, or put nginx on PATH.")
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder, format=collector_folder() / "nginx" / "savetrace.conf", log=LOG,
            address=f"{LOOPBACK}:{port}", app=f"{LOOPBACK}:{app_port}", body_limit=settings.body_limit,
            timeout=settings.timeout_seconds, more_logs=more_logs,
        ),
        encoding="utf-8",
    )  # fmt: skip
    command: list[str | Path] = [program, "-p", folder, "-e", "stderr", "-c", configuration]
    return Process("nginx", command, environment=base_environment(), folder=folder, ready=listens(port))
