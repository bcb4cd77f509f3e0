"""Attributes out of the JSON of an OTLP ``KeyValue`` list, where each is a text, a number or a truth."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from otel_savetrace.spans.rows import AttributeValue

NOT, OWN, TEXT, ANY = range(4)
"""What of an attribute is wanted: nothing, text or nothing at all, text and no other type, a value."""


class _Value(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    int_value: int | str | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None


class _Attribute(msgspec.Struct, gc=False):
    key: str
    value: _Value


_decode = msgspec.json.Decoder(list[_Attribute]).decode


def simple_attributes(text: msgspec.Raw) -> dict[str, AttributeValue]:
    """Return them all. Raises `ValueError` where one is of another kind, or is not as it should be."""
    return {
        sys.intern(one.key): said if (said := one.value.string_value) is not None else _other(one.value)
        for one in _decode(text)
    }


def those_wanted(text: msgspec.Raw, wants: Mapping[str, int]) -> dict[str, Any]:
    """Return those that are wanted, by their names: `NOT`, `OWN`, `TEXT` or `ANY`.

    Raises `ValueError` where one is empty, a `TEXT` is none, or as `simple_attributes` does.
    """
    held: dict[str, Any] = {}
    for one in _decode(text):
        want = wants[one.key]
        if want:
            said = one.value.string_value
            if said:
                held[one.key] = said
            elif said is not None or want == TEXT:
                raise ValueError
            elif want == ANY:
                held[one.key] = _other(one.value)
    return held


def _other(value: _Value) -> AttributeValue:
    if value.int_value is not None:
        return int(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    raise ValueError
