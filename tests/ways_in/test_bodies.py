"""Bodies of every type: never read by us, and sent as they would be without us."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused, reset, stored
from tests.ways_in.s3_answers import ENOUGH, object_of
from tests.ways_in.watched_body import CountedBody, Touch, WatchedBody

pytestmark = pytest.mark.usefixtures("short_backoff")

MakeClient = Callable[..., Any]

CONTENT = "Straße und Rauch\r\n".encode() * 200
PART = 5 * 1024 * 1024
LONG = b"0123456789abcdef" * (2 * PART // 16 + 1)
IN_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)

SAVED = [refused("503 Slow Down", "SlowDown"), reset, stored]
"""Two failures, each of which makes botocore rewind the body, then success."""

Run = Callable[[Any, Any], object]
"""Sends a body by a client."""


def _put(client: Any, body: Any) -> object:
    return client.put_object(Bucket="bucket", Key="maps/1", Body=body)["ETag"]


def _put_part(client: Any, body: Any) -> object:
    part = {"Bucket": "bucket", "Key": "maps/1", "UploadId": "u1", "PartNumber": 3}
    return client.upload_part(Body=body, **part)["ETag"]


def _upload(client: Any, body: Any) -> object:
    return client.upload_fileobj(body, "bucket", "maps/1", Config=IN_PARTS)


def _outcome(run: Run, client: Any, body: Any) -> object:
    """What the app gets: a value, or an exception's class and text."""
    try:
        return run(client, body)
    except Exception as error:
        return type(error), str(error)


def _sent(store: RawStore) -> list[tuple[object, ...]]:
    """Each request as far as it is the same in every run: head's length, header names, body."""
    return [
        (len(seen.head), [line.partition(b":")[0] for line in seen.head.split(b"\r\n")], seen.body)
        for seen in store.seen
    ]


@pytest.fixture
def compare(
    any_store: RawStore, client_of: MakeClient, request: pytest.FixtureRequest
) -> Callable[..., object]:
    """Send a body without any tracing, then with it, and return the app's outcome.

    Touches of the body, requests at the store and the outcome must be the same both times.
    """

    def run_both(run: Run, make: Callable[[], Any], script: list[Any]) -> object:
        client = client_of(any_store, retries=2)
        seen: list[tuple[object, ...]] = []
        for traced in (False, True):
            if traced:
                request.getfixturevalue("captured")
            any_store.script = list(script)
            any_store.seen.clear()
            body = make()
            outcome = _outcome(run, client, body)
            # What the store got of a run that was given up depends on the moment.
            sent = None if isinstance(outcome, tuple) else _sent(any_store)
            seen.append((outcome, _touches(body), sent))
        assert seen[0] == seen[1]
        return seen[0][0]

    return run_both


def _touches(body: Any) -> list[Touch]:
    return body.touches if isinstance(body, WatchedBody) else []


@pytest.mark.parametrize("make", [WatchedBody, CountedBody])
@pytest.mark.parametrize("run", [_put, _put_part])
def test_a_streams_touches_are_botocores_own(
    compare: Callable[..., object], make: Callable[[bytes], WatchedBody], run: Run
) -> None:
    """Through failures and rewinds, a stream sees the very touches that it sees without us."""
    assert compare(run, lambda: make(CONTENT), SAVED) == '"e"'


@pytest.mark.parametrize("content", [CONTENT, LONG, b""], ids=["whole", "in parts", "empty"])
@pytest.mark.parametrize("seekable", [True, False])
def test_an_uploaded_streams_touches_are_boto3s_own(
    compare: Callable[..., object], content: bytes, seekable: bool
) -> None:
    """`upload_fileobj` of a stream, one that cannot be rewound too, touches it as it does without us."""
    # One connection, one part after the other: the requests' order is the same in every run.
    assert compare(_upload_in_order, lambda: WatchedBody(content, seekable=seekable), _AS_S3) is None


_AS_S3 = [object_of(1)] * ENOUGH


def _upload_in_order(client: Any, body: Any) -> object:
    how = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, use_threads=False)
    return client.upload_fileobj(body, "bucket", "maps/1", Config=how)


BODIES: dict[str, Callable[[], Any]] = {
    "text": lambda: CONTENT.decode(),
    "bytes": lambda: CONTENT,
    "bytearray": lambda: bytearray(CONTENT),
    "stream": lambda: io.BytesIO(CONTENT),
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_stored_is_told(
    captured: Captured, any_store: RawStore, client_of: MakeClient, body: str
) -> None:
    """Size and hash are those of the content stored, whatever its type, http or https, after failures too."""
    any_store.script = list(SAVED)
    _put(client_of(any_store, retries=2), BODIES[body]())
    call = facts(captured.calls[0])
    assert call[attribute.CONTENT_SIZE] == len(CONTENT)
    assert call[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(CONTENT):08x}"
    assert call[attribute.ATTEMPTS] == len(any_store.seen) == 3


def test_of_a_stream_that_was_read_from_the_rest_is_told(
    captured: Captured, any_store: RawStore, client_of: MakeClient
) -> None:
    """A stream that the app had read from is stored from there on: size and hash are the rest's."""
    # Without a failure: over https botocore's second attempt sends such a stream from its very beginning.
    stream = io.BytesIO(b"read already" + CONTENT)
    stream.seek(len(b"read already"))
    _put(client_of(any_store), stream)
    call = facts(captured.calls[0])
    assert call[attribute.CONTENT_SIZE] == len(CONTENT)
    assert call[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(CONTENT):08x}"
    assert b"read already" not in any_store.seen[0].body


EMPTY: dict[str, dict[str, Any]] = {
    "text": {"Body": ""},
    "bytes": {"Body": b""},
    "bytearray": {"Body": bytearray()},
    "stream": {"Body": io.BytesIO()},
    "none": {},
}


@pytest.mark.parametrize("body", EMPTY)
def test_nothing_is_content_too(
    captured: Captured, any_store: RawStore, client_of: MakeClient, body: str
) -> None:
    """An empty object has size 0 and the hash of nothing, and the next save on its connection works."""
    client = client_of(any_store)
    client.put_object(Bucket="bucket", Key="maps/empty", **EMPTY[body])
    _put(client, b"1")
    empty, after = (facts(call) for call in captured.calls)
    assert (empty[attribute.CONTENT_SIZE], empty[attribute.CONTENT_HASH]) == (0, "crc32:00000000")
    assert (after[attribute.CONTENT_SIZE], after[attribute.RESPONSE_STATUS]) == (1, 200)
    assert [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts] == [
        len(seen.head) for seen in any_store.seen
    ]


def test_a_stream_that_cannot_be_rewound(
    compare: Callable[..., object],
) -> None:
    """A put of a stream without `seek` comes to what it comes to without us: sent, or refused by botocore."""
    assert compare(_put, lambda: WatchedBody(CONTENT, seekable=False), [])


REFUSED: dict[str, Callable[[], Any]] = {
    "generator": lambda: (piece for piece in [CONTENT]),
    "memoryview": lambda: memoryview(CONTENT),
    "number": lambda: 7,
    "half a character": lambda: "\ud800",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_boto3_refuses_is_refused_as_before(compare: Callable[..., object], body: str) -> None:
    """A body that botocore does not take is its error, word for word."""
    assert isinstance(compare(_put_without_address, REFUSED[body], []), tuple)


def _put_without_address(client: Any, body: Any) -> object:
    try:
        return _put(client, body)
    except Exception as error:
        # A generator's text has its address in it.
        return type(error), str(error).partition(" at 0x")[0]


def test_a_generator_is_not_begun(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A generator that botocore refuses has not been asked for a single piece."""
    pieces = iter([CONTENT])
    assert isinstance(_outcome(_put, client_of(store), pieces), tuple)
    assert list(pieces) == [CONTENT]
    assert facts(captured.calls[0])[attribute.ATTEMPTS] == 0


class _BrokenBody(io.BytesIO):
    """One whose reading fails, as a file on a disk that has gone."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_body_that_cannot_be_read_fails_as_before(compare: Callable[..., object]) -> None:
    """An error of the app's own stream reaches the app as boto3 hands it on without us."""
    assert isinstance(compare(_put, lambda: _BrokenBody(CONTENT), []), tuple)


def test_a_large_bytearray_may_change_after_the_call(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """No body is kept after its call: a bytearray can be resized again, which a view of it would forbid."""
    body = bytearray(LONG)
    _put(client_of(store), body)
    body.extend(b"more")
    assert facts(captured.calls[0])[attribute.CONTENT_SIZE] == len(LONG)
