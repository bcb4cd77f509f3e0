"""Object keys and their parts, found in any text and replaced, however they were written there.

On its way into an exception's text or an address a key is percent-encoded (once, or twice), escaped by JSON
or `repr`, by HTML or SQL. No list of such forms is ever whole, so it goes the other way: a text is decoded
step by step until it changes no more, a key is looked for at every step, and what is found is replaced where
it stood in the text itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.capture.keys.escapes import readings

SEPARATOR = "\0"
"""Parts texts that are searched in one go; a text's own end as far as borders are concerned."""

_SHORT = 2
_LONG = 8
_DELIMITERS = frozenset("/?&=#'\"" + SEPARATOR)

_TAIL = 3
_MOST_UNFINISHED = 4


class KeyWords:
    """Keys and parts of keys, each with what is shown in its stead.

    Where one counts as found: of eight characters or more, anywhere; of three to seven, where no letter or
    digit touches it; of one or two, as a whole text or between the delimiters of an address or quotes.
    """

    __slots__ = ("_searched", "_shown")

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._searched: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._searched)

    def add(self, word: str, shown: str, *, made_of_others: bool = False) -> None:
        """Look for `word`, which is not empty, and show `shown` instead.

        `made_of_others` says that every text with this word also holds one that was added by itself.
        """
        for form in _forms(word):
            self._shown.setdefault(form, shown)
            if not made_of_others:
                self._searched.setdefault(form)

    def shown(self, text: str) -> str | None:
        """Return what is shown instead of a text that is one of the words, whole; None where it is none."""
        return self._shown.get(text)

    def occur_in(self, text: str) -> bool:
        """Return whether any word is in `text`, or in one of several texts joined by `SEPARATOR`."""
        searched = tuple(self._searched)
        return any(
            form in reading.text and next(_places(reading.text, form), None) is not None
            for reading in readings(text)
            for form in searched
        )

    def hide(self, text: str, *, cut: bool = False) -> str:
        """Return `text` with every word replaced; `cut` says that its end may be missing."""
        found: list[tuple[int, int, str]] = []
        words = tuple(self._shown.items())
        for reading in readings(text):
            for form, shown in words:
                if form in reading.text:
                    found.extend(
                        (reading.origin(at), reading.origin(at + len(form)), shown)
                        for at in _places(reading.text, form)
                    )
                tail = _unfinished(reading.text, form) if cut else None
                if tail is not None:
                    found.append((reading.origin(tail), len(text), shown))
        return _replaced(text, found) if found else text


def _forms(word: str) -> Iterator[str]:
    """Yield `word` as it is and as it comes out of what decoding cannot undo."""
    yield word
    if word.strip() and word.strip() != word:
        yield word.strip()
    if " " in word:
        yield word.replace(" ", "+")
    if "'" in word:
        yield word.replace("'", "''")
    if not word.isascii():
        yield word.encode("utf-8", "surrogatepass").decode("latin-1")  # a header or path as WSGI has it


def _places(text: str, word: str) -> Iterator[int]:
    """Yield where `word` stands in `text`, borders considered."""
    at = text.find(word)
    while at >= 0:
        if len(word) >= _LONG or (
            _is_border(text[at - 1 : at], word[0], len(word))
            and _is_border(text[at + len(word) : at + len(word) + 1], word[-1], len(word))
        ):
            yield at
        at = text.find(word, at + 1)


def _is_border(outside: str, inside: str, length: int) -> bool:
    """Return whether a word may begin or end between two characters; `outside` is empty at a text's end."""
    if length <= _SHORT:
        return not outside or outside in _DELIMITERS
    return not (outside.isalnum() and inside.isalnum())


def _unfinished(text: str, word: str) -> int | None:
    """Return where a `word` begins that the end of `text` has cut, by three characters or more of it."""
    ends = range(len(text), max(0, len(text) - _MOST_UNFINISHED), -1)  # an ellipsis, or half an escape
    at = text.find(word[:_TAIL], max(0, len(text) - _MOST_UNFINISHED - len(word)))
    while at >= 0 and len(word) > _TAIL:
        for end in ends:
            if (
                end - at >= _TAIL
                and word.startswith(text[at:end])
                and _is_border(text[at - 1 : at], word[0], _LONG)
            ):
                return at
        at = text.find(word[:_TAIL], at + 1)
    return None


def _replaced(text: str, found: list[tuple[int, int, str]]) -> str:
    """Return `text` with the found stretches replaced; of those that overlap, the longest names all."""
    pieces: list[str] = []
    end = 0
    stretches = iter(sorted(found))
    current = next(stretches)
    longest = current
    for stretch in (*stretches, (len(text), len(text), "")):
        begin, until, _ = current
        if stretch[0] < until:
            longest = max(longest, stretch, key=lambda one: one[1] - one[0])
            current = (begin, max(until, stretch[1]), "")
            continue
        pieces += (text[end:begin], longest[2])
        end = until
        current = longest = stretch
    return "".join((*pieces, text[end:]))
