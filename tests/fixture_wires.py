"""Ways to a raw store: http and https, straight and through a proxy; and time and chance that stand still."""

from __future__ import annotations

import dataclasses
import datetime
import ssl
import types
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.config import Config

from tests.exact.wire import VIRTUAL_HOST
from tests.raw_proxy import RawProxy
from tests.raw_store import RawStore

WIRES = ("http", "https", "http through a proxy", "https through a proxy")

NOON = datetime.datetime(2026, 1, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Wire:
    """A way to `store`; with a `proxy` the bucket stands in the host's name, which nobody else resolves."""

    store: RawStore
    proxy: RawProxy | None = None
    secure: bool = False

    @property
    def endpoint(self) -> str:
        """What to give to a client."""
        if self.proxy is None:
            return self.store.address
        return f"{'https' if self.secure else 'http'}://{VIRTUAL_HOST}"

    @property
    def peer(self) -> tuple[str, int]:
        """Whom a client's sockets are connected to."""
        return "127.0.0.1", (self.proxy or self.store).port


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    """What a store shows of itself, whatever the bucket in its host's name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", f"*.{VIRTUAL_HOST}", VIRTUAL_HOST).configure_cert(made)
    return made


@pytest.fixture
def wires(certificate: ssl.SSLContext) -> Iterator[dict[str, Wire]]:
    """Every way, each to a store of its own scheme."""
    stores = {False: RawStore(), True: RawStore(certificate)}
    proxies = {secure: RawProxy(store.port) for secure, store in stores.items()}
    straight = [Wire(store, None, secure) for secure, store in stores.items()]
    through = [Wire(stores[secure], proxy, secure) for secure, proxy in proxies.items()]
    yield dict(zip(WIRES, straight + through, strict=True))
    for proxy in proxies.values():
        proxy.stop()
    for store in stores.values():
        store.stop()


@pytest.fixture(params=WIRES)
def any_wire(request: pytest.FixtureRequest, wires: dict[str, Wire]) -> Wire:
    """One way after the other."""
    return wires[request.param]


@pytest.fixture
def client_on(boto3_session: Any, authority: trustme.CA, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes clients: `client_on(wire, retries=2)`, with any other `Config` option."""
    trusted = tmp_path / "trusted.pem"
    authority.cert_pem.write_to_path(trusted)
    clients = []

    def make(
        wire: Wire, *, retries: int = 0, mode: str = "standard", service: str = "s3", **options: Any
    ) -> Any:
        style = "path" if wire.proxy is None else "virtual"
        given = {
            "retries": {"mode": mode, "max_attempts": retries},
            "s3": {"addressing_style": style, **options.pop("s3", {})},
            "proxies": {} if wire.proxy is None else dict.fromkeys(("http", "https"), wire.proxy.address),
            # No machine is so busy that a test waits this long for what is coming.
            "connect_timeout": 60,
            "read_timeout": 60,
            **options,
        }
        client = boto3_session.client(
            service,
            endpoint_url=wire.endpoint,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            verify=str(trusted),
            config=Config(**given),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore retries at once."""
    monkeypatch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch, no_backoff: None) -> None:
    """Everything that a request's bytes may rightly vary by stands still: botocore's clock and its ids."""
    for module in ("auth", "endpoint"):
        monkeypatch.setattr(f"botocore.{module}.get_current_datetime", lambda: NOON.replace(tzinfo=None))
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=7))
