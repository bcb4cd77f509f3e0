"""Lines of text that hang beside their head, wrapped at words alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

WORD = re.compile(r"\S*\d (?:%|(?:B|h|min|ms|s)\b)\S*\s*|\S+\s*")
"""A number and its unit are one word."""

NARROWEST = 20
"""Columns that a text has at least, however wide its head."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hanging:
    """`body`, wrapped, each line beside or below `head`.

    A word that is longer than the line, such as an address or a key, stays whole: a person copies it.
    """

    head: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(options.max_width - self.head.cell_len, NARROWEST)
        lead = self.head
        for line in self.body.divide(_breaks(self.body.plain, room)):
            line.rstrip()
            yield whole(Text.assemble(lead, line))
            lead = Text(" " * self.head.cell_len)


def _breaks(text: str, room: int) -> Iterator[int]:
    """Yield where a new line begins: rich's own wrapping either breaks long words or cuts them."""
    taken = 0
    for word in WORD.finditer(text):
        if taken and taken + cell_len(word[0].rstrip()) > room:
            yield word.start()
            taken = 0
        taken += cell_len(word[0])


def whole(line: Text) -> Text:
    """Return a line that is never broken nor cut, however long."""
    line.no_wrap, line.overflow = True, "ignore"
    return line
