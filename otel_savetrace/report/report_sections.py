"""Sections of the report for a terminal: errors, patterns, who waits for whom, limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis.findings import ErrorFound, LimitUse, PatternFound, Report
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.figures import interval, percent
from otel_savetrace.report.hanging import Hanging
from otel_savetrace.report.timeline import LETTERS, LINES, Marks
from otel_savetrace.report.wording import (
    ASIDE,
    FAILED,
    MOST_LETTERS_OF_A_STEP,
    MOST_LETTERS_OF_NAME,
    NOT_TRUE,
    SUCCEEDED,
    UNKNOWN,
    shortened,
)

MOST_ERRORS = 12
MOST_SEEN = 3
MOST_NEAREST = 3
NEAR = 0.5
"""Share of a limit from which more than one thing that comes near it is named."""
WIDE = 90
"""Columns from which a table has all of its columns."""

NARROW = 72
"""Columns from which errors stand in a table."""

PATTERN_WORDS: Mapping[str, str] = {
    "same_data_different_outcome": "same data, different outcome",
    "different_data_different_outcome": "different data, different outcome",
    "dominant_error": "one error dominates",
    "no_storage_error": "failed without a storage error",
}

RETRIED = {
    True: ("intermittent", UNKNOWN, "the same data worked"),
    False: ("permanent", FAILED, "the same never worked"),
    None: ("not known", ASIDE, ""),
}
"""What became of the same content when it was tried again."""


def heading(title: str) -> Iterator[Text]:
    """Yield a section's title, an empty line before it."""
    yield Text()
    yield Text(title, "bold")


def headed_table(title: str) -> Table:
    """Return a table with a title and a head, as wide as what stands in it."""
    return Table(
        title=title, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD,
        border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip


def errors(report: Report, width: int) -> Iterator[RenderableType]:
    """Yield the table of the errors that users got; a few lines each where there is no room for columns."""
    if not report.errors:
        return
    shown = report.errors[:MOST_ERRORS]
    if width >= NARROW:
        yield Text()
        yield _errors_table(shown, width)
    else:
        yield from heading("Errors that users got")
        yield from (line for found in shown for line in _error_lines(found))
    if len(report.errors) > len(shown):
        yield Text(f"and {count(len(report.errors) - len(shown), 'other error')}; --json has all.", ASIDE)


def _errors_table(shown: Sequence[ErrorFound], width: int) -> Table:
    table = headed_table("Errors that users got")
    table.add_column("error", overflow="fold")
    table.add_column("saves", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("tried again", no_wrap=True)
    if width >= WIDE:
        table.add_column("the user saw", overflow="fold")
    for found in shown:
        saw = _seen(found)
        said = Text("\n").join([_code(found), *([saw] if saw and width < WIDE else []), *_places(found)])
        share = Text(percent(found.share.value)).append(f"\n{interval(found.share)}", ASIDE)
        word, style, meaning = RETRIED[found.intermittent]
        again = Text(word, style).append(f"\n{meaning}", ASIDE)
        table.add_row(said, Text(f"{found.saves:,}"), share, again, *([saw] if width >= WIDE else []))
    return table


def _error_lines(found: ErrorFound) -> Iterator[RenderableType]:
    yield Hanging(Text("  "), _code(found))
    said = Text(f"{count(found.saves, 'save')}, {percent(found.share.value)} ({interval(found.share)}), ")
    word, style, meaning = RETRIED[found.intermittent]
    said.append(f"{word}{meaning and f': {meaning}'}", style)
    lines = (said, *_seen(found).split(), *_places(found))
    yield from (Hanging(Text("    "), line) for line in lines if line)


def _code(found: ErrorFound) -> Text:
    said = Text(shortened(found.code, MOST_LETTERS_OF_NAME), FAILED)
    return said.append(f"  {shortened(found.stage, MOST_LETTERS_OF_NAME)}", ASIDE) if found.stage else said


def _seen(found: ErrorFound) -> Text:
    return Text("\n".join(f"“{shortened(text)}”" for text in found.user_saw[:MOST_SEEN]), "default")


def _places(found: ErrorFound) -> Iterator[Text]:
    """Yield the route and the thing that it met most."""
    for kind, most in (("on", found.routes), ("of", found.things)):
        if most:
            name, number = most[0]
            often = f" ({number:,})" if number < found.saves else ""
            yield Text(f"{kind} {shortened(name, MOST_LETTERS_OF_NAME)}{often}", ASIDE)


def patterns(report: Report, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    """Yield the four patterns, each with what shows it."""
    if not report.patterns or not report.saves.failed:
        return
    marks = LETTERS if ascii_only else LINES
    yield Text()
    yield Text("Which patterns hold", "bold").append(
        f"   {marks.succeeded} yes   {marks.failed} no   ? cannot be said", f"not bold {ASIDE}"
    )
    for found in report.patterns:
        said, says = _pattern(found, marks), Text(shortened(found.says, MOST_LETTERS_OF_A_STEP), ASIDE)
        if width < WIDE:
            yield Hanging(Text("  "), said)
            yield Hanging(Text("    "), says)
            continue
        said.pad_right(max(map(len, PATTERN_WORDS.values())) + 4 - said.cell_len)
        yield Hanging(Text("  ").append_text(said), says)


def _pattern(found: PatternFound, marks: Marks) -> Text:
    mark, style = {
        True: (marks.succeeded, "bold"), False: (marks.failed, ASIDE), None: ("?", UNKNOWN),
    }[found.holds]  # fmt: skip
    return Text(f"{mark} {PATTERN_WORDS[found.pattern]}", style)


def patience(report: Report) -> Iterator[RenderableType]:
    """Yield who waits how long for whom, innermost first, and what to change."""
    if report.patience is None:
        return
    yield from heading("Who waits for whom")
    for said in report.patience.says:
        yield Hanging(Text("  "), Text(shortened(said, MOST_LETTERS_OF_A_STEP), "default"))
    waits = [
        (shortened(who, MOST_LETTERS_OF_NAME), duration(seconds), shortened(known))
        for who, seconds, known in report.patience.waits
    ]
    names, times = (max((len(one[column]) for one in waits), default=0) for column in (0, 1))
    for who, length, known in waits:
        yield Hanging(Text(f"  {who:{names}}  {length:>{times}}  "), Text(known, ASIDE))


def limits(report: Report, width: int) -> Iterator[RenderableType]:
    """Yield how near saves come to each limit, and which things come nearest."""
    if not report.limits:
        return
    table = headed_table("How near saves come to a limit")
    table.add_column("limit on", overflow="fold")
    table.add_column("allowed", justify="right", no_wrap=True)
    table.add_column("largest", justify="right", no_wrap=True)
    table.add_column("used", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("nearest to it", overflow="fold", style=ASIDE)
    for limit in report.limits:
        used = limit.largest / limit.most if limit.most else 0.0
        style = NOT_TRUE if used >= 1 else UNKNOWN if used >= 0.8 else SUCCEEDED
        cells = [
            Text(shortened(limit.limit)),
            Text(_amount(limit, limit.most)),
            Text(_amount(limit, limit.largest)),
            Text(percent(used) if used <= 1 else f"{used:.0%}".replace("%", " %"), style),
        ]
        table.add_row(*cells, *([Text(_nearest(limit))] if width >= WIDE else []))
    yield Text()
    yield table


def _nearest(limit: LimitUse) -> str:
    shown = MOST_NEAREST if limit.largest >= NEAR * limit.most else 1
    return "\n".join(
        f"{shortened(name, MOST_LETTERS_OF_NAME)} ({_amount(limit, size)})"
        for name, size in limit.nearest[:shown]
        if name
    )


def _amount(limit: LimitUse, number: int) -> str:
    return f"{number:,} {'B' if limit.unit == 'By' else limit.unit}".rstrip()
