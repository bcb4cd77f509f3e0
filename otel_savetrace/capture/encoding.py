"""Attributes encoded once and exported often: most of a save's are the same for every save.

The seam is `_encode_attributes` of OpenTelemetry's OTLP exporters, as their encoder of spans knows it: half
of what a save's export costs is spent there, on the same pairs of name and value again and again. It runs in
the exporter's thread, on plain OpenTelemetry's attributes too, which makes good a part of what ours add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method

_MOST_PAIRS = 4_096
_LONGEST_VALUE = 256
_KINDS = (str, int, float, bool)

Pair = tuple[str, object, type]
"""Name, value and the value's class, by which ``1``, ``1.0`` and ``True`` are told apart."""


class PairMemory:
    """Keeps encoded pairs of name and value, at most 4,096 and none with a string of over 256 characters.

    The messages are never changed: a span takes copies of them. `encode` is the exporter's own encoder of one
    pair, so that what is kept is what it would have made anew.
    """

    def __init__(self, encode: Callable[[str, Any], Any]) -> None:
        self._encode = encode
        self._known: dict[Pair, Any] = {}

    def encode_all(self, attributes: Mapping[str, Any]) -> list[Any] | None:
        """Return the encoded pairs, None where a value is of a kind that cannot be looked up."""
        known = self._known.get
        try:
            return [
                known((name, value, value.__class__)) or self._encode_new(name, value)
                for name, value in attributes.items()
            ]
        except TypeError:
            return None

    def _encode_new(self, name: str, value: Any) -> Any:
        encoded = self._encode(name, value)
        if value.__class__ in _KINDS and (value.__class__ is not str or len(value) <= _LONGEST_VALUE):
            if len(self._known) >= _MOST_PAIRS:
                self._known.clear()
            self._known[name, value, value.__class__] = encoded
        return encoded


def wrap_encode_attributes(encode: Callable[[str, Any], Any]) -> Any:
    """Return the wrapper of `_encode_attributes(attributes)`; `encode` is the encoder of one pair."""
    memory = PairMemory(encode)

    def wrap(original: Method) -> Method:
        def _encode_attributes(attributes: Any) -> Any:
            if not attributes:
                return original(attributes)
            encoded = guard.run("attributes are encoded", memory.encode_all, attributes)
            return original(attributes) if encoded is None else encoded

        return _encode_attributes

    return wrap
