"""Two saves side by side, for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import Comparison
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.jaeger_page import comparison_page
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import duration
from otel_savetrace.report.difference_table import (
    ids_for_support,
    what_differs,
    what_is_folded,
    what_stands_out,
)
from otel_savetrace.report.timeline import LETTERS, LINES, Marks, Timeline, layout
from otel_savetrace.report.wording import (
    ASIDE,
    NOT_TRUE,
    OUTCOME_STYLES,
    SHORT_ID,
    moment,
    named_thing,
    printable,
)

BORDERS = 7
"""Columns that two cells beside each other lose to lines and to the space beside them."""

WIDEST = 180
"""Beyond this, lines are too long to read across."""


@dataclasses.dataclass(frozen=True, slots=True)
class ComparisonView:
    """Prints a comparison, at whatever width the terminal has.

    `jaeger_address` is where Jaeger's own pages stand, if the saves came from one. Print it with
    ``crop=False``: the address of a page is never cut or broken, however narrow the terminal.
    """

    comparison: Comparison
    jaeger_address: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        ascii_only = options.ascii_only
        yield Text(printable(headline(self.comparison)), "bold")
        yield Text()
        yield from _things(self.comparison)
        yield _side_by_side(self.comparison, width, LETTERS if ascii_only else LINES)
        yield Text()
        yield from what_stands_out(self.comparison)
        yield what_differs(self.comparison, width)
        yield Text()
        yield from what_is_folded(self.comparison)
        yield from ids_for_support(self.comparison)
        page = comparison_page(self.comparison, self.jaeger_address)
        if page:
            yield _jaeger(page)


def _things(comparison: Comparison) -> Iterator[Text]:
    yield named_thing(comparison.a)
    if not comparison.same_thing:
        yield named_thing(comparison.b)


def _side_by_side(comparison: Comparison, width: int, marks: Marks) -> Table:
    saves = (comparison.a, comparison.b)
    shared = layout(saves, (width - BORDERS) // 2, marks)
    lines = [Timeline(save.span.start_nanoseconds, shared) for save in saves]
    table = Table(box=box.ROUNDED, border_style=ASIDE, show_header=True, header_style="", width=width)
    for save in saves:
        table.add_column(_title(save, marks), ratio=1, overflow="fold")
    for pair in comparison.calls:
        table.add_row(
            *(
                Group(*line.call(call)) if call else Text()
                for line, call in zip(lines, (pair.a, pair.b), strict=True)
            )
        )
    for save_lines in _calls_missing(saves):
        table.add_row(*save_lines)
    if any(save.calls for save in saves):
        table.add_row(
            *(line.axis() if save.calls else Text() for line, save in zip(lines, saves, strict=True))
        )
    table.add_section()
    table.add_row(*(_answer(save) for save in saves))
    return table


def _title(save: Save, marks: Marks) -> Text:
    mark = {"failed": f"{marks.failed} ", "succeeded": f"{marks.succeeded} "}.get(save.outcome, "? ")
    title = Text(f"{mark}{save.outcome}", f"bold {OUTCOME_STYLES[save.outcome]}")
    title.append(f" in {duration(save.seconds)}", "not bold default")
    title.append(f"\n{moment(save.time)}\n{save.trace_id}", f"not bold {ASIDE}")
    return title


def _calls_missing(saves: tuple[Save, Save]) -> Iterator[list[RenderableType]]:
    if not all(save.calls for save in saves):
        said = Text("no storage call was recorded", ASIDE)
        yield [Text() if save.calls else said for save in saves]


def _answer(save: Save) -> Text:
    answer = Text("the user got    ", ASIDE)
    status = f"HTTP {save.status_code}" if save.status_code else "no answer that was recorded"
    answer.append(status, "default")
    if save.user_error and save.user_error != status:
        answer.append(f"\n{printable(save.user_error)}", OUTCOME_STYLES[save.outcome])
    if save.stage:
        answer.append("\nfailed in       ", ASIDE).append(printable(save.stage), "default")
    if save.caught_exceptions:
        answer.append("\nthe app caught  ", ASIDE).append(printable(save.caught_exceptions), "default")
    if save.stored:
        style = "default" if save.told_truly else NOT_TRUE
        answer.append("\nstored          ", ASIDE).append(printable(save.stored), style)
    for name, told in _of_the_retry(save):
        answer.append(f"\n{name:16}", ASIDE).append(printable(told), "default")
    return answer


def _of_the_retry(save: Save) -> Iterator[tuple[str, str]]:
    """Yield which failed save this one says that it retries, and how it knows."""
    held = save.span.attributes
    failed = held.get(attributes.PREVIOUS_TRACE_ID)
    if failed:
        attempt = held.get(attributes.SAVE_ATTEMPT)
        yield "retries", str(failed)[:SHORT_ID] + (f", attempt {attempt}" if attempt else "")
        if attributes.PAIRED_BY in held:
            yield "known by", str(held[attributes.PAIRED_BY])


def _jaeger(page: str) -> RenderableType:
    # On one line whatever the width: a person copies it.
    told = Text("Side by side in Jaeger:\n", no_wrap=True, overflow="ignore")
    return told.append(page, f"link {page}")
