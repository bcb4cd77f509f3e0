"""What really goes wrong between boto3 and a store has one cause, seen by us or by OpenTelemetry alone."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
import trustme
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_savetrace.analysis.causes import causes_of, key_of
from otel_savetrace.analysis.saves import saves
from otel_savetrace.spans.otlp_json import read_path
from tests.fixture_capture import Captured
from tests.raw_store import RawStore, closed, refused, reset, silent

Clients = Callable[..., Any]
SOON_SECONDS = 0.2


def _answering(*answers: Any, **options: Any) -> Callable[[RawStore, Clients, Any], Any]:
    def client(store: RawStore, client_of: Clients, _: Any) -> Any:
        store.script = list(answers)
        return client_of(store, **options)

    return client


def _gone(store: RawStore, client_of: Clients, _: Any) -> Any:
    client = client_of(store)
    store.stop()
    return client


def _unknown(_: RawStore, client_of: Clients, __: Any) -> Any:
    return client_of(SimpleNamespace(address="http://s3.storage.invalid"))


def _untrusted(_: RawStore, client_of: Clients, untrusted: RawStore) -> Any:
    return client_of(untrusted)


WRONG = {
    "throttled": (_answering(refused("503 Slow Down", "SlowDown")), "storage.throttled"),
    "skewed": (_answering(refused("403 Forbidden", "RequestTimeTooSkewed")), "storage.clock_skew"),
    "conflict": (_answering(refused("409 Conflict", "OperationAborted")), "storage.conflict"),
    "reset": (_answering(reset), "network.reset"),
    "closed": (_answering(closed), "network.reset"),
    "silent": (_answering(silent, read_timeout=SOON_SECONDS), "network.read_timeout"),
    "gone": (_gone, "network.refused"),
    "unknown": (_unknown, "network.dns"),
    "untrusted": (_untrusted, "network.tls"),
}


@pytest.fixture
def untrusted() -> Iterator[RawStore]:
    """A store whose certificate is of an authority that no client trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = RawStore(context)
    yield server
    server.stop()


@pytest.mark.parametrize("seen_by", ["captured", "instrumented"])
@pytest.mark.parametrize("wrong", WRONG)
def test_its_cause_is_known(
    request: pytest.FixtureRequest, wrong: str, seen_by: str, store: RawStore, client_of: Clients,
    untrusted: RawStore, tmp_path: Path,
) -> None:  # fmt: skip
    """A real fault under an app that turns it into a bare 500 is told by the spans that are there."""
    tracing: Captured = request.getfixturevalue(seen_by)
    make, cause = WRONG[wrong]
    tracing.provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(tmp_path / "spans.jsonl")))
    client = make(store, client_of, untrusted)
    app = flask.Flask("maps")

    @app.post("/keep")
    def keep() -> tuple[str, int]:
        try:
            client.put_object(Bucket="maps", Key="a/b", Body=b"x" * 500)
        except Exception:
            return "sorry", 500
        return "kept", 200

    app.test_client().post("/keep")
    tracing.provider.force_flush()
    (save,) = saves(read_path(tmp_path / "spans.jsonl").spans)
    assert save.outcome == "failed"
    assert causes_of([save], [], {})[key_of(save)].name == cause
