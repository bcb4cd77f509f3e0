"""The report for a terminal: the answer first, then what it rests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from otel_savetrace.analysis.findings import Report, SourceSeen
from otel_savetrace.analysis.words import count
from otel_savetrace.report.answer import answer, not_said
from otel_savetrace.report.report_sections import (
    errors,
    heading,
    limits,
    patience,
    patterns,
    plain_table,
)
from otel_savetrace.report.verdict_view import verdict_lines
from otel_savetrace.report.wording import ASIDE, FAILED, NOT_TRUE, SUCCEEDED, UNKNOWN, moment, printable

WIDEST = 120
"""Beyond this, sentences are too long to read across."""


@dataclasses.dataclass(frozen=True, slots=True)
class ReportView:
    """Prints a report, at whatever width the terminal has.

    Print it with ``crop=False``: addresses and commands, which a person copies, are never cut or broken.
    """

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        yield from _answer(self.report, width, wrapped=console.is_terminal)
        for part in self._parts(width, ascii_only=options.ascii_only):
            yield from console.render(part, options.update(width=width))

    def _parts(self, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
        report = self.report
        yield Text()
        yield from _counts(report)
        yield from errors(report, width)
        yield from patterns(report, width, ascii_only=ascii_only)
        for number, verdict in enumerate(report.verdicts, start=1):
            yield from verdict_lines(report, verdict, number, width, ascii_only=ascii_only)
        yield from patience(report)
        yield from limits(report, width)
        yield from _not_said(report)


def _answer(report: Report, width: int, *, wrapped: bool) -> Iterator[RenderableType]:
    """Yield the three sentences: in a pipe a line each, in a terminal hanging beside their heads."""
    said = answer(report)
    colour = FAILED if report.saves.failed else SUCCEEDED if report.saves.total else UNKNOWN
    heads = [(head, sentence) for head, sentence in (("Why", said.why), ("Do", said.do)) if sentence]
    if not wrapped:
        yield _unbroken(Text(said.what))
        yield from (_unbroken(Text(f"{head:3}  {printable(sentence)}")) for head, sentence in heads)
        return
    table = plain_table(width)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1, overflow="fold")
    for head, sentence in heads:
        table.add_row(head, printable(sentence))
    yield Text(said.what, f"bold {colour}")
    yield table


def _unbroken(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line


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
            count(episodes.total, "episode"),
            ((episodes.recovered, "recovered", SUCCEEDED), (episodes.abandoned, "abandoned", FAILED),
             (episodes.open, "still open", UNKNOWN)),
        )  # fmt: skip


def _counted(total: str, parts: tuple[tuple[int, str, str], ...]) -> Text:
    said = Text(f"{total}: ")
    told = [Text(f"{number:,} {name}", style) for number, name, style in parts if number]
    return said.append_text(Text(", ").join(told)) if told else Text(total)


def _source(source: SourceSeen) -> str:
    held = f"{count(source.spans, 'span')}, {count(source.saves, 'save')}"
    return f"{printable(source.kind)} {printable(source.name)}: {held}"


def _not_said(report: Report) -> Iterator[RenderableType]:
    told = list(not_said(report))
    if told:
        yield from heading("What cannot be said")
    for about, why in told:
        line = Text(f"{about}: ", NOT_TRUE).append(printable(why), "not bold default")
        yield Padding(line, (0, 0, 0, 2), expand=False)
