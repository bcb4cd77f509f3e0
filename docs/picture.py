"""Draws README's picture from the spans of a real demo.

Run with ``savetrace demo --keep FOLDER``, then ``python -m docs.picture FOLDER/spans.jsonl``.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from otel_savetrace.analysis import differences
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import saves
from otel_savetrace.report.terminal import comparison
from otel_savetrace.spans.sources import read

PICTURE = Path(__file__).with_name("comparison.svg")
_WIDTH = 104
# The font would be fetched from elsewhere whenever the picture is looked at.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main(source: str) -> None:
    """Draw the first episode of `source` that recovered with the same content."""
    found = episodes(saves(read(source).spans))
    episode = next(one for one in found if one.recovered_by is not None and one.same_content)
    assert episode.recovered_by is not None  # noqa: S101 - for the type checker
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(comparison(differences.compare(episode.failed[-1], episode.recovered_by), None))
    drawn = console.export_svg(title="savetrace compare spans.jsonl --storymap rivers-of-norway")
    PICTURE.write_text(_FONT.sub("", drawn), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
