"""Strings held to a length in UTF-8 bytes, as stores and indexes count them."""

from __future__ import annotations

_ELLIPSIS = "…"
_ELLIPSIS_BYTES = len(_ELLIPSIS.encode())


def utf8_length(text: str) -> int:
    """Return the length of `text` in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def shortened(text: str, limit: int) -> str:
    """Return `text`, cut at a character's border and marked with an ellipsis if it passes `limit` bytes."""
    if len(text) * 4 <= limit or utf8_length(text) <= limit:
        return text
    head = text.encode("utf-8", "replace")[: limit - _ELLIPSIS_BYTES]
    return head.decode("utf-8", "ignore") + _ELLIPSIS


def on_one_line(text: str) -> str:
    """Return `text` with every character escaped that could end a line, or do something to a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
