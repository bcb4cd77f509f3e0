"""A real PostgreSQL server of the tests' own, on a free port of loopback."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, free_port
from tests.fixture_real_parts import missing

_DEBIANS = Path("/usr/lib/postgresql")
_SUPERUSER = "maps"
_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Postgresql:
    """A running server; `url` is that of an empty database in it."""

    programs: Path
    url: str

    def run(self, commands: str) -> None:
        """Run SQL commands; the test fails where one of them does."""
        subprocess.run(  # noqa: S603 - a program of PostgreSQL
            [self.programs / "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", self.url],
            input=commands, text=True, env=base_environment(), check=True, timeout=_SECONDS,
        )  # fmt: skip


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """Run PostgreSQL."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="savetrace-postgresql-") as name:
        folder, port = Path(name), free_port()
        prefix = _as_nobody(folder) if os.geteuid() == 0 else []
        data = folder / "data"
        subprocess.run(  # noqa: S603 - a program of PostgreSQL
            [
                *prefix, programs / "initdb", "--pgdata", data, "--username", _SUPERUSER, "--auth", "trust",
                "--encoding", "UTF8", "--no-locale", "--no-sync",
            ],
            env=base_environment(), cwd=folder, check=True, capture_output=True, timeout=_SECONDS,
        )  # fmt: skip
        command = [
            *prefix, programs / "postgres", "-D", data, "-p", str(port),
            "-c", f"listen_addresses={LOOPBACK}", "-c", "unix_socket_directories=", "-c", "fsync=off",
        ]  # fmt: skip
        asks: list[str | Path] = [programs / "pg_isready", "--quiet", "--host", LOOPBACK, "--port", str(port)]

        def ready() -> bool:
            # A port that listens may still refuse: "the database system is starting up".
            return subprocess.run(asks, env=base_environment(), check=False).returncode == 0  # noqa: S603

        with Process("postgresql", command, environment=base_environment(), folder=folder, ready=ready):
            yield Postgresql(programs, f"postgresql://{_SUPERUSER}@{LOOPBACK}:{port}/postgres")


def _programs() -> Path:
    """Return the folder with PostgreSQL's programs; Debian keeps those of a server off PATH."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(_DEBIANS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        missing("There is no PostgreSQL to start: `apt-get install postgresql`, or put initdb on PATH.")
    return found[-1].parent


def _as_nobody(folder: Path) -> list[str | Path]:
    """Give `folder` to the user nobody, and what runs a command as that user: PostgreSQL refuses root."""
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        missing("PostgreSQL does not run as root: run the tests as another user, or install util-linux.")
    return [setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
