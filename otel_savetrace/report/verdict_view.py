"""One verdict for a terminal: the cause, when it strikes, what shows it, what to do, what to open."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.cause_codes import UNEXPLAINED
from otel_savetrace.analysis.findings import Condition, Confidence, Evidence, Example, Report, Verdict
from otel_savetrace.analysis.words import count
from otel_savetrace.report.attribute_words import meaning
from otel_savetrace.report.cause_words import cause_in_words, sentence
from otel_savetrace.report.figures import condition_words, figure, percent, probability
from otel_savetrace.report.hanging import Hanging, whole
from otel_savetrace.report.report_sections import WIDE
from otel_savetrace.report.timeline import LETTERS, LINES, Marks
from otel_savetrace.report.wording import (
    ASIDE,
    FAILED,
    MOST_LETTERS_OF_A_STEP,
    MOST_LETTERS_OF_NAME,
    SUCCEEDED,
    UNKNOWN,
    printable,
    short_name,
    shortened,
    without_long_ids,
)

INDENT = " " * 3
MOST_EVIDENCE = 8
MOST_EXAMPLES = 3
MOST_FOLDED = 4
BAR = 20

DIGITS = 12
"""Digits of a trace id in a command: enough to tell millions apart."""

CONFIDENCE_STYLES: Mapping[Confidence, str] = {"high": "bold", "medium": UNKNOWN, "low": UNKNOWN}

NOT_SET_APART: Mapping[bool, str] = {
    False: "When it strikes is not known: nothing that was recorded sets these saves apart.",
    True: "When it strikes cannot be said of so few.",
}
"""Where no condition was found, by whether the confidence is low."""

ABOUT_P = "p: how often chance alone would set them as far apart, given all that was tried; small is telling."


def verdict_lines(
    report: Report, verdict: Verdict, number: int, width: int, *, ascii_only: bool
) -> Iterator[RenderableType]:
    """Yield all that is told of one verdict, which is the `number`th."""
    yield Text()
    yield Hanging(
        Text(f"{number:<{len(INDENT)}}", "bold"),
        Text(f"{sentence(shortened(cause_in_words(verdict.cause)))}.", "bold"),
    )
    yield _indented(_weight(report, verdict))
    yield from _when(verdict, LETTERS if ascii_only else LINES)
    if verdict.because:
        yield Text()
        yield _indented(Text("What separates failed from succeeded: the usual value on either side", "bold"))
        yield Padding(_evidence(verdict, width - len(INDENT)), (0, 0, 0, len(INDENT)), expand=False)
        if number == 1:
            yield _indented(Text(ABOUT_P, ASIDE))
    if verdict.next:
        yield Text()
        yield _indented(Text("What to do", "bold"))
        yield from _steps(verdict)
    if verdict.examples:
        yield Text()
        yield from _worth_opening(verdict, _source(report))


def _indented(text: Text) -> Hanging:
    return Hanging(Text(INDENT), text)


def _weight(report: Report, verdict: Verdict) -> Text:
    """Return the cause's name, how sure it is, and how much of the trouble it makes."""
    return Text.assemble(
        (shortened(verdict.cause), FAILED),
        (", ", ASIDE),
        (f"{verdict.confidence} confidence", CONFIDENCE_STYLES[verdict.confidence]),
        (f", {verdict.saves:,} of {count(report.saves.failed, 'failed save')}", ASIDE),
        (f" in {count(verdict.episodes, 'episode')}", ASIDE),
    )


def _when(verdict: Verdict, marks: Marks) -> Iterator[RenderableType]:
    condition = verdict.condition
    if condition is None:
        if not verdict.because and verdict.cause != UNEXPLAINED:
            yield _indented(Text(NOT_SET_APART[verdict.confidence == "low"]))
        return
    yield Text()
    yield _indented(Text("When ").append(shortened(condition_words(condition)), "bold"))
    told = meaning(condition.attribute) if condition.attribute != candidates.TIME else ""
    if told:
        yield _indented(Text(f"({shortened(told)})", ASIDE))
    yield from map(_indented, _bars(condition, marks))


def _bars(condition: Condition, marks: Marks) -> Iterator[Text]:
    for name, share, style in (
        ("of the failed saves", condition.failed_share, FAILED),
        ("of those that worked", condition.succeeded_share, SUCCEEDED),
    ):
        filled = round(BAR * min(1.0, max(0.0, share)))
        line = Text(f"{percent(share):>8} ").append(marks.ran * filled, style)
        yield line.append(marks.waited * (BAR - filled), ASIDE).append(f" {name}", style)


def _evidence(verdict: Verdict, width: int) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False,
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    wide = width >= WIDE
    table.add_column("attribute", overflow="fold")
    table.add_column("failed", overflow="fold", style=FAILED, min_width=len("failed"))
    table.add_column("succeeded", overflow="fold", style=SUCCEEDED, min_width=len("succeeded"))
    if wide:
        table.add_column("compared", no_wrap=True, style=ASIDE)
    table.add_column("p", justify="right", no_wrap=True, style=ASIDE)
    for shown in verdict.because[:MOST_EVIDENCE]:
        how = ["within episodes" if shown.paired else "among all saves"] if wide else []
        table.add_row(_named(shown), *_sides(shown), *how, probability(shown.p))
    return table


def _sides(shown: Evidence) -> tuple[str, str]:
    failed, succeeded = (
        shortened(without_long_ids(figure(shown.attribute, held)), MOST_LETTERS_OF_NAME)
        for held in (shown.failed, shown.succeeded)
    )
    alike = isinstance(shown.failed, (str, bool)) and shown.failed == shown.succeeded
    return failed, "the same, if less often" if alike else succeeded


def _named(shown: Evidence) -> Text:
    said = Text(short_name(shown.attribute))
    if shown.folded:
        names = ", ".join(map(short_name, shown.folded[:MOST_FOLDED]))
        more = len(shown.folded) - MOST_FOLDED
        said.append(f"\nlikewise {names}{f' and {more} more' if more > 0 else ''}", ASIDE)
    return said


def _steps(verdict: Verdict) -> Iterator[RenderableType]:
    for number, step in enumerate(verdict.next, start=1):
        yield Hanging(
            Text(f"{INDENT}{number}. ", ASIDE), Text(shortened(step, MOST_LETTERS_OF_A_STEP), "default")
        )


def _worth_opening(verdict: Verdict, source: str) -> Iterator[RenderableType]:
    """Yield the pages or commands that show a failed save beside its retry, each whole on its line."""
    yield _indented(Text("Worth opening: a failed save beside its retry", "bold"))
    shown = verdict.examples[:MOST_EXAMPLES]
    for example in shown:
        if example.compare_url:
            page = printable(example.compare_url)
            yield whole(Text(INDENT).append(page, Style(link=page)))
        else:
            yield whole(Text(INDENT).append_text(_without_page(example, source)))
    paged = next((one for one in shown if one.compare_url and one.retry), None)
    if paged is not None:
        yield _indented(Text("and in the terminal, with what Jaeger's page does not show:", ASIDE))
        yield whole(Text(INDENT).append(_command(paged, source)))


def _without_page(example: Example, source: str) -> Text:
    if example.retry is None:
        return Text(example.failed).append(", which nobody tried again", ASIDE)
    return Text(_command(example, source))


def _command(example: Example, source: str) -> str:
    return f"savetrace compare {source} {example.failed[:DIGITS]} {(example.retry or '')[:DIGITS]}"


def _source(report: Report) -> str:
    """Return what `savetrace compare` has to be given."""
    return printable(shlex.join(source.name for source in report.sources))
