"""A Docker engine of the test's own, apart from the machine's network, and what it is asked."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from otel_savetrace.demo.processes import Process, base_environment


class _Connection(http.client.HTTPConnection):
    """HTTP to the engine's socket."""

    def __init__(self, socket_file: Path, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._socket_file = str(socket_file)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_file)


class Engine:
    """A Docker engine in `folder`, whose path is short: a socket's path is limited to 107 bytes.

    Its containers reach one another and nothing else: the ports that they publish are on the loopback of a
    network namespace of their own.
    """

    def __init__(self, folder: Path) -> None:
        self.socket_file = folder / "docker.sock"
        # Not the machine's own configuration.
        (folder / "daemon.json").write_text("{}")
        daemon = (
            "ip link set lo up && exec dockerd"
            f" --host unix://{self.socket_file} --data-root {folder}/data --exec-root {folder}/exec"
            f" --pidfile {folder}/pid --config-file {folder}/daemon.json"
        )
        self.process = Process(
            "dockerd", ["unshare", "--net", "sh", "-c", daemon],
            environment=base_environment(), folder=folder, ready=self.answers, ready_seconds=60,
        )  # fmt: skip

    def answers(self) -> bool:
        """Say whether it is up."""
        connection = _Connection(self.socket_file, timeout=2)
        try:
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def add_image(self, name: str, root: Path, changes: Sequence[str]) -> None:
        """Import the tar archive `root` as the image `name` (with its tag), as ``docker import`` does."""
        repository, _, tag = name.rpartition(":")
        query = [("fromSrc", "-"), ("repo", repository), ("tag", tag)]
        query += [("changes", change) for change in changes]
        connection = _Connection(self.socket_file, timeout=120)
        try:
            with root.open("rb") as body:
                headers = {"Content-Type": "application/x-tar", "Content-Length": str(root.stat().st_size)}
                connection.request("POST", f"/images/create?{urllib.parse.urlencode(query)}", body, headers)
                response = connection.getresponse()
                said = response.read().decode()
        finally:
            connection.close()
        assert response.status == 200, said
        assert not any("error" in json.loads(line) for line in said.splitlines()), said
