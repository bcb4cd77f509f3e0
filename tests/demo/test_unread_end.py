"""What docs/an-incident-nobody-made.md tells, on the wire of the real store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from otel_savetrace.demo import servers
from otel_savetrace.demo.binaries import OTEL_SAVETRACE_BIN, WEED
from otel_savetrace.demo.incidents.certificate import make_certificate
from otel_savetrace.demo.processes import LOOPBACK, free_port

LONGEST_SECONDS = 20.0


@pytest.fixture
def client(s3_program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Give an unchanged client of a store that speaks TLS and keeps connections alive."""
    if s3_program.name.startswith(WEED):
        pytest.skip("SeaweedFS reads uploads to their end; install Go, with which versitygw is built")
    monkeypatch.setenv(f"{OTEL_SAVETRACE_BIN}VERSITYGW", str(s3_program))
    port, certificate = free_port(), make_certificate(tmp_path)
    with servers.s3_server(tmp_path / "store", port, announce=print, certificate=certificate):
        servers.make_bucket(port, certificate)
        made = boto3.Session().client(
            "s3",
            endpoint_url=f"https://{LOOPBACK}:{port}",
            verify=str(certificate.file),
            region_name="us-east-1",
            aws_access_key_id="demo",
            aws_secret_access_key="only-on-loopback",
            config=Config(proxies={}),
        )
        yield made
        made.close()


def test_the_store_answers_what_it_left_unread(client: Any) -> None:
    """After an upload that it took, the store sends a 400 that nobody asked for, and hangs up."""
    client.put_object(Bucket=servers.BUCKET, Key="one", Body=b"hello")
    unasked = _all_that_comes(_kept_alive(client))
    assert unasked.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<Code>BadRequest</Code>" in unasked


def test_nothing_is_left_where_nothing_follows_the_content(client: Any) -> None:
    """After a request without a trailer the connection is as good as before: the next one has it."""
    client.head_bucket(Bucket=servers.BUCKET)
    kept = _kept_alive(client)
    client.head_bucket(Bucket=servers.BUCKET)
    assert _kept_alive(client) is kept


def _kept_alive(client: Any) -> Any:
    """Return the socket that the client's next request would go to."""
    pools = client._endpoint.http_session._manager.pools
    (key,) = pools.keys()
    return pools[key].pool.queue[-1].sock


def _all_that_comes(sock: Any) -> bytes:
    sock.settimeout(LONGEST_SECONDS)
    came = b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65_536):
            came += piece
    return came
