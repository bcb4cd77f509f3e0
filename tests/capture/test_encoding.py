"""Encoded attributes that are kept, held against the exporter's own encoding."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes, _encode_key_value

from otel_savetrace.capture import encoding
from otel_savetrace.capture.encoding import PairMemory, wrap_encode_attributes

AWKWARD: list[dict[str, Any]] = [
    {},
    {"a": 1, "b": 1.0, "c": True, "d": "1", "e": "", "f": 0, "g": False, "h": 0.0, "i": -0.0},
    {"a": True, "b": 1, "c": 1.0},
    {"a": 1.0, "b": True, "c": 1},
    {"a": "x" * 257, "b": "ü" * 256, "c": 2**62, "d": float("inf")},
    {"a": ("x", 1), "b": ("x", True), "c": {"nested": 1}, "d": b"bytes"},
    {"a": ["of", "an", "old", "version"]},
]


@pytest.mark.parametrize("attributes", AWKWARD)
def test_what_is_kept_is_what_the_exporter_would_have_made(attributes: dict[str, Any]) -> None:
    """Whatever was encoded before, each attribute is encoded as the exporter alone does it, in its order."""
    encode = wrap_encode_attributes(_encode_key_value)(_encode_attributes)
    for before in AWKWARD:
        encode(before)
    assert encode(attributes) == _encode_attributes(attributes)
    assert encode(attributes) == _encode_attributes(attributes)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more pairs are kept than the limit, and no long string."""
    monkeypatch.setattr(encoding, "_MOST_PAIRS", 10)
    memory = PairMemory(_encode_key_value)
    for number in range(1000):
        assert memory.encode_all({"number": number, "long": f"{number}" + "x" * 256}) is not None
        assert len(memory._known) <= 10
    assert all(name == "number" for name, _, _ in memory._known)


def test_what_is_equal_is_encoded_once() -> None:
    """A pair that was encoded before is not encoded anew, whatever stands beside it."""
    encoded: list[tuple[str, object]] = []

    def encode(name: str, value: object) -> Any:
        encoded.append((name, value))
        return _encode_key_value(name, value)

    memory = PairMemory(encode)
    for other in ("x", "y"):
        memory.encode_all({"text": "1", "number": 1, "share": 1.0, "flag": True, "other": other})
    assert encoded == [
        ("text", "1"),
        ("number", 1),
        ("share", 1.0),
        ("flag", True),
        ("other", "x"),
        ("other", "y"),
    ]
