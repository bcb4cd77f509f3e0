"""Keys and their parts are found however they are written, and nothing else is."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.keys.text import SEPARATOR, KeyWords
from tests.key_forms import WAYS, leaks, nasty_keys

AROUND = (
    ("", ""),
    ('Could not connect to the endpoint URL: "http://127.0.0.1:1/bucket/', '"'),
    ("{'k': '", "'}"),
    ("/save?id=", "&page=1"),
)


def words_of(*words: str) -> KeyWords:
    """Words, each shown as a sign that no key has."""
    made = KeyWords()
    for word in words:
        made.add(word, "\x01")
    return made


@pytest.mark.parametrize("way", WAYS)
def test_no_part_of_a_key_is_left_in_any_form(way: str) -> None:
    """Of 150 hard keys nothing is left in a text, in this form or any other, and each is found."""
    for key in nasty_keys(seed=len(way), count=150):
        parts = [part for part in key.split("/") if part not in ("", ".", "..")]
        if not parts:
            continue
        words = words_of(key, *parts)
        for before, after in AROUND:
            text = f"{before}{WAYS[way](key)}{after}"
            hidden = words.hide(text)
            assert leaks(hidden.replace(before, "", 1), key) == [], (key, text)
            if any(len(part) > 2 for part in parts):
                assert words.occur_in(f"before{SEPARATOR}{text}{SEPARATOR}after"), (key, text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://host/a/my%20map/draft?x=%2F", "https://host/a/\x01/draft?x=%2F"),
        ("https://host/a/my+map?y=1&amp;z=2", "https://host/a/\x01?y=1&amp;z=2"),
        ('{"id": "my map", "caf\\u00e9": "\\n"}', '{"id": "\x01", "caf\\u00e9": "\\n"}'),
        ("my map", "\x01"),
        ("my mapping", "my mapping"),
        ("tommy map", "tommy map"),
        ("lock_my map_1", "lock_\x01_1"),
    ],
)
def test_all_else_stays_as_it_was(text: str, hidden: str) -> None:
    """Only the word is replaced: what stands around it keeps its form, and a longer word is another."""
    assert words_of("my map").hide(text) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("HTTP/1.1", "HTTP/1.1"),
        ("a bad argument", "a bad argument"),
        ("/save/a?b=a&c='a'", "/save/\x01?b=\x01&c='\x01'"),
        ("a", "\x01"),
    ],
)
def test_a_word_of_one_letter_counts_in_addresses_only(text: str, hidden: str) -> None:
    """One or two characters are hidden between the delimiters of an address, in quotes, or alone."""
    assert words_of("a").hide(text) == hidden


def test_a_long_word_counts_wherever_it_stands() -> None:
    """A word of eight characters or more is hidden also where letters touch it."""
    assert words_of("0cc175b9").hide("user0cc175b9x") == "user\x01x"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Unable to save maps/my ma…", "Unable to save maps/\x01"),
        ("Unable to save maps/my%20ma%2", "Unable to save maps/\x01"),
        ("Unable to save maps/m", "Unable to save maps/m"),
        ("Unable to save maps", "Unable to save maps"),
    ],
)
def test_a_word_that_was_cut_off(text: str, hidden: str) -> None:
    """Where a text's end is missing, three characters of a word at its end are enough."""
    assert words_of("my map").hide(text, cut=True) == hidden


def test_a_word_without_the_blanks_around_it() -> None:
    """Where an app has stripped a word, it is found nevertheless."""
    assert words_of(" my map\n").hide("no 'my map' here") == "no '\x01' here"


def test_words_that_overlap_are_one_stretch() -> None:
    """Of two words that overlap, neither leaves a piece."""
    words = words_of("north-west")
    words.add("west-end-of-town", "\x02")
    assert words.hide("in north-west-end-of-town.") == "in \x02."
