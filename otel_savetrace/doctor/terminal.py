"""The findings for a person: a line a check, in groups, understandable without colour."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis.words import count
from otel_savetrace.doctor.findings import Finding, Group, State
from otel_savetrace.report.wording import ASIDE, FAILED, SUCCEEDED, UNKNOWN, printable

STYLES: Mapping[State, str] = {"ok": SUCCEEDED, "note": ASIDE, "warning": UNKNOWN, "failure": FAILED}
MARKS: Mapping[State, str] = {"ok": "✓", "note": "·", "warning": "!", "failure": "✗"}
LETTERS: Mapping[State, str] = {"ok": "+", "note": "-", "warning": "!", "failure": "x"}
"""For a terminal that knows ASCII only."""

WIDEST = 140
"""Beyond this, lines are too long to read across."""

SUBJECT_WIDTH = 16
"""Columns of a subject, so that all groups stand under one another; names of variables take more."""

INDENT = 2


@dataclasses.dataclass(frozen=True, slots=True)
class GroupView:
    """Prints one question and its findings, at whatever width the terminal has."""

    group: Group

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks, arrow = (LETTERS, "->") if options.ascii_only else (MARKS, "→")
        table = Table.grid(padding=(0, 1, 0, 0))
        table.width = min(options.max_width, WIDEST)
        table.add_column(width=INDENT + 1, no_wrap=True)
        # One column more than its words, which keeps long names of variables apart from their values.
        table.add_column(width=self._subject_width() + 1, overflow="fold")
        table.add_column(ratio=1, overflow="fold")
        for finding in self.group.findings:
            style = STYLES[finding.state]
            table.add_row(
                Text(f"{' ' * INDENT}{marks[finding.state]}", f"bold {style}"),
                Text(printable(finding.subject), "" if finding.state == "ok" else style),
                Text(printable(finding.said), ASIDE if finding.state == "note" else ""),
            )
            if finding.todo:
                table.add_row("", "", _todo(finding, arrow))
        yield Text(self.group.title, "bold")
        yield table

    def _subject_width(self) -> int:
        return max([SUBJECT_WIDTH, *(len(finding.subject) for finding in self.group.findings)])


def _todo(finding: Finding, arrow: str) -> Table:
    """Return what to do, its further lines beginning below its first word."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=len(arrow), no_wrap=True)
    table.add_column(overflow="fold")
    style = ASIDE if finding.state == "note" else "bold"
    table.add_row(Text(arrow, style), Text(printable(finding.todo), style))
    return table


def verdict(groups: Sequence[Group], ascii_only: bool) -> Text:
    """Return the last line: how much fails and warns, or that all is well."""
    states = [finding.state for group in groups for finding in group.findings]
    marks = LETTERS if ascii_only else MARKS
    failures, warnings = states.count("failure"), states.count("warning")
    state: State = "failure" if failures else "warning" if warnings else "ok"
    parts = [
        *([count(failures, "failure")] if failures else []),
        *([count(warnings, "warning")] if warnings else []),
    ]
    said = " and ".join(parts) if parts else f"All well: {count(states.count('ok'), 'check')} passed"
    return Text(f"{marks[state]} {said}", f"bold {STYLES[state]}")
