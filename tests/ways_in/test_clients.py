"""Every kind of client, whenever it was made: what it sends is recorded as the store counted it."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import WaiterError

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.state import current_call
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, Visit, refused, stored
from tests.ways_in.s3_answers import ENOUGH, object_of, page

pytestmark = pytest.mark.usefixtures("short_backoff")

MakeClient = Callable[..., Any]

OF_TESTS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}
ONCE = {"mode": "standard", "max_attempts": 0}


def _heads(captured: Captured) -> list[int]:
    return [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts]


def _counted(store: RawStore) -> list[int]:
    return [len(seen.head) for seen in store.seen]


def _key(call: Any) -> Any:
    return facts(call).get(attribute.S3_KEY)


@pytest.fixture
def names_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below ``s3.localhost`` is the loopback's, as a resolver would have it that knows them."""
    resolve = socket.getaddrinfo

    def on_loopback(name: Any, *more: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if str(name).endswith("s3.localhost") else name, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", on_loopback)


def test_copy_object_is_a_write_of_its_target(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """`copy_object` tells the target's key, one attempt, and the head that the store counted."""
    store.script = [object_of(5)]
    client_of(store).copy_object(Bucket="bucket", Key="maps/to", CopySource="old/from ü")
    (call,) = captured.calls
    assert (facts(call)[attribute.S3_BUCKET], _key(call)) == ("bucket", "maps/to")
    assert _heads(captured) == _counted(store)
    assert attribute.CONTENT_SIZE not in facts(call), "what is copied does not pass through here"


def test_resources_are_recorded_as_clients_are(captured: Captured, store: RawStore) -> None:
    """`boto3.resource`: what its objects and buckets put, get, upload, copy and delete is all recorded."""
    store.script = [object_of(3)] * ENOUGH
    resource = boto3.Session().resource(
        "s3", endpoint_url=store.address, config=Config(s3={"addressing_style": "path"}), **OF_TESTS
    )
    bucket = resource.Bucket("bucket")
    bucket.put_object(Key="maps/1", Body=b"123")
    bucket.Object("maps/2").put(Body="123")
    bucket.upload_fileobj(io.BytesIO(b"123"), "maps/3")
    bucket.copy({"Bucket": "old", "Key": "from"}, "maps/4")
    resource.Object("bucket", "maps/5").copy_from(CopySource="old/from")
    assert resource.Object("bucket", "maps/6").get()["Body"].read() == b"xxx"
    resource.Object("bucket", "maps/7").delete()
    resource.meta.client.close()
    assert [(call.name, _key(call)) for call in captured.calls] == [
        ("S3.PutObject", "maps/1"),
        ("S3.PutObject", "maps/2"),
        ("S3.PutObject", "maps/3"),
        ("S3.HeadObject", "from"),
        ("S3.CopyObject", "maps/4"),
        ("S3.CopyObject", "maps/5"),
        ("S3.GetObject", "maps/6"),
        ("S3.DeleteObject", "maps/7"),
    ]
    assert _heads(captured) == _counted(store)


def test_botocore_alone_is_recorded(captured: Captured, store: RawStore) -> None:
    """A client of botocore itself, without boto3, is recorded, first try and retry."""
    store.script = [refused("503 Slow Down", "SlowDown")]
    client = botocore.session.get_session().create_client(
        "s3", endpoint_url=store.address, config=Config(retries={"mode": "legacy"}), **OF_TESTS
    )
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"123")
    client.close()
    assert [span.name for span in captured.attempts] == ["attempt: 503 SlowDown", "attempt: 200"]
    assert _heads(captured) == _counted(store)
    assert facts(captured.calls[0])[attribute.ATTEMPTS_ALLOWED] == 5


def test_a_client_made_and_used_before_is_recorded_from_then_on(
    instrumented: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A client that had made calls before capture was switched on is recorded, its old connection as reused.

    Neither age nor idle time of that connection can be known, so neither is told.
    """
    client = client_of(store)
    client.put_object(Bucket="bucket", Key="before", Body=b"1")
    otel_savetrace.instrument(instrumented.provider, Settings())
    client.put_object(Bucket="bucket", Key="after", Body=b"1")
    client.put_object(Bucket="bucket", Key="later", Body=b"1")
    otel_savetrace.uninstrument()
    first, second = (facts(span) for span in instrumented.attempts)
    assert [seen.connection for seen in store.seen] == [0, 0, 0]
    assert first[attribute.CONNECTION] == second[attribute.CONNECTION] == attribute.REUSED
    assert not {attribute.CONNECTION_AGE_SECONDS, attribute.CONNECTION_IDLE_SECONDS} & set(first)
    assert attribute.CONNECTION_PID not in first
    assert [first[attribute.HEADER_BYTES], second[attribute.HEADER_BYTES]] == _counted(store)[1:]


def test_a_client_made_before_opentelemetry_is_recorded(
    store: RawStore, client_of: MakeClient, request: pytest.FixtureRequest
) -> None:
    """A client made before OpenTelemetry itself was switched on is recorded as any other."""
    client = client_of(store)
    client.put_object(Bucket="bucket", Key="before", Body=b"1")
    captured: Captured = request.getfixturevalue("captured")
    client.put_object(Bucket="bucket", Key="after", Body=b"1")
    assert [_key(call) for call in captured.calls] == ["after"]
    assert _heads(captured) == _counted(store)[1:]


def test_a_client_outlives_capture(instrumented: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Switched off, a client that was made and used meanwhile goes on, and nothing more is recorded."""
    otel_savetrace.instrument(instrumented.provider, Settings())
    client = client_of(store)
    client.put_object(Bucket="bucket", Key="during", Body=b"1")
    otel_savetrace.uninstrument()
    client.put_object(Bucket="bucket", Key="after", Body=b"1")
    assert len(instrumented.attempts) == 1
    assert len(store.seen) == 2


def test_several_clients_keep_their_own_settings(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Clients of several sessions and configurations, used in turn, each tell their own settings."""
    patient = client_of(store, retries=4, read_timeout=70, max_pool_connections=3)
    hasty = client_of(store, retries=0, read_timeout=20)
    for _ in range(2):
        patient.put_object(Bucket="bucket", Key="patient", Body=b"1")
        hasty.put_object(Bucket="bucket", Key="hasty", Body=b"1")
    told = {
        (
            _key(call),
            facts(call)[attribute.ATTEMPTS_ALLOWED],
            facts(call)[attribute.READ_TIMEOUT_SECONDS],
            facts(call)[attribute.POOL_SIZE],
        )
        for call in captured.calls
    }
    assert told == {("patient", 5, 70.0, 3), ("hasty", 1, 20.0, 10)}
    assert [facts(span)[attribute.CONNECTION] for span in captured.attempts] == ["new"] * 2 + ["reused"] * 2


def test_several_stores_are_told_apart(captured: Captured, client_of: MakeClient) -> None:
    """Each call tells the endpoint that its own client was given."""
    stores = [RawStore(), RawStore()]
    for one in stores:
        client_of(one).put_object(Bucket="bucket", Key=str(one.port), Body=b"1")
    for call, attempt, one in zip(captured.calls, captured.attempts, stores, strict=True):
        assert facts(call)[attribute.ENDPOINT] == one.address
        assert facts(attempt)[attribute.PEER_PORT] == one.port
        one.stop()


@pytest.mark.usefixtures("names_on_loopback")
@pytest.mark.parametrize(
    ("style", "host", "path"),
    [("path", "s3.localhost", "/bucket/maps/1"), ("virtual", "bucket.s3.localhost", "/maps/1")],
)
def test_path_and_virtual_host_style(
    captured: Captured, store: RawStore, style: str, host: str, path: str
) -> None:
    """Where the bucket stood in the request is told as the store saw it; the endpoint is the client's own."""
    endpoint = f"http://s3.localhost:{store.port}"
    config = Config(s3={"addressing_style": style}, retries=ONCE)
    client = boto3.Session().client("s3", endpoint_url=endpoint, config=config, **OF_TESTS)
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"1")
    client.close()
    (seen,) = store.seen
    assert (seen.header("Host"), seen.head.split(b" ")[1].decode()) == (f"{host}:{store.port}", path)
    call = facts(captured.calls[0])
    assert call[attribute.ADDRESSING_STYLE] == style
    assert call[attribute.ENDPOINT] == endpoint
    assert (call[attribute.S3_BUCKET], call[attribute.S3_KEY]) == ("bucket", "maps/1")
    assert facts(captured.attempts[0])[attribute.PEER_ADDRESS] == "127.0.0.1"
    assert _heads(captured) == _counted(store)


def test_each_page_of_a_list_is_a_call(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A paginator's pages are one call each, without a key, and none of them a write."""
    store.script = [page(["a", "b"], "more"), page(["c"])]
    pages = client_of(store).get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="maps/")
    assert [item["Key"] for one in pages for item in one["Contents"]] == ["a", "b", "c"]
    assert [(call.name, _key(call)) for call in captured.calls] == [("S3.ListObjectsV2", None)] * 2
    assert _heads(captured) == _counted(store)


def test_each_look_of_a_waiter_is_a_call(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A waiter's looks are one call each; an object that is not there yet is an error of its call only."""
    client = client_of(store)
    store.script = [lambda visit: visit.send("404 Not Found")] * 2
    once_more = {"Delay": 0, "MaxAttempts": 3}
    client.get_waiter("object_exists").wait(Bucket="bucket", Key="maps/1", WaiterConfig=once_more)
    assert [span.name for span in captured.attempts] == ["attempt: 404"] * 2 + ["attempt: 200"]
    assert Counter(call.name for call in captured.calls) == {"S3.HeadObject": 3}
    assert [facts(call).get(attribute.ERROR_CODE) for call in captured.calls] == ["404", "404", None]


def test_a_waiter_that_gives_up_raises_its_own_error(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """What a waiter raises is botocore's."""
    store.script = [lambda visit: visit.send("404 Not Found")]
    waiter = client_of(store).get_waiter("object_exists")
    with pytest.raises(WaiterError):
        waiter.wait(Bucket="bucket", Key="maps/1", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    assert len(captured.calls) == 1


def test_a_connection_is_in_use_while_its_answer_is_read(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Idle time begins when the app has read an answer to its end, however long after the call that is."""
    go_on, sent = threading.Event(), []

    def in_two_halves(visit: Visit) -> None:
        visit.sock.sendall(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 200000\r\n\r\n' + b"x" * 100_000)
        go_on.wait()
        sent.append(time.monotonic())  # before: the client may have gone on before this thread runs again
        visit.sock.sendall(b"x" * 100_000)

    store.script = [in_two_halves]
    client, other = client_of(store), client_of(store)
    answer = client.get_object(Bucket="bucket", Key="maps/1")["Body"]
    for _ in range(5):
        other.put_object(Bucket="bucket", Key="meanwhile", Body=b"1")
    go_on.set()
    assert len(answer.read()) == 200_000
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"1")
    last = facts(captured.attempts[-1])
    assert [seen.connection for seen in store.seen] == [0, 1, 1, 1, 1, 1, 0]
    assert last[attribute.CONNECTION] == attribute.REUSED
    # Told to a tenth of a millisecond.
    assert last[attribute.CONNECTION_IDLE_SECONDS] <= store.seen[-1].arrived - sent[0] + 0.0001


@pytest.mark.usefixtures("names_on_loopback")
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("base", ["/store", "/store/"])
def test_an_endpoint_below_a_path(captured: Captured, store: RawStore, style: str, base: str) -> None:
    """Below a path of its own host, too, a store's bucket and key are told apart from what is before them."""
    endpoint = f"http://s3.localhost:{store.port}{base}"
    config = Config(s3={"addressing_style": style}, retries=ONCE)
    client = boto3.Session().client("s3", endpoint_url=endpoint, config=config, **OF_TESTS)
    client.put_object(Bucket="bucket", Key="maps/ü", Body=b"1")
    client.close()
    sent = {"path": "/store/bucket/maps/%C3%BC", "virtual": "/store/maps/%C3%BC"}
    assert store.seen[0].head.split(b" ")[1].decode() == sent[style]
    assert facts(captured.calls[0])[attribute.ADDRESSING_STYLE] == style
    assert facts(captured.calls[0])[attribute.ENDPOINT] == f"http://s3.localhost:{store.port}"
    assert facts(captured.attempts[0])[attribute.KEY_LEN_SENT] == len("maps/%C3%BC")


@pytest.mark.usefixtures("names_on_loopback")
def test_a_bucket_that_is_an_access_point(captured: Captured, store: RawStore) -> None:
    """A bucket named by an access point's ARN is recorded as that; how it was addressed is not told."""
    point = "arn:aws:s3:us-east-1:123456789012:accesspoint/maps"
    client = boto3.Session().client(
        "s3", endpoint_url=f"http://s3.localhost:{store.port}", config=Config(retries=ONCE), **OF_TESTS
    )
    client.put_object(Bucket=point, Key="maps/ü", Body=b"1")
    client.close()
    call = facts(captured.calls[0])
    assert (call[attribute.S3_BUCKET], call[attribute.S3_KEY]) == (point, "maps/ü")
    assert attribute.ADDRESSING_STYLE not in call
    assert facts(captured.attempts[0])[attribute.KEY_LEN_SENT] == len("maps/%C3%BC")
    assert _heads(captured) == _counted(store)


def test_a_request_without_a_signature_is_recorded(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """An anonymous client's call tells that it was not signed, and names no credentials."""
    from botocore import UNSIGNED

    client_of(store, signature_version=UNSIGNED).put_object(Bucket="bucket", Key="k", Body=b"1")
    assert store.seen[0].header("Authorization") is None
    call = facts(captured.calls[0])
    assert call[attribute.SIGNATURE_VERSION] == "none"
    assert attribute.SIGNED_HEADERS not in call
    assert _heads(captured) == _counted(store)


class _MadeUp(io.BytesIO):
    """The body of an answer that nobody sent."""

    def stream(self) -> list[bytes]:
        """Return it in pieces, as urllib3's answers do."""
        return [self.read()]


def test_a_handler_that_answers_leaves_the_rest_unknown(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Where a `before-send` handler answers, nothing was sent: no wire facts, and who answered is told."""
    from botocore.awsrequest import AWSResponse

    client = client_of(store)
    answer = AWSResponse("http://nowhere/", 200, {}, _MadeUp())
    client.meta.events.register("before-send.s3.PutObject", lambda **_: answer)
    client.put_object(Bucket="bucket", Key="k", Body=b"1")
    assert store.seen == []
    (call,) = captured.calls
    assert facts(call)[attribute.SENT_BY] == attribute.HANDLER
    wire = {attribute.HEADER_BYTES, attribute.CONNECTION, attribute.PEER_ADDRESS}
    assert not [span for span in captured.attempts if wire & set(facts(span))]


@pytest.mark.parametrize("service", ["dynamodb", "sts", "sqs", "s3tables"])
def test_other_services_are_left_alone(
    captured: Captured, store: RawStore, client_of: MakeClient, service: str
) -> None:
    """Calls to other AWS services get no attempt, no attribute, and keep their trace header."""
    empty = {
        "dynamodb": b"{}",
        "sqs": b"{}",
        "s3tables": b"{}",
        "sts": b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>",
    }
    store.script = [lambda visit: visit.send("200 OK", empty[service])]
    client = client_of(store, service=service)
    calls = {
        "dynamodb": "list_tables",
        "sqs": "list_queues",
        "sts": "get_caller_identity",
        "s3tables": "list_table_buckets",
    }
    getattr(client, calls[service])()
    assert store.seen[0].header("X-Amzn-Trace-Id")
    assert captured.attempts == []
    assert current_call.get() is None
    (span,) = captured.exporter.get_finished_spans()
    assert not [name for name in facts(span) if name.startswith(("savetrace.", "aws.s3", "network."))]


def test_calls_to_s3_and_others_in_turn_do_not_mix(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """S3 and another service used in turn: one attempt for each S3 request, its head as the store counted."""
    s3, dynamodb = client_of(store), client_of(store, service="dynamodb")
    nothing = lambda visit: visit.send("200 OK", b"{}")  # noqa: E731 - an answer of one line
    store.script = [stored, nothing, stored, nothing]
    for _ in range(2):
        s3.put_object(Bucket="bucket", Key="k", Body=b"1")
        dynamodb.list_tables()
    assert _heads(captured) == [length for number, length in enumerate(_counted(store)) if number % 2 == 0]
