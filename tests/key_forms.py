"""Object keys that are hard to write down, and all the ways in which software writes them.

Stated here by the encoders themselves, and not by what capture knows of them.
"""

from __future__ import annotations

import html
import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "botocore": lambda key: quote(key.encode(), safe="/~"),
    "a path segment": lambda key: quote(key, safe=""),
    "lower-case hex": lambda key: "".join(
        character if character.isascii() and character.isalnum() else f"%{byte:02x}"
        for character in key
        for byte in character.encode()
    ),
    "a form": quote_plus,
    "quoted twice": lambda key: quote(quote(key)),
    "quoted thrice": lambda key: quote(quote(quote(key))),
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON in UTF-8": lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda key: json.dumps(json.dumps(key))[1:-1],
    "repr": lambda key: repr(key)[1:-1],
    "repr of repr": lambda key: repr(repr(key))[1:-1],
    "ascii": lambda key: ascii(key)[1:-1],
    "bytes": lambda key: repr(key.encode())[2:-1],
    "HTML": html.escape,
    "HTML of a URL": lambda key: html.escape(quote(key)),
    "a URL of HTML": lambda key: quote(html.escape(key)),
    "JSON of a URL": lambda key: json.dumps(quote(key))[1:-1],
    "a URL of JSON": lambda key: quote(json.dumps(key)[1:-1]),
    "SQL": lambda key: key.replace("'", "''"),
    "WSGI": lambda key: key.encode().decode("latin-1"),
}
"""Every way in which a key is written, by its name."""

_PIECES = (
    "abc", "my map", "ünïcode", "😀😀😀", "日本語", "a+b", "100%", "%41bc", "%2F%2e", "it's", '"quoted"',
    "back\\slash", "\\n", "\\u0041bc", "new\nline", "tab\t", "&amp;", "a&b=c", "<tag>", "#frag", "?q=1", "..",
    ".", "x", "ab", "draft.json", "~tilde~", " lead", "trail ", "{brace}", "[0]", "'", "''", "\\\\", "%",
    "+++", "&#65;bcd", "e\u0301tude", "\u200bzero", "0123456", "C:\\temp", "a;b,c", "@me", "*.*", "\\x41bc",
)  # fmt: skip
_CHARACTERS = "abcAB09 %+&;#=?\\'\"<>~.-_xu{}[]()\n\téßЖ日😀"


def nasty_keys(seed: int, count: int) -> Iterator[str]:
    """Make up keys of one to five segments, some with a slash at an end, some of some hundred characters."""
    chance = random.Random(seed)  # noqa: S311 - keys, no secret
    for _ in range(count):
        segments = [_segment(chance) for _ in range(chance.randrange(1, 6))]
        key = "/".join(segments) * (1 if chance.random() < 0.95 else 10)
        yield f"{chance.choice(('', '', '', '', '/'))}{key}{chance.choice(('', '', '', '', '/'))}"


def _segment(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return "".join(chance.choice(_PIECES) for _ in range(chance.randrange(1, 4)))
    return "".join(chance.choice(_CHARACTERS) for _ in range(chance.randrange(1, 12)))


def leaks(text: str, key: str) -> list[str]:
    """Return what of a key, in whatever form, stands in `text`: its segments of three characters or more."""
    forms = {
        form(segment)
        for segment in key.split("/")
        if len(segment) > 2
        for form in WAYS.values()
    }  # fmt: skip
    return [form for form in sorted(forms) if form in text]
