"""How well the rows alone tell retries, against the diary of those who retried."""

from __future__ import annotations

import pytest

from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.analysis.pairing import pair
from tests.analysis.made_crowd import crowd


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_inference_alone_is_nearly_always_right(seed: int) -> None:
    """Of what is paired without any cookie at least 97 in 100 are right, and 97 in 100 retries are found."""
    made = crowd(seed, stories=1_000)
    found = {(one.retry, one.previous) for one in pair(made.saves, WINDOW_SECONDS).pairs}
    right = found & set(made.diary.items())
    assert len(made.diary) > 500
    assert len(right) / len(found) >= 0.97
    assert len(right) / len(made.diary) >= 0.97
