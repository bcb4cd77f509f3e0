"""Sections of the report for a terminal: errors, patterns, who waits for whom, limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis.findings import ErrorFound, LimitUse, PatternFound, Report
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.figures import interval, percent
from otel_savetrace.report.timeline import LETTERS, LINES, Marks
from otel_savetrace.report.wording import ASIDE, FAILED, NOT_TRUE, SUCCEEDED, UNKNOWN, printable

MOST_ERRORS = 12
WIDE = 90
"""Columns from which a table has all of its columns."""

NARROW = 60
"""Columns from which errors stand in a table."""

PATTERN_WORDS: Mapping[str, str] = {
    "same_data_different_outcome": "same data, different outcome",
    "different_data_different_outcome": "different data, different outcome",
    "dominant_error": "one error dominates",
    "no_storage_error": "failed without a storage error",
}

RETRIED = {True: ("intermittent", UNKNOWN), False: ("permanent", FAILED), None: ("not known", ASIDE)}
"""What became of the same content when it was tried again."""


def plain_table(width: int | None = None) -> Table:
    """Return a table of lines alone, without borders and head."""
    return Table(
        box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True, width=width
    )  # fmt: skip


def heading(title: str) -> Iterator[Text]:
    """Yield a section's title, an empty line before it."""
    yield Text()
    yield Text(title, "bold")


def headed_table(title: str) -> Table:
    """Return a table with a title and a head, as the siblings have it."""
    return Table(
        title=title, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD,
        border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0),
        expand=True,
    )  # fmt: skip


def errors(report: Report, width: int) -> Iterator[RenderableType]:
    """Yield the table of the errors that users got; a few lines each where there is no room for columns."""
    if not report.errors:
        return
    shown = report.errors[:MOST_ERRORS]
    yield Text()
    if width >= NARROW:
        yield _errors_table(shown, width)
    else:
        yield Text("Errors that users got", "bold")
        yield from (line for found in shown for line in _error_lines(found))
    if len(report.errors) > len(shown):
        yield Text(f"and {count(len(report.errors) - len(shown), 'other error')}; --json has all.", ASIDE)


def _errors_table(shown: Sequence[ErrorFound], width: int) -> Table:
    table = headed_table("Errors that users got")
    table.add_column("error", ratio=3, overflow="fold")
    table.add_column("saves", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("tried again", no_wrap=True)
    if width >= WIDE:
        table.add_column("the user saw", ratio=3, overflow="fold")
    for found in shown:
        saw = _seen(found)
        said = Text("\n").join([_code(found), *([saw] if saw and width < WIDE else []), *_places(found)])
        share = Text(percent(found.share.value)).append(f"\n{interval(found.share)}", ASIDE)
        cells = [said, Text(f"{found.saves:,}"), share, Text(*RETRIED[found.intermittent])]
        table.add_row(*cells, *([saw] if width >= WIDE else []))
    return table


def _error_lines(found: ErrorFound) -> Iterator[RenderableType]:
    yield Padding(_code(found), (0, 0, 0, 2), expand=False)
    said = Text(f"{count(found.saves, 'save')}, {percent(found.share.value)} ({interval(found.share)}), ")
    for line in (said.append(*RETRIED[found.intermittent]), _seen(found), *_places(found)):
        if line:
            yield Padding(line, (0, 0, 0, 4), expand=False)


def _code(found: ErrorFound) -> Text:
    said = Text(printable(found.code), FAILED)
    return said.append(f"  {printable(found.stage)}", ASIDE) if found.stage else said


def _seen(found: ErrorFound) -> Text:
    return Text(", ".join(f"“{printable(text)}”" for text in found.user_saw))


def _places(found: ErrorFound) -> Iterator[Text]:
    """Yield the route and the thing that it met most."""
    for kind, most in (("on", found.routes), ("of", found.things)):
        if most:
            name, number = most[0]
            often = f" ({number:,})" if number < found.saves else ""
            yield Text(f"{kind} {printable(name)}{often}", ASIDE)


def patterns(report: Report, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    """Yield the four patterns, each with what shows it."""
    if not report.patterns or not report.saves.failed:
        return
    marks = LETTERS if ascii_only else LINES
    yield from heading("Patterns")
    for found in report.patterns:
        said = _pattern(found, marks)
        if width < WIDE:
            yield said
            yield Padding(Text(printable(found.says), ASIDE), (0, 0, 0, 4), expand=False)
            continue
        table = plain_table()
        table.add_column(width=max(map(len, PATTERN_WORDS.values())) + 4)
        table.add_column(ratio=1, overflow="fold", style=ASIDE)
        table.add_row(said, printable(found.says))
        yield table


def _pattern(found: PatternFound, marks: Marks) -> Text:
    mark, style = {
        True: (marks.succeeded, "bold"), False: (marks.failed, ASIDE), None: ("?", UNKNOWN),
    }[found.holds]  # fmt: skip
    return Text(f"  {mark} {PATTERN_WORDS[found.pattern]}", style)


def patience(report: Report) -> Iterator[RenderableType]:
    """Yield who waits how long for whom, innermost first, and what to change."""
    if report.patience is None:
        return
    yield from heading("Who waits for whom")
    for said in report.patience.says:
        yield Padding(Text(printable(said)), (0, 0, 0, 2), expand=False)
    table = plain_table()
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, overflow="fold", style=ASIDE)
    for who, seconds, known in report.patience.waits:
        table.add_row(f"  {printable(who)}", duration(seconds), printable(known))
    yield table


def limits(report: Report, width: int) -> Iterator[RenderableType]:
    """Yield how near saves come to each limit, and which things come nearest."""
    if not report.limits:
        return
    table = headed_table("How near saves come to a limit")
    table.add_column("limit", ratio=2, overflow="fold")
    table.add_column("most", justify="right", no_wrap=True)
    table.add_column("largest", justify="right", no_wrap=True)
    table.add_column("used", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("nearest", ratio=3, overflow="fold")
    for limit in report.limits:
        used = limit.largest / limit.most if limit.most else 0.0
        style = NOT_TRUE if used >= 1 else UNKNOWN if used >= 0.8 else SUCCEEDED
        cells = [
            Text(printable(limit.limit)),
            Text(_amount(limit, limit.most)),
            Text(_amount(limit, limit.largest)),
            Text(f"{used:.0%}".replace("%", " %"), style),
        ]
        nearest = ", ".join(f"{printable(name)} ({_amount(limit, used)})" for name, used in limit.nearest[:3])
        table.add_row(*cells, *([Text(nearest, ASIDE)] if width >= WIDE else []))
    yield Text()
    yield table


def _amount(limit: LimitUse, number: int) -> str:
    return f"{number:,} {'B' if limit.unit == 'By' else limit.unit}".rstrip()
