"""What a client was set to, and how long its calls may take: read once a client, kept on its endpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.text import shortened

_CLIENT = "_otel_savetrace"
_DEFAULT_ATTEMPTS = {"legacy": 5, "standard": 3, "adaptive": 3}
_DEFAULT_MODE = "legacy"
_LONGEST_BACKOFF = 20


class Client:
    """One boto client: the attributes that all its calls share, and the attempts that it has under way."""

    def __init__(self, endpoint: Any, context: Mapping[str, Any]) -> None:
        self.attributes = _attributes_of(endpoint, context)
        self.signature_version = getattr(context.get("client_config"), "signature_version", None)
        self._process = os.getpid()
        self._under_way: set[int] = set()
        self._credentials = _credentials_of(endpoint)
        method = getattr(self._credentials, "method", None)
        if method:
            self.attributes[attribute.CREDENTIAL_KIND] = shortened(str(method), attribute.SEARCHED_LIMIT)

    def begin(self, attempt: object) -> int:
        """Note that an attempt begins; returns how many are under way with it, in this process."""
        if self._process != os.getpid():
            self._process, self._under_way = os.getpid(), set()
        self._under_way.add(id(attempt))
        return len(self._under_way)

    def end(self, attempt: object) -> None:
        """Note that an attempt has ended."""
        self._under_way.discard(id(attempt))

    def credentials_expire_in(self) -> int | None:
        """Return the seconds until temporary credentials end, None for lasting ones.

        Read as it lies there: asking the credentials themselves might fetch new ones.
        """
        expires = getattr(self._credentials, "_expiry_time", None)
        return None if expires is None else int(expires.timestamp() - time.time())


def client_of(endpoint: Any, context: Mapping[str, Any]) -> Client:
    """Return the client of `endpoint`, which is botocore's, one a client.

    `context` is that of a call, which holds the client's configuration.
    """
    client: Client | None = endpoint.__dict__.get(_CLIENT)
    if client is None:
        client = endpoint.__dict__.setdefault(_CLIENT, Client(endpoint, context))
    return client


def _credentials_of(endpoint: Any) -> Any:
    """Return the credentials that the client signs with: its signer listens to the making of requests."""
    emitter = endpoint._event_emitter
    handlers = getattr(emitter, "_emitter", emitter)._handlers.prefix_search("request-created.s3")
    signers = (getattr(handler, "__self__", None) for handler in handlers or ())
    return next(filter(None, (getattr(signer, "_credentials", None) for signer in signers)), None)


def _attributes_of(endpoint: Any, context: Mapping[str, Any]) -> Known:
    config = context.get("client_config")
    retries = getattr(config, "retries", None) or {}
    mode, attempts = str(retries.get("mode") or _DEFAULT_MODE), attempts_allowed(retries)
    known: dict[str, object] = {
        attribute.ATTEMPTS_ALLOWED: attempts,
        attribute.RETRY_MODE: mode,
        attribute.CONNECT_TIMEOUT_SECONDS: _seconds(config, "connect_timeout"),
        attribute.READ_TIMEOUT_SECONDS: _seconds(config, "read_timeout"),
        attribute.POOL_SIZE: getattr(config, "max_pool_connections", None),
        attribute.ENDPOINT: shortened(_without_credentials(endpoint.host), attribute.SEARCHED_LIMIT),
        attribute.REGION: context.get("client_region"),
    }
    facts: Known = {name: value for name, value in known.items() if isinstance(value, (str, int, float))}
    connect, read = facts.get(attribute.CONNECT_TIMEOUT_SECONDS), facts.get(attribute.READ_TIMEOUT_SECONDS)
    if isinstance(connect, float) and isinstance(read, float):
        facts[attribute.PATIENCE_SECONDS] = attempts * (connect + read) + longest_backoffs(mode, attempts)
    return facts


def _without_credentials(address: str) -> str:
    """Return ``scheme://host:port`` of an endpoint's address, in which a user and password may stand."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _seconds(config: Any, name: str) -> float | None:
    value = getattr(config, name, None)
    if isinstance(value, (tuple, list)):  # botocore takes requests' (connect, read), too
        value = value[0]
    return float(value) if isinstance(value, (int, float)) else None


def attempts_allowed(retries: Mapping[str, Any] | None) -> int:
    """Return how many HTTP requests one call may send, as botocore's client configuration has it.

    Defaults: legacy mode 5, standard and adaptive 3 (boto3 guide, "Retries").
    """
    retries = retries or {}
    total = retries.get("total_max_attempts")
    return int(total) if total is not None else _DEFAULT_ATTEMPTS.get(str(retries.get("mode")), 5)


def longest_backoffs(mode: str, attempts: int) -> float:
    """Return the longest sum, in seconds, of the backoffs between a call's attempts.

    Legacy mode sleeps up to 1, 2, 4, 8 … seconds, the others the same up to 20 each; jitter makes it less
    (`botocore.retryhandler.delay_exponential`, `botocore.retries.standard.ExponentialBackoff`).
    """
    backoffs = (2.0**number for number in range(attempts - 1))
    return sum(backoffs if mode == "legacy" else (min(backoff, _LONGEST_BACKOFF) for backoff in backoffs))
