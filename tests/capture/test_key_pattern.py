"""Keys taken apart by patterns."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.key_pattern import KeyPattern


@pytest.mark.parametrize(
    ("pattern", "key", "parts"),
    [
        ("s/{a}/{b}/{c}", "s/1/2/3", {"a": "1", "b": "2", "c": "3"}),
        ("s/{a}/{c}", "s/1/_images/ü (1).png", {"a": "1", "c": "_images/ü (1).png"}),
        ("s/{a}/{c}", "s/1/line\nbreak", {"a": "1", "c": "line\nbreak"}),
        ("s/{a}.json", "s/x.y.json", {"a": "x.y"}),
        ("s/{a}.json", "s/x/y.json", None),
        ("s/{a}-{b}/d", "s/one-two-3/d", {"a": "one", "b": "two-3"}),
        ("s.x/{a}", "sax/1", None),
        ("s/{a}/{b}", "s//2", None),
        ("s/{a}/{b}", "s/1/", None),
    ],
)
def test_take_apart(pattern: str, key: str, parts: dict[str, str] | None) -> None:
    """A name stands for one segment, at the pattern's end for all the rest; all else is literal."""
    assert KeyPattern.parse(pattern).take_apart(key) == parts
