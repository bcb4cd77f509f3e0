"""A certificate for loopback, made by ``openssl`` for one run."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

from otel_savetrace.demo.processes import LOOPBACK, base_environment
from otel_savetrace.demo.servers import Certificate
from otel_savetrace.errors import RealPartError


def make_certificate(folder: Path) -> Certificate:
    """Return a new certificate, which is its own authority; its files lie in `folder`.

    Raises `RealPartError` where there is no ``openssl``.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise RealPartError("There is no openssl, which makes the store's certificate: install it.")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command: list[str | Path] = [
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=storage", "-addext", f"subjectAltName=IP:{LOOPBACK}",
        "-keyout", key, "-out", certificate,
    ]  # fmt: skip
    made = subprocess.run(  # noqa: S603 - openssl, by the path that PATH gave
        command, env=base_environment(), capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise RealPartError(f"openssl could not make a certificate: {made.stderr.strip()}")
    return Certificate(certificate, key)


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return the context of a server that has the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    return context
