"""Attempt spans and the facts of the wire, held against what a raw socket server counted."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from opentelemetry.trace import StatusCode

import otel_savetrace
from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, botocore_instrumentor, facts
from tests.raw_store import RawStore, closed, refused, reset, silent

MakeClient = Callable[..., Any]

TRACE_HEADER = "X-Amzn-Trace-Id"


def _put(client: Any, **more: Any) -> None:
    client.put_object(**{"Bucket": "bucket", "Key": "maps/ü/draft.json", "Body": b"x" * 3000, **more})


def _head_lengths(store: RawStore) -> list[int]:
    return [len(seen.head) for seen in store.seen]


def test_header_bytes_are_what_the_server_counted(
    captured: Captured, any_store: RawStore, client_of: MakeClient
) -> None:
    """Every attempt's header bytes equal the server's own count: put, get, head, first try and retry."""
    client = client_of(any_store, retries=2)
    _put(client)
    any_store.script = [refused("503 Slow Down", "SlowDown")] * 2
    _put(client, Metadata={"title": "a title", "author": "somebody"})
    client.get_object(Bucket="bucket", Key="maps/ü/draft.json")["Body"].read()
    client.head_object(Bucket="bucket", Key="k")
    _put(client, Key="k" * 900, Body=io.BytesIO(b"stream"))
    counted = [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts]
    assert len(counted) == 7
    assert counted == _head_lengths(any_store)


def test_header_bytes_of_a_call_are_its_largest_head(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A call's header bytes are the largest head that it sent."""
    store.script = [refused("503 Slow Down", "SlowDown")]
    _put(client_of(store, retries=1))
    assert facts(captured.calls[0])[attribute.HEADER_BYTES] == max(_head_lengths(store))


def test_a_smaller_head_that_comes_last_is_not_a_calls_largest(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A call whose first head was its largest tells that one's bytes."""
    client = client_of(store, retries=1)

    def add(request: Any, **_: Any) -> None:
        if not store.seen:
            request.headers["x-first"] = "x" * 200

    client.meta.events.register_first("request-created.s3", add)
    store.script = [refused("503 Slow Down", "SlowDown")]
    _put(client)
    first, last = _head_lengths(store)
    assert first > last
    assert facts(captured.calls[0])[attribute.HEADER_BYTES] == first


def test_an_attempt_is_named_by_its_outcome(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Each HTTP request has a span of its own below the call's, named by what came back."""
    store.script = [refused("503 Slow Down", "SlowDown"), reset, closed]
    _put(client_of(store, retries=3))
    assert [span.name for span in captured.attempts] == [
        "attempt: 503 SlowDown",
        "attempt: connection reset",
        "attempt: connection closed",
        "attempt: 200",
    ]
    (call,) = captured.calls
    assert call.context is not None
    assert all(span.parent and span.parent.span_id == call.context.span_id for span in captured.attempts)
    assert [span.status.status_code for span in captured.attempts] == [StatusCode.ERROR] * 3 + [
        StatusCode.UNSET
    ]


def test_an_attempt_tells_status_code_ids_and_its_number(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Status, error code, request id, host id and retry number stand on the attempt they belong to."""
    store.script = [refused("503 Slow Down", "SlowDown")]
    _put(client_of(store, retries=1))
    first, second = (facts(span) for span in captured.attempts)
    assert first[attribute.RESPONSE_STATUS] == 503
    assert first[attribute.ERROR_CODE] == first[attribute.ERROR_TYPE] == "SlowDown"
    assert first[attribute.REQUEST_ID] == "REFUSED"
    assert first[attribute.RETRY_ATTEMPT] == 0
    assert attribute.RESEND_COUNT not in first
    assert second[attribute.RESPONSE_STATUS] == 200
    assert second[attribute.EXTENDED_REQUEST_ID] == "host/id+="
    assert second[attribute.RETRY_ATTEMPT] == second[attribute.RESEND_COUNT] == 1
    assert attribute.ERROR_CODE not in second
    assert second["network.peer.address"] == "127.0.0.1"
    assert second["network.peer.port"] == store.port


def test_connections_are_new_or_reused_as_the_server_saw_them(
    captured: Captured, any_store: RawStore, client_of: MakeClient
) -> None:
    """New or reused agrees with the server's count of requests on each connection, after a reset too."""
    client = client_of(any_store, retries=1)
    any_store.script = [lambda visit: visit.send("200 OK")] * 2 + [reset]
    for _ in range(5):
        _put(client)
    told = [facts(span)[attribute.CONNECTION] for span in captured.attempts]
    truth = ["reused" if seen.number else "new" for seen in any_store.seen]
    assert told == truth
    assert truth == ["new", "reused", "reused", "new", "reused", "reused"]


def test_idle_time_lies_within_what_the_server_saw(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A reused connection's idle time is no longer than the server saw between its two requests."""
    client = client_of(store)
    _put(client)
    _put(client)
    first, second = store.seen
    idle = facts(captured.attempts[1])[attribute.CONNECTION_IDLE_SECONDS]
    assert 0 < idle < second.arrived - first.arrived
    assert attribute.CONNECTION_IDLE_SECONDS not in facts(captured.attempts[0])


def test_backoff_lies_within_what_the_server_saw(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Backoffs are no longer than the gaps between requests at the server, and sum up on the call."""
    store.script = [refused("503 Slow Down", "SlowDown")] * 2
    _put(client_of(store, retries=2))
    arrived = [seen.arrived for seen in store.seen]
    backoffs = [facts(span).get(attribute.BACKOFF_SECONDS) for span in captured.attempts]
    assert backoffs[0] is None
    for backoff, before, after in zip(backoffs[1:], arrived, arrived[1:], strict=False):
        assert backoff is not None
        assert 0 <= backoff < after - before
    told = [backoff for backoff in backoffs if backoff is not None]
    assert facts(captured.calls[0])[attribute.BACKOFF_SECONDS] == pytest.approx(sum(told), abs=0.001)


def test_attempts_agree_with_the_server(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Attempts used and allowed are the server's count and the client's limit, on connection errors too."""
    store.script = [reset, reset, reset]
    with pytest.raises(BotoCoreError):
        _put(client_of(store, retries=2))
    call = facts(captured.calls[0])
    assert call[attribute.ATTEMPTS] == len(store.seen) == call[attribute.ATTEMPTS_ALLOWED] == 3
    assert call[attribute.RETRY_ATTEMPTS] == 2
    assert call[attribute.ERROR_CODE] == "ConnectionResetError"


def test_a_refused_connection_sent_nothing(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """An attempt whose connection never came about claims no header bytes, connection or peer."""
    client = client_of(store)
    _put(client)
    store.stop()
    with pytest.raises(BotoCoreError):
        _put(client)
    attempt = captured.attempts[1]
    assert attempt.name == "attempt: connection refused"
    assert not {attribute.HEADER_BYTES, attribute.CONNECTION, attribute.PEER_ADDRESS} & set(facts(attempt))


def test_a_read_timeout_is_named_as_such(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A store that never answers gives a read timeout, not the bare class that Python raises."""
    store.script = [silent]
    with pytest.raises(BotoCoreError):
        _put(client_of(store, read_timeout=0.2))
    assert captured.attempts[0].name == "attempt: read timeout"
    assert facts(captured.attempts[0])[attribute.ERROR_CODE] == "ReadTimeoutError"


def test_an_error_inside_a_200_is_an_error(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A copy that S3 answers with 200 and an error inside is named by both."""
    store.script = [refused("200 OK", "InternalError")]
    with pytest.raises(ClientError):
        client_of(store).copy_object(Bucket="bucket", Key="to", CopySource="bucket/from")
    assert captured.attempts[0].name == "attempt: 200 InternalError"
    assert facts(captured.calls[0])[attribute.ERROR_CODE] == "InternalError"


def test_the_trace_header_stays_off_s3(
    captured: Captured, any_store: RawStore, client_of: MakeClient
) -> None:
    """OpenTelemetry's trace header reaches no S3 request, first try or retry."""
    any_store.script = [refused("503 Slow Down", "SlowDown")]
    _put(client_of(any_store, retries=1))
    assert [seen.header(TRACE_HEADER) for seen in any_store.seen] == [None, None]


@pytest.mark.parametrize("settings", [otel_savetrace.Settings(propagate=True)])
def test_the_trace_header_goes_out_where_asked_for(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """With OTEL_SAVETRACE_PROPAGATE=on the trace header is sent as OpenTelemetry sends it."""
    _put(client_of(store))
    assert store.seen[0].header(TRACE_HEADER)


def test_the_apps_own_trace_header_stays(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A trace header that the app has put on its request itself is not ours to take."""
    client = client_of(store)

    def add(request: Any, **_: Any) -> None:
        request.headers[TRACE_HEADER] = "Root=1-app"

    client.meta.events.register("request-created.s3", add)
    _put(client)
    assert store.seen[0].header(TRACE_HEADER) == "Root=1-app"


def test_other_services_are_left_alone(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A call to another AWS service keeps its trace header and gets neither attempts nor attributes."""
    store.script = [lambda visit: visit.send("200 OK", b"{}")]
    client_of(store, service="dynamodb").list_tables()
    assert store.seen[0].header(TRACE_HEADER)
    assert captured.attempts == []
    assert not any(name.startswith("savetrace.") for name in facts(captured.exporter.get_finished_spans()[0]))


def test_a_call_for_credentials_is_no_attempt(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A call to another service made while an S3 request is signed is not counted among its attempts."""
    client, other = client_of(store), client_of(store, service="dynamodb")
    client.meta.events.register("before-sign.s3", lambda **_: other.list_tables() and None)
    store.script = [lambda visit: visit.send("200 OK", b"{}")]
    _put(client)
    assert [span.name for span in captured.attempts] == ["attempt: 200"]
    assert facts(captured.calls[0])[attribute.ATTEMPTS] == 1
    assert facts(captured.attempts[0])[attribute.HEADER_BYTES] == len(store.seen[1].head)


def test_every_head_is_the_same_as_without_tracing(
    instrumented: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """With capture on, a request's header names and the length of each are those of an untraced request."""
    client = client_of(store)
    otel_savetrace.instrument(instrumented.provider, otel_savetrace.Settings())
    _put(client)
    otel_savetrace.uninstrument()
    botocore = botocore_instrumentor()
    botocore.uninstrument()
    _put(client)
    traced, untraced = (
        [(line.partition(b":")[0], len(line)) for line in seen.head.split(b"\r\n")] for seen in store.seen
    )
    assert traced == untraced
