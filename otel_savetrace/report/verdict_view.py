"""One verdict for a terminal: the cause, when it strikes, what shows it, what to do, what to open."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis.findings import Condition, Confidence, Evidence, Example, Report, Verdict
from otel_savetrace.analysis.words import count
from otel_savetrace.report.cause_words import cause_in_words, sentence
from otel_savetrace.report.figures import condition_words, figure, percent, probability
from otel_savetrace.report.report_sections import WIDE, headed_table, plain_table
from otel_savetrace.report.timeline import LETTERS, LINES, Marks
from otel_savetrace.report.wording import ASIDE, FAILED, SUCCEEDED, UNKNOWN, printable, short_name

INDENT = 3
MOST_EVIDENCE = 8
MOST_EXAMPLES = 3
BAR = 20

DIGITS = 12
"""Digits of a trace id in a command: enough to tell millions apart."""

CONFIDENCE_STYLES: Mapping[Confidence, str] = {"high": "bold", "medium": UNKNOWN, "low": UNKNOWN}


def verdict_lines(
    report: Report, verdict: Verdict, number: int, width: int, *, ascii_only: bool
) -> Iterator[RenderableType]:
    """Yield all that is told of one verdict, which is the `number`th."""
    marks = LETTERS if ascii_only else LINES
    yield Text()
    yield _title(report, verdict, number)
    yield _indented(Text(f"{sentence(cause_in_words(verdict.cause))}."))
    if verdict.condition is not None:
        yield Text()
        yield from map(_indented, _condition(verdict.condition, marks))
    if verdict.because:
        yield Text()
        yield _indented(_evidence(verdict, width - INDENT))
    if verdict.next:
        yield Text()
        yield from map(_indented, _steps(verdict))
    if verdict.examples:
        yield Text()
        yield _indented(Text("Worth opening: failed saves, each beside its retry", "bold"))
        yield from (_opened(example, _source(report)) for example in verdict.examples[:MOST_EXAMPLES])


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, INDENT), expand=False)


def _title(report: Report, verdict: Verdict, number: int) -> Text:
    said = Text(f"{number}  ", "bold").append(printable(verdict.cause), f"bold {FAILED}")
    said.append(f"  {verdict.confidence} confidence", CONFIDENCE_STYLES[verdict.confidence])
    saves = f"{verdict.saves:,} of {count(report.saves.failed, 'failed save')}"
    return said.append(f", {saves}, {count(verdict.episodes, 'episode')}", f"not bold {ASIDE}")


def _condition(condition: Condition, marks: Marks) -> Iterator[RenderableType]:
    yield Text("When ").append(condition_words(condition), "bold")
    for name, share, style in (
        ("failed", condition.failed_share, FAILED),
        ("succeeded", condition.succeeded_share, SUCCEEDED),
    ):
        filled = round(BAR * min(1.0, max(0.0, share)))
        line = Text(f"  {name:10}", style).append(marks.ran * filled, style)
        yield line.append(marks.waited * (BAR - filled), ASIDE).append(f" {percent(share)}", "default")


def _evidence(verdict: Verdict, width: int) -> Table:
    table = headed_table("What separates failed from succeeded")
    table.add_column("", ratio=4, overflow="fold")
    table.add_column("failed", ratio=2, overflow="fold", style=FAILED)
    table.add_column("succeeded", ratio=2, overflow="fold", style=SUCCEEDED)
    if width >= WIDE:
        table.add_column("compared", no_wrap=True, style=ASIDE)
    table.add_column("p", justify="right", no_wrap=True, style=ASIDE)
    for shown in verdict.because[:MOST_EVIDENCE]:
        failed, succeeded = (figure(shown.attribute, held) for held in (shown.failed, shown.succeeded))
        how = ["within episodes" if shown.paired else "among all saves"] if width >= WIDE else []
        table.add_row(_named(shown), failed, succeeded, *how, probability(shown.p))
    return table


def _named(shown: Evidence) -> Text:
    said = Text(short_name(shown.attribute))
    if shown.folded:
        said.append(f"\nlikewise {', '.join(map(short_name, shown.folded))}", ASIDE)
    return said


def _steps(verdict: Verdict) -> Iterator[RenderableType]:
    yield Text("What to do", "bold")
    table = plain_table()
    table.add_column(no_wrap=True, style=ASIDE)
    table.add_column(ratio=1, overflow="fold")
    for number, step in enumerate(verdict.next, start=1):
        table.add_row(f"{number}.", printable(step))
    yield table


def _opened(example: Example, source: str) -> Text:
    """Return a line that is never broken nor cut, since a person copies it."""
    line = Text(" " * INDENT, no_wrap=True, overflow="ignore")
    if example.compare_url:
        return line.append(printable(example.compare_url), f"link {example.compare_url}")
    if example.retry is None:
        return line.append(example.failed).append(", which nobody tried again", ASIDE)
    return line.append(f"savetrace compare {source} {example.failed[:DIGITS]} {example.retry[:DIGITS]}")


def _source(report: Report) -> str:
    """Return what `savetrace compare` has to be given."""
    return shlex.quote(report.sources[0].name) if len(report.sources) == 1 else "SOURCE"
