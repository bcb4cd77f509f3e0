"""Strings held to a length."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.text import shortened, utf8_length


@pytest.mark.parametrize(
    "text", ["", "plain", "ü" * 5, "€" * 20, "𝄞" * 20, "a" * 30, "lone \ud800 surrogate" * 3]
)
def test_shortened_keeps_to_the_limit_and_to_characters(text: str) -> None:
    """What fits stays as it is; what does not is cut between characters and ends in an ellipsis."""
    short = shortened(text, 20)
    if utf8_length(text) <= 20:
        assert short == text
    else:
        assert len(short.encode()) <= 20
        assert short.endswith("…")
