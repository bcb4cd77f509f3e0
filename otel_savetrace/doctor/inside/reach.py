"""How far a connection to an exporter's endpoint gets: name, connect, TLS."""

from __future__ import annotations

import os
import socket
import ssl
import urllib.parse
import urllib.request
from typing import NamedTuple

from otel_savetrace.doctor.facts import ExporterFacts

CONNECT_SECONDS = 3.0

_PORTS = {"http": 80, "https": 443}
_GRPC_PORT = 443


class Obstacle(NamedTuple):
    """Where a connection ended, and what the system or the other side said."""

    stage: str
    detail: str


def obstacle(exporter: ExporterFacts) -> Obstacle | None:
    """Return what keeps a connection from being made; `None` where nothing does, or it cannot be told.

    It cannot where a proxy stands between, or the endpoint is no host and port.
    """
    target = _target(exporter)
    if target is None:
        return None
    host, port = target
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Obstacle("name", getattr(error, "strerror", None) or str(error))
    try:
        connection = socket.create_connection(target, timeout=CONNECT_SECONDS)
    except OSError as error:
        return Obstacle("connect", error.strerror or str(error))
    with connection:
        return _tls(connection, host, exporter["kind"]) if exporter["secure"] else None


def _target(exporter: ExporterFacts) -> tuple[str, int] | None:
    endpoint = exporter["endpoint"]
    if exporter["kind"] == "grpc":
        if endpoint.startswith(("unix:", "dns:", "ipv4:", "ipv6:", "xds:")):
            return None
        endpoint = f"//{endpoint}"
    parts = urllib.parse.urlsplit(endpoint)
    try:
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, _GRPC_PORT)
    except ValueError:
        return None
    if not host or _behind_a_proxy(host, parts.scheme or "http"):
        return None
    return host, port


def _behind_a_proxy(host: str, scheme: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(host)


def _tls(connection: socket.socket, host: str, kind: str) -> Obstacle | None:
    authority = _variable("CERTIFICATE")
    try:
        context = ssl.create_default_context(cafile=authority)
        certificate = _variable("CLIENT_CERTIFICATE")
        if certificate:
            context.load_cert_chain(certificate, _variable("CLIENT_KEY"))
    except OSError as error:
        return Obstacle("certificate", f"{authority or 'the client certificate'}: {error.strerror or error}")
    if kind == "grpc":
        context.set_alpn_protocols(["h2"])
    try:
        context.wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return Obstacle("tls", error.verify_message or str(error))
    except OSError as error:
        return Obstacle(
            "tls", getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__
        )
    return None


def _variable(name: str) -> str | None:
    """Return an exporter's file as OpenTelemetry looks for it: that for traces first."""
    of_traces = os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}")
    return of_traces or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or None
