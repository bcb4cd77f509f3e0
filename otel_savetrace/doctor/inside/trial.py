"""A trial save: a Flask app of our own puts one object into a store of our own; what is recorded is counted.

It is what no look at hooks can tell: whether they record, with the very versions that are installed here.
Nothing of it is exported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import threading
from collections.abc import Iterator
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import in_flight
from otel_savetrace.doctor.facts import Trial

ROUTE = "/savetrace-doctor/"
SECONDS = 10.0

SAMPLED = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
"""A trace that is recorded already, whatever share of new ones the sampler takes."""

_LOOPBACK = "127.0.0.1"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STORED = b'HTTP/1.1 200 OK\r\nETag: "trial"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


def trial(_: str) -> Trial | None:
    """Return what was recorded of a save; `None` where none can be made, or no span can be looked at."""
    if not hasattr(trace.get_tracer_provider(), "_active_span_processor"):
        return None
    if any(importlib.util.find_spec(package) is None for package in ("flask", "botocore")):
        return None
    with _Store() as store, _kept() as spans:
        status = _save(store.address)
    saves = [span for span in spans if span.kind is SpanKind.SERVER]
    attempts = [span for span in spans if _scope(span) == attribute.SCOPE]
    return {
        "status": status,
        "saves": len(saves),
        "calls": sum(span.name == "S3.PutObject" for span in spans),
        "attempts": len(attempts),
        "outcome": str((saves[0].attributes or {}).get(attribute.OUTCOME, "")) if saves else "",
        "header_bytes": _header_bytes(attempts[0]) if attempts else 0,
        "header_bytes_received": store.header_bytes,
    }


def _save(address: str) -> int:
    import botocore.session
    import flask
    from botocore.config import Config

    client = botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="unused",
        aws_secret_access_key="unused",  # noqa: S106 - no secret
        config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    app = flask.Flask("savetrace_doctor")

    def save() -> str:
        client.put_object(Bucket="trial", Key="savetrace-doctor", Body=b"trial")
        return "saved"

    app.add_url_rule(ROUTE, view_func=save, methods=["POST"])
    try:
        return int(app.test_client().post(ROUTE, headers=SAMPLED).status_code)
    finally:
        client.close()


def _scope(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def _header_bytes(span: ReadableSpan) -> int:
    held = (span.attributes or {}).get(attribute.HEADER_BYTES)
    return held if isinstance(held, int) else 0


@contextlib.contextmanager
def _kept() -> Iterator[list[ReadableSpan]]:
    """Keep the spans that end; no exporter of this process has them, and no other process tells of them."""
    kept: list[ReadableSpan] = []

    class Keeper(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            kept.append(span)

    # The SDK has no public way to take a processor out.
    chain: Any = trace.get_tracer_provider()._active_span_processor  # type: ignore[attr-defined]  # as above
    before, recorder = chain._span_processors, in_flight.recorder
    in_flight.recorder = None
    chain._span_processors = (*(one for one in before if not hasattr(one, "span_exporter")), Keeper())
    try:
        yield kept
    finally:
        chain._span_processors, in_flight.recorder = before, recorder


class _Store:
    """Takes one PUT on loopback and counts its head."""

    def __init__(self) -> None:
        self._listener = socket.create_server((_LOOPBACK, 0))
        self._listener.settimeout(SECONDS)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = f"http://{_LOOPBACK}:{self._listener.getsockname()[1]}"
        self.header_bytes = 0

    def __enter__(self) -> _Store:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A shutdown wakes a thread that waits for a visitor; a close alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(SECONDS)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(SECONDS)
                head, body = self._head(connection)
                self.header_bytes = len(head)
                connection.sendall(_CONTINUE)
                while body != b"trial" and (more := connection.recv(65_536)):
                    body += more
                connection.sendall(_STORED)

    @staticmethod
    def _head(connection: socket.socket) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received and (more := connection.recv(65_536)):
            received += more
        head, end, body = received.partition(b"\r\n\r\n")
        return head + end, body
