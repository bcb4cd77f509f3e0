"""Numbers as a person would say them."""

from __future__ import annotations

import pytest

from otel_savetrace.analysis.words import alike, count, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"), (0.0005, "0.5 ms"), (0.026, "26 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"),
        (4.14, "4.1 s"), (9.96, "10 s"), (61.0, "61 s"), (99.6, "1 min 40 s"), (120.0, "2 min"),
        (1800.0, "30 min"), (3599.9, "1 h 0 min"), (7260.0, "2 h 1 min"),
    ],
)  # fmt: skip
def test_a_length_of_time_keeps_two_figures(seconds: float, said: str) -> None:
    """Two figures or so, and the unit that fits."""
    assert duration(seconds) == said


def test_a_number_takes_its_noun_along() -> None:
    """One is singular, the rest plural; what is not known is said to be."""
    assert count(1, "attempt") == "1 attempt"
    assert count(1_200, "retry", "retries") == "1,200 retries"
    assert count(None, "attempt") == "an unknown number of attempts"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [(0.11, 0.118, True), (0.001, 0.09, True), (61.0, 30.6, True), (61.0, 30.4, False), (0.0, 0.2, False)],
)
def test_lengths_of_time_are_alike_within_a_factor_of_two(a: float, b: float, same: bool) -> None:
    """Whichever comes first; below a tenth of a second nothing is told apart."""
    assert alike(a, b) is alike(b, a) is same
