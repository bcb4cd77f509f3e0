"""A save's totals over calls that end in several threads."""

from __future__ import annotations

from opentelemetry.trace import INVALID_SPAN

from otel_savetrace.capture.save import Save
from otel_savetrace.capture.state import StorageCall


class _WatchedCall(StorageCall):
    """A call that notes whether its save was locked when its retries were asked for."""

    __slots__ = ("locked", "save")

    def __init__(self, save: Save) -> None:
        super().__init__(INVALID_SPAN, "PutObject", {"Bucket": "bucket", "Key": "key"})
        self.save = save
        self.locked: list[bool] = []

    @property
    def retries(self) -> int:
        self.locked.append(self.save.lock.locked())
        return super().retries


def test_one_call_is_taken_in_at_a_time() -> None:
    """While a call is added to the totals no other thread's can be, and afterwards it can."""
    save = Save(INVALID_SPAN, None)
    call = _WatchedCall(save)
    save.add(call, None)
    assert call.locked == [True]
    assert not save.lock.locked()
    assert save.calls == 1
