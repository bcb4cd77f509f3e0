"""A text, and all that it decodes to: escapes of URLs, programming languages and documents undone."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence

_ESCAPED = (
    (
        "%",
        re.compile(
            r"%(?:(?P<percent>[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*)"
            r"|(?P<units>u[0-9A-Fa-f]{4}(?:%u[0-9A-Fa-f]{4})*))"
        ),
    ),
    (
        "\\",
        re.compile(
            r"\\(?:(?P<bytes>x[0-9A-Fa-f]{2}(?:\\x[0-9A-Fa-f]{2})*)"
            r"|(?P<units>u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*)"
            r"|U(?P<point>000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})"
            r"|(?P<simple>[\\'\"/abfnrtv0]))"
        ),
    ),
    ("&", re.compile(r"&(?P<entity>(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)")),
)
"""How addresses, programming languages and documents escape characters; each is undone by itself, since a
character of one may be an ordinary one of a key that another has escaped."""

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_MOST_READINGS = 12


class Reading:
    """A text, or what it decodes to; knows where its characters stand in the text that was given."""

    __slots__ = ("_of", "_origins", "_turns", "text")

    def __init__(
        self, text: str, of: Reading | None = None, turns: Sequence[int] = (), origins: Sequence[int] = ()
    ) -> None:
        self.text = text
        self._of = of
        # From each turn on, characters follow one another as they do from its origin on in what was decoded.
        self._turns = turns
        self._origins = origins

    def origin(self, at: int) -> int:
        """Return where the character at `at` begins in the text that was given."""
        if self._of is None:
            return at
        turn = bisect_right(self._turns, at) - 1
        return self._of.origin(self._origins[turn] + at - self._turns[turn])

    def decoded(self, escape: re.Pattern[str]) -> Reading:
        """Return what this decodes to, one way of escaping undone."""
        pieces: list[str] = []
        turns, origins = [0], [0]
        length = end = 0
        for escaped in escape.finditer(self.text):
            at = escaped.start()
            pieces.append(self.text[end:at])
            length += at - end
            for character, width in _characters(escaped):
                pieces.append(character)
                turns.append(length)
                origins.append(at)
                length += 1
                at += width
            end = escaped.end()
            turns.append(length)
            origins.append(end)
        pieces.append(self.text[end:])
        return Reading("".join(pieces), self, turns, origins)


def readings(text: str) -> Iterator[Reading]:
    """Yield `text` and what it decodes to, one way of escaping undone after the other, at most twelve."""
    seen = {text}
    waiting = deque([Reading(text)])
    while waiting:
        reading = waiting.popleft()
        yield reading
        for sign, escape in _ESCAPED:
            if sign in reading.text and len(seen) < _MOST_READINGS:
                decoded = reading.decoded(escape)
                if decoded.text not in seen:
                    seen.add(decoded.text)
                    waiting.append(decoded)


def _characters(escaped: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Yield the characters of an escape and how many characters each takes in the text."""
    kind, raw = escaped.lastgroup, escaped[0]
    if kind == "percent":
        yield from _utf8_characters(bytes.fromhex(raw.replace("%", "")), 3)
    elif kind == "bytes":
        yield from _utf8_characters(bytes.fromhex(raw.replace("\\x", "")), 4)
    elif kind == "units":
        units = bytes.fromhex(raw.replace("\\u", "").replace("%u", ""))
        for character in units.decode("utf-16-be", "surrogatepass"):
            yield character, 12 if ord(character) > 0xFFFF else 6
    elif kind == "point":
        yield chr(int(escaped["point"], 16)), len(raw)
    elif kind == "simple":
        yield _SIMPLE.get(escaped["simple"], escaped["simple"]), len(raw)
    else:
        for number, character in enumerate(html.unescape(raw)):
            yield character, 0 if number else len(raw)


def _utf8_characters(raw: bytes, width: int) -> Iterator[tuple[str, int]]:
    """Yield the characters of UTF-8; a byte that is none stands for itself, as in Latin-1."""
    for character in raw.decode("utf-8", "surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            yield chr(ord(character) - 0xDC00), width
        else:
            yield character, width * len(character.encode())
