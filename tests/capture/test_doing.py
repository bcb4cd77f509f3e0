"""What a request is doing at a moment, asked from another thread while it does it."""

from __future__ import annotations

import http.client
import io
import threading
from collections.abc import Callable
from typing import Any

import botocore.endpoint
import pytest
import urllib3.util.connection
from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import doing
from otel_savetrace.capture.save import Save, live_save
from otel_savetrace.capture.state import StorageCall
from tests.fixture_capture import Captured
from tests.fixture_halt import SECONDS, Halt
from tests.raw_store import RawStore, refused
from tests.ways_in.s3_answers import object_of

MakeClient = Callable[..., Any]

_MORE_THAN_SOCKETS_HOLD = 32 * 1024 * 1024


def _before(halt: Halt, original: Callable[..., Any]) -> Callable[..., Any]:
    def halting(*arguments: Any, **named: Any) -> Any:
        halt()
        return original(*arguments, **named)

    return halting


def _put(client: Any, body: Any = b"content") -> Callable[[], Any]:
    return lambda: client.put_object(Bucket="bucket", Key="key", Body=body)


@pytest.mark.parametrize(
    ("event", "told", "stored"),
    [("before-call", "preparing PutObject", "no"), ("after-call", "finishing PutObject", "yes")],
)
def test_a_call_around_its_attempts(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt, event: str, told: str, stored: str
) -> None:
    """Before anything was sent nothing can be stored, after the store's answer it is."""
    client = client_of(store)
    client.meta.events.register(f"{event}.s3.PutObject", halt)
    with halt.of_request(_put(client)) as save:
        assert save.doing() == told
        assert save.wrote
        assert save.stored(failed=True) == stored


def test_an_attempt_that_connects(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as no connection stands nothing was sent."""
    connection = urllib3.util.connection
    monkeypatch.setattr(connection, "create_connection", _before(halt, connection.create_connection))
    with halt.of_request(_put(client_of(store, retries=2))) as save:
        assert save.doing() == "attempt 1 of 3 of PutObject: connecting"
        assert save.stored(failed=True) == "no"


def test_an_attempt_that_is_sent(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt
) -> None:
    """Once a head has left nobody can know what the store does with it."""
    store.receive = halt.receive
    with halt.of_request(_put(client_of(store), bytes(_MORE_THAN_SOCKETS_HOLD))) as save:
        assert save.doing() == "attempt 1 of 1 of PutObject: sending"
        assert save.stored(failed=True) == "unknown"


def test_an_attempt_that_waits_for_its_answer(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was sent whole, and the answer has not come."""
    monkeypatch.setattr(http.client.HTTPResponse, "begin", _before(halt, http.client.HTTPResponse.begin))
    with halt.of_request(_put(client_of(store))) as save:
        assert save.doing() == "attempt 1 of 1 of PutObject: waiting for the answer"
        assert save.stored(failed=True) == "unknown"


@pytest.mark.parametrize(
    ("refusal", "stored"),
    [(refused("503 Slow Down", "SlowDown"), "no"), (refused("500 Error", "InternalError"), "unknown")],
    ids=["refused", "perhaps done"],
)
def test_a_backoff(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    halt: Halt,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Any,
    stored: str,
) -> None:
    """Between two attempts the next one is named; what the last one may have stored stays known."""
    monkeypatch.setattr(botocore.endpoint.time, "sleep", halt)
    store.script = [refusal]
    with halt.of_request(_put(client_of(store, retries=2))) as save:
        assert save.doing() == "backing off before attempt 2 of 3 of PutObject"
        assert save.stored(failed=True) == stored


def test_after_the_last_attempt(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backoff is told of where no attempt can follow."""
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _: None)
    store.script = [refused("503 Slow Down", "SlowDown")] * 2
    client = client_of(store, retries=1)
    client.meta.events.register("after-call.s3.PutObject", halt)

    def put() -> None:
        with pytest.raises(client.exceptions.ClientError):
            _put(client)()

    with halt.of_request(put) as save:
        assert save.doing() == "finishing PutObject"


@pytest.mark.parametrize(
    ("attempts", "quota_exhausted", "is_last"), [(3, False, True), (2, True, True), (2, False, False)]
)
def test_which_attempt_is_the_last(attempts: int, *, quota_exhausted: bool, is_last: bool) -> None:
    """The one that is allowed as the last, or after which the client's quota allows no other."""
    call = StorageCall(INVALID_SPAN, "PutObject", {})
    call.client = {attribute.ATTEMPTS_ALLOWED: 3}
    call.attempts, call.quota_exhausted = attempts, quota_exhausted
    assert call.is_last_attempt == is_last


def test_a_call_that_the_app_repeats(
    captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt
) -> None:
    """Attempts are counted by the call; that the app makes the call again is said."""
    client = client_of(store)

    def twice() -> None:
        store.script = [refused("503 Slow Down", "SlowDown")]
        with pytest.raises(client.exceptions.ClientError):
            _put(client)()
        client.meta.events.register("before-call.s3.PutObject", halt)
        _put(client)()

    with halt.of_request(twice) as save:
        assert save.doing() == "preparing PutObject, repetition 1 by the app"


def test_calls_in_threads(captured: Captured, store: RawStore, client_of: MakeClient, halt: Halt) -> None:
    """Of several calls at once one that writes is told, and how many there are; the end leaves none open."""
    store.choose = lambda _: object_of(1)
    client = client_of(store)
    reached = threading.Barrier(2, action=halt.reached.set)

    def wait(**_: Any) -> None:
        reached.wait(SECONDS)
        assert halt.go_on.wait(SECONDS)

    client.meta.events.register("before-call.s3.UploadPart", wait)
    parts = io.BytesIO(bytes(10 * 1024 * 1024))
    with halt.of_request(lambda: client.upload_fileobj(parts, "bucket", "key")) as save:
        assert save.doing() == "preparing UploadPart, one of 2 calls at once"
        assert save.stored(failed=True) == "no"
    assert save.totals is not None
    assert save.totals.open == []


@pytest.mark.parametrize(
    ("scope", "attributes", "told"),
    [
        ("opentelemetry.instrumentation.psycopg2", {"db.system": "postgresql"}, "postgresql"),
        ("opentelemetry.instrumentation.redis", {}, "redis"),
        ("some scope", {"db.system": "it is\nfree text"}, "a service"),
    ],
)
def test_another_service_is_asked(
    captured: Captured, halt: Halt, scope: str, attributes: dict[str, str], told: str
) -> None:
    """Who is waited for is known by the client span of its instrumentation, until that ends."""
    tracer = captured.provider.get_tracer(scope)
    asked: list[str] = []

    def view() -> None:
        save = live_save()
        assert save is not None
        with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT) as span:
            span.set_attributes(attributes)
            asked.append(save.doing())
        halt()

    with halt.of_request(view) as save:
        assert asked == [f"waiting for {told}"]
        assert save.doing() == doing.IN_THE_APP


def test_whoever_is_asked_first_is_waited_for_last(captured: Captured) -> None:
    """Of services asked one within the other the innermost is told, however many were asked before."""
    tracer = captured.provider.get_tracer("opentelemetry.instrumentation.redis")
    save = Save(tracer.start_span("POST /"), None)
    outer = tracer.start_span("outer", kind=SpanKind.CLIENT, attributes={"rpc.system": "grpc"})
    save.ask(outer)
    for _ in range(20):
        inner = tracer.start_span("inner", kind=SpanKind.CLIENT)
        save.ask(inner)
        assert save.doing() == "waiting for redis"
        inner.end()
        assert save.doing() == "waiting for grpc"
    outer.end()
    assert save.doing() == doing.IN_THE_APP


def test_of_two_calls_the_one_that_writes_is_told(captured: Captured) -> None:
    """A save is about what it stores, whatever it reads beside that."""
    tracer = captured.provider.get_tracer("test")
    save = Save(tracer.start_span("POST /"), None)
    for operation in ("HeadObject", "PutObject", "GetObject"):
        save.begin(StorageCall(tracer.start_span(f"S3.{operation}"), operation, {"Bucket": "b", "Key": "k"}))
    assert save.doing() == "preparing PutObject, one of 3 calls at once"
