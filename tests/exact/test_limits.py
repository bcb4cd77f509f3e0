"""A save at a documented limit of S3 works with capture as without, and one byte over fails in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from tests.capture.test_attempt import TRACE_HEADER
from tests.fixture_capture import Captured, botocore_instrumentor, facts
from tests.fixture_logging_server import BUCKET, LoggingServer, client_of_server
from tests.fixture_wires import Wire
from tests.limit_store import COUNTS, KEY_LIMIT, METADATA_LIMIT, SECTION_LIMIT, enforce
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

TRACINGS = ("none", "plain OpenTelemetry", "captured", "captured, propagated")
WITHOUT_A_HEADER = ("none", "captured")
STORED = "stored"


@contextmanager
def _traced(tracing: str, instrumented: Captured) -> Iterator[None]:
    """Trace as told; `instrumented` is plain OpenTelemetry."""
    botocore = botocore_instrumentor()
    if tracing == "none":
        botocore.uninstrument()
    elif tracing.startswith("captured"):
        propagate = tracing.endswith("propagated")
        assert otel_savetrace.instrument(instrumented.provider, Settings(propagate=propagate))
    yield
    otel_savetrace.uninstrument()
    if tracing == "none":
        botocore.instrument(tracer_provider=instrumented.provider)


def _outcome(client: Any, **given: Any) -> str:
    try:
        client.put_object(**{"Bucket": "bucket", "Key": "maps/1", "Body": b"a map", **given})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return STORED


@pytest.mark.parametrize("tracing", TRACINGS)
@pytest.mark.parametrize("character", ["k", "ü", "地", "🗺"])
def test_the_longest_key_is_stored(
    instrumented: Captured, store: RawStore, client_on: MakeClient, tracing: str, character: str
) -> None:
    """A key of 1,024 bytes is stored, of 1,025 refused, whatever its characters, however it is traced."""
    enforce(store, "names and values")
    longest = character * (KEY_LIMIT // len(character.encode()))
    longest += "k" * (KEY_LIMIT - len(longest.encode()))
    with _traced(tracing, instrumented):
        client = client_on(Wire(store))
        outcomes = [_outcome(client, Key=key) for key in (longest[:-1], longest, longest + "k")]
    assert outcomes == [STORED, STORED, "KeyTooLongError"]
    if tracing.startswith("captured"):
        told = [facts(call)[attribute.KEY_LEN] for call in instrumented.calls]
        assert told[1:] == [KEY_LIMIT, KEY_LIMIT + 1]


@pytest.mark.parametrize("tracing", TRACINGS)
def test_the_most_metadata_is_stored(
    instrumented: Captured, store: RawStore, client_on: MakeClient, tracing: str
) -> None:
    """User metadata of 2,048 bytes, names and values, are stored, 2,049 refused, however it is traced."""
    enforce(store, "names and values")
    with _traced(tracing, instrumented):
        client = client_on(Wire(store))
        outcomes = [
            _outcome(client, Metadata={"title": "a map", "text": "x" * (METADATA_LIMIT - 14 + more)})
            for more in (-1, 0, 1)
        ]
    assert outcomes == [STORED, STORED, "MetadataTooLarge"]
    if tracing.startswith("captured"):
        told = [facts(span)[attribute.METADATA_BYTES] for span in instrumented.attempts]
        assert told == [METADATA_LIMIT - 1, METADATA_LIMIT, METADATA_LIMIT + 1]


def _room(client: Any, store: RawStore, count: str) -> int:
    """Return how long a header's value may be, by a save without tracing."""
    _outcome(client, WebsiteRedirectLocation="/")
    return SECTION_LIMIT - COUNTS[count](store.seen.pop()) + 1


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("tracing", TRACINGS)
def test_the_largest_header_section_is_stored(
    instrumented: Captured, store: RawStore, client_on: MakeClient, tracing: str, count: str
) -> None:
    """8,192 bytes of headers are stored with capture as without; OpenTelemetry's own header fails them."""
    enforce(store, count)
    with _traced("none", instrumented):
        room = _room(client_on(Wire(store)), store, count)
    with _traced(tracing, instrumented):
        client = client_on(Wire(store))
        outcomes = [_outcome(client, WebsiteRedirectLocation="/" * (room + more)) for more in (-1, 0, 1)]
    too_large = "RequestHeaderSectionTooLarge"
    if tracing in WITHOUT_A_HEADER:
        assert outcomes == [STORED, STORED, too_large]
        assert [COUNTS[count](seen) for seen in store.seen] == [
            SECTION_LIMIT - 1, SECTION_LIMIT, SECTION_LIMIT + 1,
        ]  # fmt: skip
    else:
        assert outcomes == [too_large] * 3
        assert all(seen.header(TRACE_HEADER) for seen in store.seen)
    if tracing.startswith("captured"):
        told = [facts(span)[attribute.HEADER_SECTION_BYTES] for span in instrumented.attempts]
        assert told == [COUNTS["names and values"](seen) for seen in store.seen]


@pytest.mark.parametrize("tracing", TRACINGS)
def test_a_real_servers_largest_head_is_stored(
    instrumented: Captured, logging_server: LoggingServer, store: RawStore, tracing: str
) -> None:
    """The largest head that a real S3 server takes, all of it counted, it takes with capture as without."""
    with _traced("none", instrumented):
        assert _padded_outcome(store.port, 0) == STORED
    room = SECTION_LIMIT - len(store.seen[0].head)
    with _traced(tracing, instrumented):
        outcomes = [_padded_outcome(logging_server.port, room + more) for more in (-1, 0, 1)]
    too_large = "RequestHeaderSectionTooLarge"
    assert outcomes == ([STORED, STORED, too_large] if tracing in WITHOUT_A_HEADER else [too_large] * 3)
    if tracing == "captured":
        told = [facts(span)[attribute.HEADER_BYTES] for span in instrumented.attempts]
        assert told == [SECTION_LIMIT - 1, SECTION_LIMIT, SECTION_LIMIT + 1]


def _padded_outcome(port: int, padding: int) -> str:
    """Save with a header more, which is signed and of which no server keeps anything."""
    client = client_of_server(port)

    def pad(request: Any, **_: Any) -> None:
        request.headers["x-padding"] = "x" * padding

    client.meta.events.register("before-sign.s3.PutObject", pad)
    outcome = _outcome(client, Bucket=BUCKET)
    client.close()
    return outcome


def test_a_retry_that_grows_over_the_limit_is_seen(
    captured: Captured, store: RawStore, client_on: MakeClient
) -> None:
    """A first try exactly at the limit, whose retry botocore makes larger, tells each one's own bytes."""
    enforce(store, "names and values")
    limited = store.choose
    client = client_on(Wire(store), retries=1)
    room = _room(client, store, "names and values")
    store.choose = lambda seen: limited(seen) if len(store.seen) > 1 else _slow_down
    assert _outcome(client, WebsiteRedirectLocation="/" * room) == "RequestHeaderSectionTooLarge"
    first, second = (facts(span) for span in captured.attempts[-2:])
    assert first[attribute.HEADER_SECTION_BYTES] == SECTION_LIMIT
    assert second[attribute.HEADER_SECTION_BYTES] == COUNTS["names and values"](store.seen[1]) > SECTION_LIMIT
    assert (first[attribute.ERROR_CODE], second[attribute.ERROR_CODE]) == (
        "SlowDown",
        "RequestHeaderSectionTooLarge",
    )


def _slow_down(visit: Any) -> None:
    # By the store's clock botocore tells the retry's deadline, in 22 bytes more.
    date = f"Date: {formatdate(usegmt=True)}\r\n"
    visit.send("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>", date)
