"""Which attributes a convention explains, under which names, and which are the user's own."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from otel_savetrace import attributes
from otel_savetrace.spans.rows import AttributeValue

OLD_NAMES: Mapping[str, str] = {
    "http.request.method": "http.method",
    "http.response.status_code": "http.status_code",
    "url.path": "http.target",
    "url.scheme": "http.scheme",
    "user_agent.original": "http.user_agent",
    "client.address": "net.peer.ip",
    "network.protocol.version": "http.flavor",
}
"""HTTP attributes by their stable names, and what instrumentations still call them by default."""

NAMESPACES = frozenset(
    """
    aws az azure browser client cloud code container cpu db deployment destination device dns elastic error
    event exception faas feature_flag gcp gen_ai geo graphql heroku host http internal jaeger k8s log
    messaging net network oci opencensus opentracing os otel peer process profile rpc sampler sampling
    savetrace server service session signalr source span system telemetry test thread tls url user_agent vcs
    w3c webengine
    """.split()  # noqa: SIM905 - words are read more easily than ninety quotes
)
"""First parts of names that OpenTelemetry's semantic conventions and ours have taken.

Left out on purpose: `user`, `enduser`, `app`, `file`. Who names them so tells whose thing it is, or which.
"""

WITHOUT_NAMESPACE = frozenset({"component", "retry_attempts", "type"})
"""Names without a part in front that instrumentations write."""


CLIENT_ADDRESSES = frozenset(
    {"client.address", "client.port", "client.socket.address", "client.socket.port", "http.client_ip"}
)


def either(held: Mapping[str, AttributeValue], name: str) -> AttributeValue:
    """Return the value of a stable HTTP attribute, whether it stands under its new or its old name."""
    value = held.get(name)
    return held.get(OLD_NAMES.get(name, "")) if value is None else value


def own_names(held: Mapping[str, AttributeValue]) -> list[str]:
    """Return the names of text attributes that no convention explains: the user's own, `storymap.id` say."""
    return [name for name, value in held.items() if isinstance(value, str) and not _explained(name)]


@functools.lru_cache(maxsize=4096)
def names_client(name: str) -> bool:
    """Return whether an attribute of this name tells with what program somebody saved, by its name alone.

    Addresses do not: they change on the way.
    """
    return attributes.names_client(name) and name not in CLIENT_ADDRESSES


@functools.lru_cache(maxsize=4096)
def _explained(name: str) -> bool:
    first = name.partition(".")[0]
    return name in attributes.REGISTRY or first in NAMESPACES or name in WITHOUT_NAMESPACE
