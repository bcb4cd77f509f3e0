"""Transfers by AWS Common Runtime: it sends by itself, so their outcome is said to be unknown."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from tests.fixture_packages import Packages
from tests.fixture_script import RunScript

RUNTIME = ("awscrt==0.38.1",)

BY_THE_RUNTIME = ("boto3, stored", "boto3, refused", "s3transfer, stored", "s3transfer, refused")
BY_BOTOCORE = ("botocore, stored", "botocore, refused")

WHAT_ONLY_THE_WIRE_TELLS = {
    attribute.CONTENT_HASH,
    attribute.CONTENT_SIZE,
    attribute.CONTENT_SIZE_SENT,
    attribute.HEADER_BYTES,
    attribute.RESPONSE_STATUS,
    attribute.REQUEST_ID,
    attribute.SIGNED_HEADERS,
}
SIZE = 5000


@pytest.fixture(scope="module")
def found(packages: Packages, run_script: RunScript) -> Any:
    """What app, store and trace had of the same saves, without tracing and with it."""
    return run_script("tests.ways_in.scripts.crt", packages(RUNTIME))


@pytest.fixture(scope="module")
def traced(found: Any) -> Any:
    """The saves with tracing."""
    return found["traced"]


@pytest.mark.parametrize("save", BY_THE_RUNTIME)
def test_what_became_of_it_is_unknown(traced: Any, save: str) -> None:
    """Stored or refused, the call says who sent it and claims nothing of the wire; the save says unknown."""
    had = traced[save]
    (call,) = had["calls"]
    assert call[attribute.SENT_BY] == attribute.CRT
    assert not WHAT_ONLY_THE_WIRE_TELLS & set(call)
    assert had["attempts"] == []
    (told,) = had["saves"]
    assert told[attribute.STORED] == attribute.UNKNOWN
    assert not {attribute.HEADER_BYTES, attribute.CONTENT_SIZE, attribute.CONTENT_HASH} & set(told)
    assert told[attribute.S3_KEY] == call[attribute.S3_KEY] == f"maps/{save.partition(',')[0]}"


@pytest.mark.parametrize("save", BY_THE_RUNTIME + BY_BOTOCORE)
def test_the_outcome_is_the_users(traced: Any, save: str) -> None:
    """What the user got is told as ever: a transfer that raised failed, though its span's status is 200."""
    had = traced[save]
    raised = save.endswith("refused")
    assert had["raised"] == (["AccessDenied"] if raised else [])
    assert had["saves"][0][attribute.OUTCOME] == (attribute.FAILED if raised else attribute.SUCCEEDED)


@pytest.mark.parametrize("save", BY_THE_RUNTIME + BY_BOTOCORE)
def test_the_runtime_sends_what_it_sends_without_tracing(found: Any, save: str) -> None:
    """Requests, lengths of heads and bodies, and exceptions are those of a run without tracing."""
    traced, untraced = found["traced"][save], found["untraced"][save]
    assert traced["requests"] == untraced["requests"]
    assert traced["raised"] == untraced["raised"]
    assert len(traced["requests"]) == 1


@pytest.mark.parametrize("save", BY_BOTOCORE)
def test_botocore_beside_the_runtime_is_recorded_in_full(traced: Any, save: str) -> None:
    """A plain put with the runtime installed, which then computes its checksum, is known to the byte."""
    had = traced[save]
    ((_, head_bytes, _),) = had["requests"]
    (call,) = had["calls"]
    (attempt,) = had["attempts"]
    assert attribute.SENT_BY not in call
    assert call[attribute.CONTENT_SIZE] == SIZE
    assert call[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(b'x' * SIZE):08x}"
    assert attempt[attribute.HEADER_BYTES] == call[attribute.HEADER_BYTES] == head_bytes
    assert had["saves"][0][attribute.STORED] == (attribute.NO if save.endswith("refused") else attribute.YES)
