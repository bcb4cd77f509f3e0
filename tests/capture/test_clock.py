"""The store's clock against ours."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.clock import StoreClock

DATE = "Tue, 15 Nov 1994 08:12:31 GMT"
SECONDS = 784_887_151


@pytest.mark.parametrize("ahead", [0, 1, -1, 900, -86_400])
def test_the_skew_is_the_stores_time_less_ours(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is ahead has a positive skew, in whole seconds, also when its second is met again."""
    monkeypatch.setattr("time.time", lambda: SECONDS - ahead + 0.9)
    store = StoreClock()
    assert [store.skew_seconds(DATE), store.skew_seconds(DATE)] == [ahead, ahead]


@pytest.mark.parametrize(
    "date", ["", "now", "Tue, 99 Nov 1994 08:12:31 GMT", "Tue, 15 Nov 19941994 08:12:31 GMT"]
)
def test_what_is_no_date_gives_no_skew(date: str) -> None:
    """A Date header that cannot be read gives nothing, also when it is met again."""
    store = StoreClock()
    assert [store.skew_seconds(date), store.skew_seconds(date)] == [None, None]
