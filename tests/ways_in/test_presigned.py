"""Presigned addresses and forms: no call is made, so none is recorded, and they are what they were."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any

import flask
import pytest

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]
Presign = Callable[[Any], Any]

PRESIGNED: dict[str, Presign] = {
    "address to put": lambda client: client.generate_presigned_url(
        "put_object", {"Bucket": "bucket", "Key": "maps/1"}
    ),
    "address to get": lambda client: client.generate_presigned_url(
        "get_object", {"Bucket": "bucket", "Key": "maps/1"}
    ),
    "form": lambda client: client.generate_presigned_post("bucket", "maps/1"),
}


@pytest.mark.parametrize("presigned", PRESIGNED)
def test_presigning_is_no_call(
    captured: Captured, store: RawStore, client_of: MakeClient, presigned: str
) -> None:
    """A presigned address or form makes no request and no span, and its request is no save."""
    client = client_of(store)
    app = flask.Flask("maps")
    app.add_url_rule("/address/", view_func=lambda: {"address": PRESIGNED[presigned](client)})
    assert app.test_client().get("/address/").json
    assert store.seen == []
    assert captured.calls == captured.attempts == []
    (request,) = captured.saves
    assert not [name for name in facts(request) if name.startswith(("savetrace.", "aws."))]


@pytest.mark.parametrize("presigned", PRESIGNED)
def test_what_is_presigned_is_as_before(
    instrumented: Captured,
    store: RawStore,
    client_of: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    presigned: str,
) -> None:
    """Address and form carry the very same parameters as without us, no trace header among what is signed."""
    client = client_of(store)
    before = _shape(PRESIGNED[presigned](client))
    otel_savetrace.instrument(instrumented.provider, Settings())
    after = _shape(PRESIGNED[presigned](client))
    otel_savetrace.uninstrument()
    assert after == before


def _shape(presigned: Any) -> Any:
    """What does not depend on the moment: address, and names and lengths of parameters."""
    if isinstance(presigned, dict):
        return presigned["url"], {name: len(value) for name, value in presigned["fields"].items()}
    address, _, query = presigned.partition("?")
    return address, [
        (name, value if name == "X-Amz-SignedHeaders" else len(value))
        for name, value in urllib.parse.parse_qsl(query)
    ]


def test_a_call_after_presigning_is_a_first_attempt(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Presigning leaves nothing behind that a later call would count as its own."""
    client = client_of(store)
    client.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "maps/1"})
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"1")
    (attempt,) = captured.attempts
    assert facts(attempt)[attribute.RETRY_ATTEMPT] == 0
    assert attribute.BACKOFF_SECONDS not in facts(attempt)
    assert facts(attempt)[attribute.HEADER_BYTES] == len(store.seen[0].head)
