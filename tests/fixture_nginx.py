"""A real nginx before several hosts, each request to the next one in turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, free_port, listens
from tests.fixture_real_parts import debian_program

_CONFIGURATION = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream hosts {{
{hosts}
    }}
    server {{
        listen {address};
        # In memory: as root's child it is nobody, who may not write to the folders above.
        client_body_buffer_size 1m;
        location / {{
            proxy_pass http://hosts;
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


@pytest.fixture(scope="session")
def nginx_program() -> Path:
    """Find nginx; in CI install it where it is not there."""
    return debian_program("nginx", "nginx-light")


def make_nginx(program: Path, folder: Path, hosts: Sequence[int]) -> tuple[Process, str]:
    """Make an nginx, not yet started, before the ports `hosts` on loopback; returns it and its address.

    A host that is down is asked again at once when it is its turn, as its start is what is waited for.
    """
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    listed = "\n".join(f"        server {LOOPBACK}:{host} max_fails=0;" for host in hosts)
    configuration.write_text(_CONFIGURATION.format(folder=folder, hosts=listed, address=f"{LOOPBACK}:{port}"))
    command: list[str | Path] = [program, "-p", folder, "-e", "stderr", "-c", configuration]
    process = Process("nginx", command, environment=base_environment(), folder=folder, ready=listens(port))
    return process, f"http://{LOOPBACK}:{port}"
