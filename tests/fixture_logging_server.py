"""A real S3 server that writes an access log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from otel_savetrace.demo.binaries import WEED
from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, free_port, listens
from tests.fixture_real_parts import missing

BUCKET = "maps"

_ACCESS_KEY, _SECRET_KEY = "key", "only-on-loopback"


class LoggingServer:
    """versitygw at `port`, with `BUCKET`; its `log` is whole once it has stopped."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "access.log"
        for name in ("data", "iam"):
            (folder / name).mkdir()
        (folder / "data" / BUCKET).mkdir()
        command: list[str | Path] = [
            program, "--quiet", "--port", f"{LOOPBACK}:{self.port}", "--keep-alive", "--access-log", self.log,
            "--iam-dir", folder / "iam", "posix", folder / "data",
        ]  # fmt: skip
        keys = {"ROOT_ACCESS_KEY": _ACCESS_KEY, "ROOT_SECRET_KEY": _SECRET_KEY}
        self.process = Process(
            "versitygw",
            command,
            environment={**base_environment(), **keys},
            folder=folder,
            ready=listens(self.port),
        )


@pytest.fixture
def logging_server(s3_program: Path, tmp_path: Path) -> Iterator[LoggingServer]:
    """Run versitygw with its access log on."""
    if s3_program.name.startswith(WEED):
        missing("SeaweedFS has neither an access log nor limits; install Go, and the tests build versitygw")
    server = LoggingServer(s3_program, tmp_path)
    with server.process:
        yield server


def client_of_server(port: int, **options: Any) -> Any:
    """Make a client of the server, or of a front before it, at `port`; the caller closes it."""
    given = {"aws_access_key_id": _ACCESS_KEY, "aws_secret_access_key": _SECRET_KEY, **options}
    return boto3.client(
        "s3",
        endpoint_url=f"http://{LOOPBACK}:{port}",
        region_name="us-east-1",
        config=Config(
            retries={"mode": "standard", "max_attempts": 3}, s3={"addressing_style": "path"}, proxies={}
        ),
        **given,
    )
