"""Totals over calls that end in several threads."""

from __future__ import annotations

import pytest
from opentelemetry.trace import INVALID_SPAN

from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.capture.totals import Totals


class _WatchedCall(StorageCall):
    """A call that notes whether the totals were locked when its retries were asked for."""

    __slots__ = ("locked", "totals")

    def __init__(self, totals: Totals) -> None:
        super().__init__(INVALID_SPAN, "PutObject", {"Bucket": "bucket", "Key": "key"})
        self.totals = totals
        self.locked: list[bool] = []

    @property
    def retries(self) -> int:
        self.locked.append(self.totals.lock.locked())
        return super().retries


def test_one_call_is_taken_in_at_a_time() -> None:
    """While a call is added to the totals no other thread's can be, and afterwards it can."""
    totals = Totals()
    call = _WatchedCall(totals)
    totals.add(call, None, None)
    assert call.locked == [True]
    assert not totals.lock.locked()
    assert totals.calls == 1


REFUSED = Failure("SlowDown", "503 SlowDown")


def _call(operation: str, part: int = 0) -> StorageCall:
    parameters = {"Bucket": "bucket", "Key": "key", **({"PartNumber": part} if part else {})}
    return StorageCall(INVALID_SPAN, operation, parameters)


@pytest.mark.parametrize(
    ("failed", "later", "mended"),
    [
        (_call("PutObject"), _call("PutObject"), True),
        (_call("PutObject"), _call("CompleteMultipartUpload"), True),
        (_call("UploadPart", 2), _call("UploadPart", 2), True),
        (_call("UploadPart", 2), _call("CompleteMultipartUpload"), True),
        (_call("UploadPart", 2), _call("UploadPart", 3), False),
        (_call("UploadPart", 2), _call("AbortMultipartUpload"), False),
        (_call("PutObject"), _call("GetObject"), False),
        (_call("PutObject"), _call("DeleteObject"), False),
    ],
    ids=lambda value: f"{value.operation} {value.part}" if isinstance(value, StorageCall) else str(value),
)
def test_a_failure_is_mended_by_what_stores_the_same(
    failed: StorageCall, later: StorageCall, mended: bool
) -> None:
    """A failed write is made good by the same call again or by the whole object stored, by nothing else."""
    totals = Totals()
    totals.add(failed, REFUSED, "ClientError")
    totals.add(later, None, None)
    assert (totals.failure is None) is mended


@pytest.mark.parametrize(
    ("failed", "later", "number"),
    [
        (_call("PutObject"), _call("PutObject"), 1),
        (_call("UploadPart", 2), _call("UploadPart", 2), 1),
        (_call("UploadPart", 2), _call("UploadPart", 3), 0),
        (_call("UploadPart", 2), _call("AbortMultipartUpload"), 0),
        (_call("PutObject"), _call("HeadObject"), 0),
    ],
    ids=lambda value: f"{value.operation} {value.part}" if isinstance(value, StorageCall) else str(value),
)
def test_a_repetition_is_the_same_call_again(failed: StorageCall, later: StorageCall, number: int) -> None:
    """The app repeats a call that failed by making the same one; a clean-up or another part is none."""
    totals = Totals()
    totals.add(failed, REFUSED, "ClientError")
    assert totals.repetition_of(later) == number
    assert totals.app_retries == number


@pytest.mark.parametrize(
    ("status", "attempts", "failure", "stage"),
    [
        (503, 1, REFUSED, "storage"),
        (None, 1, REFUSED, "storage"),
        (None, 1, Failure("ConnectionResetError", "reset", "ConnectionResetError"), "network"),
        (None, 0, Failure("ParamValidationError", "refused", "ParamValidationError"), "client"),
    ],
    ids=["refused", "broken off as another part was refused", "reset", "not sent"],
)
def test_the_stage_of_a_failure(status: int | None, attempts: int, failure: Failure, stage: str) -> None:
    """What the store said is storage's, also where it said it to another call, with which this one ended."""
    totals = Totals()
    call = _call("UploadPart", 3)
    call.status, call.attempts = status, attempts
    totals.add(call, failure, "Error")
    assert totals.failure is not None
    assert totals.failure.stage == stage


def test_a_call_is_open_until_it_ends() -> None:
    """What has begun is kept until it is taken in, and no longer."""
    totals = Totals()
    first, second = _call("PutObject"), _call("UploadPart", 2)
    totals.begin(first)
    totals.begin(second)
    totals.add(first, None, None)
    assert totals.open == [second]
    totals.add(second, REFUSED, "ClientError")
    assert totals.open == []
