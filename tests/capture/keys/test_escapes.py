"""What a text decodes to, and where each piece of that stands in it."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.keys.escapes import readings


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", []),
        ("100% & more \\ less", []),
        ("a%20b%C3%A9", ["a bé"]),
        ("a%2520b", ["a%20b", "a b"]),
        ("%E9%u65e5", ["é日"]),
        (r"caf\u00e9 \ud83d\ude00 \U0001f600", ["café 😀 😀"]),
        (r"b'caf\xc3\xa9' \xe9", ["b'café' é"]),
        (r"it\'s \"a\" \\ \n", ['it\'s "a" \\ \n']),
        ("&lt;a&#39;b&#x27;c&amp;lt;", ["<a'b'c&lt;", "<a'b'c<"]),
        (r"%5Cn", ["\\n", "\n"]),
    ],
)
def test_every_way_of_escaping_is_undone(text: str, decoded: list[str]) -> None:
    """A text is read as it stands, then decoded, step by step."""
    assert [reading.text for reading in readings(text)] == [text, *decoded]


def test_where_a_decoded_piece_stands() -> None:
    """Through two steps of decoding, a piece is known by where its escapes begin and end in the text."""
    text = "id=%2522caf%25C3%25A9%2522&x"
    last = list(readings(text))[-1]
    assert last.text == 'id="café"&x'
    at = last.text.index("café")
    assert text[last.origin(at) : last.origin(at + 4)] == "caf%25C3%25A9"
    assert last.origin(len(last.text)) == len(text)


def test_there_is_an_end_to_it() -> None:
    """A text that decodes on and on is read twelve times at most."""
    assert len(list(readings("%" + "25" * 50 + r"\\" * 50 + "&" + "amp;" * 50))) == 12
