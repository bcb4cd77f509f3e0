"""What a client was set to, and how long its calls may take: read once a client, kept on its endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.text import shortened

Facts = dict[str, str | int | float]

_FACTS = "_otel_savetrace_client"
_DEFAULT_ATTEMPTS = {"legacy": 5, "standard": 3, "adaptive": 3}
_DEFAULT_MODE = "legacy"
_LONGEST_BACKOFF = 20


def client_facts(endpoint: Any, context: Mapping[str, Any]) -> Facts:
    """Return the attributes that every call of a client has in common.

    `endpoint` is botocore's, one a client; `context` the call's, which holds the client's configuration.
    """
    facts: Facts | None = endpoint.__dict__.get(_FACTS)
    if facts is None:
        facts = _facts(endpoint, context)
        setattr(endpoint, _FACTS, facts)
    return facts


def _facts(endpoint: Any, context: Mapping[str, Any]) -> Facts:
    config = context.get("client_config")
    retries = getattr(config, "retries", None) or {}
    mode, attempts = str(retries.get("mode") or _DEFAULT_MODE), attempts_allowed(retries)
    known: dict[str, object] = {
        attribute.ATTEMPTS_ALLOWED: attempts,
        attribute.RETRY_MODE: mode,
        attribute.CONNECT_TIMEOUT_SECONDS: _seconds(config, "connect_timeout"),
        attribute.READ_TIMEOUT_SECONDS: _seconds(config, "read_timeout"),
        attribute.POOL_SIZE: getattr(config, "max_pool_connections", None),
        attribute.ENDPOINT: shortened(endpoint.host, attribute.SEARCHED_LIMIT),
        attribute.REGION: context.get("client_region"),
    }
    facts: Facts = {name: value for name, value in known.items() if isinstance(value, (str, int, float))}
    connect, read = facts.get(attribute.CONNECT_TIMEOUT_SECONDS), facts.get(attribute.READ_TIMEOUT_SECONDS)
    if isinstance(connect, float) and isinstance(read, float):
        facts[attribute.PATIENCE_SECONDS] = attempts * (connect + read) + longest_backoffs(mode, attempts)
    return facts


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
