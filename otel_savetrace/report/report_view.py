"""The report for a terminal: the answer first, then what it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from otel_savetrace.analysis.findings import Report, SourceSeen
from otel_savetrace.analysis.words import count
from otel_savetrace.report.answer import answer, not_said
from otel_savetrace.report.hanging import Hanging, whole
from otel_savetrace.report.report_sections import errors, heading, limits, patience, patterns
from otel_savetrace.report.verdict_view import verdict_lines
from otel_savetrace.report.wording import (
    ASIDE,
    FAILED,
    MOST_LETTERS_OF_A_STEP,
    NOT_TRUE,
    SUCCEEDED,
    UNKNOWN,
    moment,
    shortened,
)

WIDEST = 120
"""Beyond this, sentences are too long to read across."""

IN_ASCII = str.maketrans({"“": '"', "”": '"', "…": "...", "≤": "<=", "≥": ">=", "≠": "!=", "─": "-"})
"""What we print ourselves, for a terminal that knows ASCII only."""


@dataclasses.dataclass(frozen=True, slots=True)
class ReportView:
    """Prints a report, at whatever width the terminal has.

    Print it with ``crop=False``: addresses and commands, which a person copies, are never cut or broken.
    """

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        options = options.update(width=min(options.max_width, WIDEST))
        for part in self._parts(options, wrapped=console.is_terminal):
            for line in Segment.split_lines(console.render(part, options)):
                yield from _tidied(line, ascii_only=options.ascii_only)
                yield Segment.line()

    def _parts(self, options: ConsoleOptions, *, wrapped: bool) -> Iterator[RenderableType]:
        report, width, ascii_only = self.report, options.max_width, options.ascii_only
        yield from _answer(report, wrapped=wrapped)
        yield Text()
        yield from _counts(report)
        yield from errors(report, width)
        yield from patterns(report, width, ascii_only=ascii_only)
        yield from _verdicts(report, width, ascii_only=ascii_only)
        yield from patience(report)
        yield from limits(report, width)
        yield from _not_said(report)


def _tidied(line: list[Segment], *, ascii_only: bool) -> Iterator[Segment]:
    """Yield a line without the blanks that fill a column, which a copied line would keep."""
    while line and not line[-1].text.strip():
        line.pop()
    for number, segment in enumerate(line, start=1):
        text = segment.text.rstrip() if number == len(line) else segment.text
        yield segment._replace(text=text.translate(IN_ASCII) if ascii_only else text)


def _answer(report: Report, *, wrapped: bool) -> Iterator[RenderableType]:
    """Yield the three sentences: in a pipe a line each, in a terminal hanging beside their heads."""
    said = answer(report)
    colour = FAILED if report.saves.failed else SUCCEEDED if report.saves.total else UNKNOWN
    for head, style, sentence in (
        ("", f"bold {colour}", said.what),
        ("Why  ", "default", said.why),
        ("Do   ", "default", said.do),
    ):
        if sentence:
            line = Text(shortened(sentence, MOST_LETTERS_OF_A_STEP), style)
            yield Hanging(Text(head, "bold"), line) if wrapped else whole(Text(head).append_text(line))


def _verdicts(report: Report, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    if report.verdicts:
        yield from heading(
            "Why saves failed" + (", the strongest cause first" if report.verdicts[1:] else "")
        )
    for number, verdict in enumerate(report.verdicts, start=1):
        yield from verdict_lines(report, verdict, number, width, ascii_only=ascii_only)


def _counts(report: Report) -> Iterator[Text]:
    if report.start is not None and report.end is not None:
        yield Text(f"{moment(report.start)} to {moment(report.end)}", ASIDE)
    for source in report.sources:
        yield Text(_source(source), ASIDE)
    saves, episodes = report.saves, report.episodes
    yield _counted(
        count(saves.total, "save"),
        ((saves.succeeded, "succeeded", SUCCEEDED), (saves.failed, "failed", FAILED),
         (saves.unknown, "whose end was not seen", UNKNOWN)),
    )  # fmt: skip
    if episodes.total:
        yield _counted(
            f"{count(episodes.total, 'episode')} (failed saves of one thing by one user, and what followed)",
            ((episodes.recovered, "recovered", SUCCEEDED), (episodes.abandoned, "abandoned", FAILED),
             (episodes.open, "still open", UNKNOWN)),
        )  # fmt: skip


def _counted(total: str, parts: tuple[tuple[int, str, str], ...]) -> Text:
    said = Text(f"{total}: ")
    told = [Text(f"{number:,} {name}", style) for number, name, style in parts if number]
    return said.append_text(Text(", ").join(told)) if told else Text(total)


def _source(source: SourceSeen) -> str:
    held = f"{count(source.spans, 'span')}, {count(source.saves, 'save')}"
    return f"{shortened(source.kind)} {shortened(source.name)}: {held}"


def _not_said(report: Report) -> Iterator[RenderableType]:
    told = list(not_said(report))
    if told:
        yield from heading("What cannot be said")
    for about, why in told:
        head = Text(f"{shortened(about)}: ", NOT_TRUE)
        yield Hanging(Text("  "), head.append(shortened(why, MOST_LETTERS_OF_A_STEP), "not bold default"))
