"""Two saves side by side, for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import Comparison, Difference
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.jaeger_page import comparison_page
from otel_savetrace.report.timeline import LETTERS, LINES, Marks, Timeline, layout
from otel_savetrace.report.wording import (
    ASIDE,
    NOT_TRUE,
    OUTCOME_STYLES,
    moment,
    named_thing,
    printable,
    short_name,
    value,
)

BORDERS = 7
"""Columns that two cells beside each other lose to lines and to the space beside them."""

WIDEST = 180
"""Beyond this, lines are too long to read across."""

IDS = frozenset({attributes.REQUEST_ID, attributes.EXTENDED_REQUEST_ID})


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
        yield from _notices(self.comparison)
        yield _differences(self.comparison, width)
        yield Text()
        yield from _folded(self.comparison)
        yield from _support(self.comparison)
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
    return answer


def _notices(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield what stands out in either save by itself."""
    a, b = notices(comparison.a), notices(comparison.b)
    names = [heading for heading, _ in _headings(comparison)]
    told = [
        *(("both", said) for said in a if said in b),
        *((names[0], said) for said in a if said not in b),
        *((names[1], said) for said in b if said not in a),
    ]
    if not told:
        return
    yield Text("What stands out", "bold")
    for whose, said in told:
        line = Text(f"  {whose}: ", NOT_TRUE)
        yield line.append(printable(said), "not bold default")
    yield Text()


def _differences(comparison: Comparison, width: int) -> RenderableType:
    before = [found for found in comparison.differences if not found.consequence]
    if not before:
        return Text("What differs: nothing of what was recorded before the outcome.", "bold")
    table = Table(
        title="What differs", title_style="bold", title_justify="left", box=box.SIMPLE_HEAD,
        border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False, width=width,
    )  # fmt: skip
    table.add_column("", ratio=4, overflow="fold")
    for heading, style in _headings(comparison):
        table.add_column(heading, ratio=3, overflow="fold", style=style)
    for found in before:
        name = Text(short_name(found.attribute))
        if found.where != "save":
            name.append(f" ({printable(found.where)})", ASIDE)
        table.add_row(name, Text(value(found.attribute, found.a)), _second_value(found))
    return table


def _headings(comparison: Comparison) -> list[tuple[str, str]]:
    outcomes = [comparison.a.outcome, comparison.b.outcome]
    if outcomes[0] == outcomes[1]:
        return [(f"{outcomes[0]} (first given)", ""), (f"{outcomes[1]} (second given)", "")]
    return [(outcome, OUTCOME_STYLES[outcome]) for outcome in outcomes]


def _second_value(found: Difference) -> Text:
    told = Text(value(found.attribute, found.b))
    described = attributes.REGISTRY.get(found.attribute)
    if described and described.unit == "By" and isinstance(found.a, int) and isinstance(found.b, int):
        told.append(f" ({found.b - found.a:+,})", ASIDE)
    return told


def _folded(comparison: Comparison) -> Iterator[RenderableType]:
    yield from _line("Came with the outcome", _consequences(comparison))
    told = [
        f"{short_name(name)} {value(name, held)}"
        for name, held in comparison.equal.items()
        if name in attributes.REGISTRY and name not in IDS and name not in comparison.a.thing
    ]
    others = len(comparison.equal) - len(told)
    yield from _line("Equal in both", [*told, *([f"and {count(others, 'other')}"] if others else [])])
    yield from _line("Differs between any two requests", [short_name(name) for name in comparison.noise])


def _consequences(comparison: Comparison) -> list[str]:
    """Return what the outcome brought with it, of save and calls the save's; the outcome itself is above."""
    told: dict[str, str] = {}
    for found in comparison.differences:
        if found.consequence and found.attribute not in {attributes.OUTCOME, attributes.USER_ERROR}:
            a, b = (value(found.attribute, held) for held in (found.a, found.b))
            told.setdefault(found.attribute, f"{short_name(found.attribute)} {a} vs {b}")
    return list(told.values())


def _line(title: str, parts: list[str]) -> Iterator[RenderableType]:
    if parts:
        told = Text(f"{title}: ")
        told.append(", ".join(parts), ASIDE)
        yield told


def _support(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the store's own ids of the failure: what its support asks for first."""
    for save in (comparison.a, comparison.b):
        failing = [call for call in save.calls if call.failed]
        if not failing:
            continue
        held = failing[-1].span.attributes
        named = [("request id", attributes.REQUEST_ID), ("host id", attributes.EXTENDED_REQUEST_ID)]
        yield from _line(
            "For the store's support",
            [f"{said} {value(name, held[name])}" for said, name in named if name in held],
        )


def _jaeger(page: str) -> RenderableType:
    # On one line whatever the width: a person copies it.
    told = Text("Side by side in Jaeger:\n", no_wrap=True, overflow="ignore")
    return told.append(page, f"link {page}")
