"""What stands on botocore's span: what was stored, where, and what became of it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

import otel_savetrace
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.client import attempts_allowed
from otel_savetrace.capture.key_pattern import KeyPattern
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused

MakeClient = Callable[..., Any]

CONTENT = '{"title": "Straße"}' * 50
STORED = CONTENT.encode()


def test_bucket_key_and_length_stand_on_the_call(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Bucket and key are the call's own; the key's length is counted in UTF-8 bytes, as S3 does."""
    client_of(store).put_object(Bucket="bucket", Key="maps/ü/€.json", Body=b"1")
    call = facts(captured.calls[0])
    assert (call[attribute.S3_BUCKET], call[attribute.S3_KEY]) == ("bucket", "maps/ü/€.json")
    assert call[attribute.KEY_LEN] == len("maps/ü/€.json".encode())


@pytest.mark.parametrize("body", [CONTENT, STORED, bytearray(STORED), "stream"], ids=type)
def test_the_same_content_has_the_same_size_and_hash(
    captured: Captured, any_store: RawStore, client_of: MakeClient, body: Any
) -> None:
    """Text, bytes and streams of the same content give one size and one hash, over http and https."""
    client_of(any_store).put_object(
        Bucket="bucket", Key="k", Body=io.BytesIO(STORED) if body == "stream" else body
    )
    call = facts(captured.calls[0])
    assert call[attribute.CONTENT_SIZE] == len(STORED)
    assert call[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(STORED):08x}"
    assert STORED in any_store.seen[0].body


def test_content_is_known_without_botocores_checksum(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A client that sends no checksum gets the same hash."""
    client = client_of(store, request_checksum_calculation="when_required")
    client.put_object(Bucket="bucket", Key="k", Body=STORED)
    assert store.seen[0].header("x-amz-checksum-crc32") is None
    assert facts(captured.calls[0])[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(STORED):08x}"


def test_a_failed_streams_hash_is_unknown_rather_than_wrong(
    captured: Captured, any_store: RawStore, client_of: MakeClient
) -> None:
    """A stream is never read by us: its hash is botocore's own, or none at all."""
    any_store.script = [refused("403 Forbidden", "AccessDenied")]
    with pytest.raises(ClientError):
        client_of(any_store).put_object(Bucket="bucket", Key="k", Body=io.BytesIO(STORED))
    told = facts(captured.calls[0]).get(attribute.CONTENT_HASH)
    assert told in (None, f"crc32:{zlib.crc32(STORED):08x}")


def test_the_code_is_the_wires(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A refused call tells the store's status, code and ids."""
    store.script = [refused("400 Bad Request", "KeyTooLongError")]
    with pytest.raises(ClientError):
        client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    call = facts(captured.calls[0])
    assert call[attribute.ERROR_CODE] == call[attribute.ERROR_TYPE] == "KeyTooLongError"
    assert call[attribute.RESPONSE_STATUS] == 400
    assert call[attribute.REQUEST_ID] == "REFUSED"


def test_a_call_that_never_left_tells_why(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A call that botocore refuses to send has no attempts, and the exception's class as its code."""
    with pytest.raises(ParamValidationError):
        client_of(store).put_object(Bucket="bucket", Key=7, Body=b"1")
    call = facts(captured.calls[0])
    assert call[attribute.ATTEMPTS] == 0
    assert call[attribute.ERROR_CODE] == "ParamValidationError"


def test_a_success_inside_an_except_block_is_a_success(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A call made while the app handles another exception is not taken for failed."""
    client = client_of(store)
    try:
        raise LookupError
    except LookupError:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
    assert attribute.ERROR_CODE not in facts(captured.calls[0])


@pytest.mark.parametrize(
    "settings", [otel_savetrace.Settings(key_patterns=(KeyPattern.parse("maps/{map.id}/{map.file}"),))]
)
def test_a_keys_parts_become_attributes(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """The parts that a key pattern names stand on the call; a key that does not fit has none."""
    client = client_of(store)
    client.put_object(Bucket="bucket", Key="maps/m1/_images/a.png", Body=b"1")
    client.put_object(Bucket="bucket", Key="elsewhere", Body=b"1")
    assert facts(captured.calls[0])["map.id"] == "m1"
    assert facts(captured.calls[0])["map.file"] == "_images/a.png"
    assert "map.id" not in facts(captured.calls[1])


def test_a_key_of_any_length_is_bounded(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A key beyond S3's limit is shortened on the span; its length is told in full."""
    client_of(store).put_object(Bucket="bucket", Key="ü" * 3000, Body=b"1")
    call = facts(captured.calls[0])
    assert len(call[attribute.S3_KEY].encode()) <= attribute.KEY_LIMIT
    assert call[attribute.KEY_LEN] == 6000


@pytest.mark.parametrize(
    ("retries", "allowed"),
    [
        ({"mode": "standard", "total_max_attempts": 6}, 6),
        ({"mode": "standard"}, 3),
        ({"mode": "legacy"}, 5),
        ({"mode": "adaptive"}, 3),
        (None, 5),
    ],
)
def test_attempts_allowed(retries: dict[str, Any] | None, allowed: int) -> None:
    """Attempts allowed follow the client's configuration and botocore's documented defaults."""
    assert attempts_allowed(retries) == allowed
