"""`--fail-on 'failed>1%'`: when a report ends with exit code 1, for cron and CI."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Mapping

import click

from otel_savetrace.analysis.findings import Report
from otel_savetrace.commands.refusal import Refusal

EXPRESSION = re.compile(
    r"\s*(?P<what>[a-z]+)\s*(?P<operator>>=|>)\s*(?P<bound>\d+(\.\d+)?)\s*(?P<percent>%?)\s*"
)
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {">": operator.gt, ">=": operator.ge}

COUNTED: Mapping[str, Callable[[Report], tuple[int, int]]] = {
    "failed": lambda report: (report.saves.failed, report.saves.total),
    "unknown": lambda report: (report.saves.unknown, report.saves.total),
    "abandoned": lambda report: (report.episodes.abandoned, report.episodes.total),
    "open": lambda report: (report.episodes.open, report.episodes.total),
}
"""What can be bounded: how many there are, and of how many."""


@dataclasses.dataclass(frozen=True, slots=True)
class FailOn:
    """One bound, a share in percent of all saves (of all episodes) or a number of them."""

    said: str
    what: str
    operator: str
    bound: float
    percent: bool

    def is_met(self, report: Report) -> bool:
        """Return whether the report goes beyond the bound."""
        count, total = COUNTED[self.what](report)
        measured = (100 * count / total if total else 0.0) if self.percent else count
        return OPERATORS[self.operator](measured, self.bound)

    def seen(self, report: Report) -> str:
        """Return what the report has, for a sentence."""
        count, total = COUNTED[self.what](report)
        return f"{count:,} of {total:,} are {self.what}"


def read_fail_on(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[FailOn, ...]:
    """Return each bound given."""
    return tuple(_read(one) for one in given)


def _read(given: str) -> FailOn:
    found = EXPRESSION.fullmatch(given)
    if found is None or found["what"] not in COUNTED:
        raise Refusal(
            f"--fail-on {given} is no bound: write 'failed>1%' or 'abandoned>=5', with one of"
            f" {', '.join(COUNTED)}."
        )
    return FailOn(given, found["what"], found["operator"], float(found["bound"]), bool(found["percent"]))


fail_on_option = click.option(
    "--fail-on", multiple=True, callback=read_fail_on, metavar="BOUND",
    help="Exit with 1 where more than that failed: 'failed>1%', 'abandoned>=5'; repeatable.",
)  # fmt: skip
