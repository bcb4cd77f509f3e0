"""Attributes out of the JSON of an OTLP ``KeyValue`` list, where each is text, a number or a truth value."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import msgspec

from otel_savetrace.spans.rows import AttributeValue


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


def those_needed(text: msgspec.Raw, needed: Mapping[str, bool]) -> dict[str, AttributeValue]:
    """Return those of the names that are needed. Raises `ValueError` as `simple_attributes` does."""
    return {
        name: said if (said := one.value.string_value) is not None else _other(one.value)
        for one in _decode(text)
        if needed[name := one.key]
    }


def _other(value: _Value) -> AttributeValue:
    if value.int_value is not None:
        return int(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    raise ValueError
