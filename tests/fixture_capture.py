"""Capture in this process: a provider of the test's own, OpenTelemetry's instrumentations, then ours."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import trustme
from botocore.config import Config
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_savetrace
from otel_savetrace.attributes import SCOPE
from otel_savetrace.capture.processor import FLASK_SCOPE
from tests.raw_store import RawStore

BOTOCORE_SCOPE = "opentelemetry.instrumentation.botocore"


@dataclasses.dataclass(frozen=True)
class Captured:
    """The spans that ended so far, by what they are; earlier ended first."""

    exporter: InMemorySpanExporter
    provider: TracerProvider

    @property
    def attempts(self) -> list[ReadableSpan]:
        """Our spans, one for each HTTP request."""
        return self._of(SCOPE)

    @property
    def calls(self) -> list[ReadableSpan]:
        """botocore's spans."""
        return [span for span in self.exporter.get_finished_spans() if span.name.startswith("S3.")]

    @property
    def saves(self) -> list[ReadableSpan]:
        """Flask's spans."""
        return self._of(FLASK_SCOPE)

    def _of(self, scope: str) -> list[ReadableSpan]:
        return [
            span
            for span in self.exporter.get_finished_spans()
            if span.instrumentation_scope is not None and span.instrumentation_scope.name == scope
        ]


def facts(span: ReadableSpan) -> dict[str, Any]:
    """A span's attributes as a plain dict."""
    return dict(span.attributes or {})


def botocore_instrumentor() -> Any:
    """Return OpenTelemetry's one instrumentor of botocore, which has no types."""
    return BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # untyped there


@pytest.fixture
def instrumented() -> Iterator[Captured]:
    """Plain OpenTelemetry, without otel-savetrace."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    flask_instrumentor: Any = FlaskInstrumentor()
    botocore = botocore_instrumentor()
    flask_instrumentor.instrument(tracer_provider=provider)
    botocore.instrument(tracer_provider=provider)
    yield Captured(exporter, provider)
    botocore.uninstrument()
    flask_instrumentor.uninstrument()


@pytest.fixture
def settings() -> otel_savetrace.Settings:
    """What `captured` runs with; a test that needs other settings overrides it by parametrization."""
    return otel_savetrace.Settings()


@pytest.fixture
def captured(instrumented: Captured, settings: otel_savetrace.Settings) -> Iterator[Captured]:
    """OpenTelemetry and otel-savetrace, with `settings`."""
    assert otel_savetrace.instrument(instrumented.provider, settings)
    yield instrumented
    otel_savetrace.uninstrument()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority for this run."""
    return trustme.CA()


@pytest.fixture
def store() -> Iterator[RawStore]:
    """A raw store over http."""
    server = RawStore()
    yield server
    server.stop()


@pytest.fixture(params=["http", "https"])
def any_store(request: pytest.FixtureRequest, authority: trustme.CA) -> Iterator[RawStore]:
    """A raw store over http, then over https."""
    certificate = None
    if request.param == "https":
        certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(certificate)
    server = RawStore(certificate)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def boto3_session() -> Any:
    """What all clients are made from, since each session reads S3's model anew."""
    return boto3.Session()


@pytest.fixture
def client_of(boto3_session: Any, authority: trustme.CA, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes S3 clients: `client_of(store, retries=2)`, with any other `Config` option."""
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    clients = []

    def make(store: RawStore, *, retries: int = 0, service: str = "s3", **options: Any) -> Any:
        config = Config(
            retries={"mode": "standard", "max_attempts": retries},
            s3={"addressing_style": "path"},
            # No machine is so busy that a test waits this long for what is coming.
            connect_timeout=60,
            **{"read_timeout": 60, **options},
        )
        client = boto3_session.client(
            service,
            endpoint_url=store.address,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            verify=str(trusted),
            config=config,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
