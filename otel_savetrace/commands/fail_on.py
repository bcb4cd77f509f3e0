"""`--fail-on 'failed>1%'`: when a report ends with exit code 1, for cron and CI.

The grammar is ``WHAT OPERATOR NUMBER`` or ``WHAT OPERATOR NUMBER%``, blanks allowed between its parts: WHAT
is a key of `COUNTED`, OPERATOR one of `OPERATORS`. A percentage is of all saves, or of all episodes; of
none it is 0.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Mapping

import click

from otel_savetrace.analysis.findings import Report
from otel_savetrace.analysis.words import count
from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.report.figures import percent

EXPRESSION = re.compile(
    r"\s*(?P<what>[a-z]+)\s*(?P<operator>[<>]=?)\s*(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<percent>%?)\s*"
)
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


def _saves(report: Report) -> int:
    return report.saves.total


def _episodes(report: Report) -> int:
    return report.episodes.total


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """What can be bounded: how many there are, of how many, what those are called, and what is said of them.

    Where nothing is said it is a total itself, of which no share is taken.
    """

    count: Callable[[Report], int]
    total: Callable[[Report], int]
    noun: str
    said: str = ""


COUNTED: Mapping[str, Counted] = {
    "saves": Counted(_saves, _saves, "save"),
    "failed": Counted(lambda report: report.saves.failed, _saves, "save", "failed"),
    "unknown": Counted(lambda report: report.saves.unknown, _saves, "save", "ended unseen"),
    "episodes": Counted(_episodes, _episodes, "episode"),
    "abandoned": Counted(lambda report: report.episodes.abandoned, _episodes, "episode", "abandoned"),
    "open": Counted(lambda report: report.episodes.open, _episodes, "episode", "still open"),
}
"""By the word for it in a bound."""

FORM = (
    f"write one of {', '.join(COUNTED)}, then >, >=, < or <=, then a number or a percentage,"
    " such as 'failed>1%' or 'abandoned>=5'"
)


@dataclasses.dataclass(frozen=True, slots=True)
class FailOn:
    """One bound, in percent of all saves (or of all episodes), or in number."""

    given: str
    what: str
    operator: str
    number: float
    percent: bool

    def is_met(self, report: Report) -> bool:
        """Return whether the report is on that side of the bound."""
        counted = COUNTED[self.what]
        number, total = counted.count(report), counted.total(report)
        measured = (100 * number / total if total else 0.0) if self.percent else number
        return OPERATORS[self.operator](measured, self.number)

    def seen(self, report: Report) -> str:
        """Return what the report has, for a sentence: ``30 of 430 saves failed (7.0 %)``."""
        counted = COUNTED[self.what]
        number, total = counted.count(report), counted.total(report)
        if not counted.said:
            return f"there {'is' if number == 1 else 'are'} {count(number, counted.noun)}"
        share = f" ({percent(number / total)})" if total else ""
        return f"{number:,} of {count(total, counted.noun)} {counted.said}{share}"


def read_fail_on(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[FailOn, ...]:
    """Return each bound given; one that is none, or that nothing can meet, is refused before the work."""
    return tuple(_read(one) for one in given)


def _read(given: str) -> FailOn:
    found = EXPRESSION.fullmatch(given)
    if found is None or found["what"] not in COUNTED:
        raise Refusal(f"--fail-on {given!r} is no bound: {FORM}.")
    what, number, is_share = found["what"], float(found["number"]), bool(found["percent"])
    if is_share and not COUNTED[what].said:
        raise Refusal(f"--fail-on {given!r}: {what} are bounded by number, such as '{what}<1'.")
    if is_share and number > 100:
        raise Refusal(f"--fail-on {given!r}: no share is larger than 100%.")
    return FailOn(given, what, found["operator"], number, is_share)


fail_on_option = click.option(
    "--fail-on", multiple=True, callback=read_fail_on, metavar="BOUND",
    help="Exit with 1 where BOUND is met, such as 'failed>1%' or 'abandoned>=5'; repeatable.",
)  # fmt: skip
