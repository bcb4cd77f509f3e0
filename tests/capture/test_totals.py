"""Totals over calls that end in several threads."""

from __future__ import annotations

from opentelemetry.trace import INVALID_SPAN

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
