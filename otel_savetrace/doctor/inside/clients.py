"""botocore's clients: how long their calls may take, and what they have open."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.client import client_of
from otel_savetrace.doctor.facts import ClientFacts


def default_client(_: str) -> ClientFacts | None:
    """Return what an S3 client is like that the app makes without saying more; `None` without botocore."""
    try:
        import botocore.session
    except ImportError:
        return None
    session = botocore.session.get_session()
    # Nothing is sent; a region and credentials only have to be there.
    client = session.create_client(
        "s3",
        region_name=session.get_config_variable("region") or "us-east-1",
        aws_access_key_id="unused",
        aws_secret_access_key="unused",  # noqa: S106 - no secret
    )
    return facts_of(client)


def clients() -> list[ClientFacts]:
    """Return every botocore client that this process holds."""
    try:
        from botocore.client import BaseClient
    except ImportError:
        return []
    # By their types: asked for its class, a proxy answers with another's, or raises.
    return [facts_of(one) for one in gc.get_objects() if issubclass(type(one), BaseClient)]


def facts_of(client: Any) -> ClientFacts:
    """Return what is known of one client."""
    context = {"client_config": client.meta.config, "client_region": client.meta.region_name}
    known: dict[str, Any] = dict(client_of(client._endpoint, context).attributes)
    return {
        "service": client.meta.service_model.service_name,
        "mode": known[attribute.RETRY_MODE],
        "attempts": known[attribute.ATTEMPTS_ALLOWED],
        "connect_timeout_seconds": known.get(attribute.CONNECT_TIMEOUT_SECONDS),
        "read_timeout_seconds": known.get(attribute.READ_TIMEOUT_SECONDS),
        "patience_seconds": known.get(attribute.PATIENCE_SECONDS),
        "open_connections": sum(_is_open(one) for one in _connections(client)),
    }


def _connections(client: Any) -> Iterator[Any]:
    """Yield the connections that wait in a client's pools: after an import, none is at work."""
    session = getattr(client._endpoint, "http_session", None)
    managers = [getattr(session, "_manager", None), *getattr(session, "_proxy_managers", {}).values()]
    pools = itertools.chain.from_iterable(
        getattr(getattr(manager, "pools", None), "_container", {}).values() for manager in managers
    )
    for pool in pools:
        yield from list(getattr(getattr(pool, "pool", None), "queue", ()))


def _is_open(connection: Any) -> bool:
    return getattr(connection, "sock", None) is not None
