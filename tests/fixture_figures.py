"""Prints tables after the run: how often each fact was what was counted elsewhere, and others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import pytest

from tests.exact.figures import Figures

_TABLE = "table"


class PrintAfterRun(Protocol):
    """Prints a table when all tests have run."""

    def __call__(self, title: str, lines: Iterable[str]) -> None:
        """Print `lines` under `title`."""


@pytest.fixture
def print_after_run(request: pytest.FixtureRequest) -> PrintAfterRun:
    """Prints a table when all tests have run, whichever process ran this one."""

    def note(title: str, lines: Iterable[str]) -> None:
        request.node.user_properties.append((_TABLE, [title, *lines]))

    return note


@pytest.fixture
def figures_of(print_after_run: PrintAfterRun) -> Iterator[Callable[[str], Figures]]:
    """Makes a table of comparisons, printed under its title when all tests have run."""
    made: list[Figures] = []

    def make(title: str) -> Figures:
        made.append(Figures(title))
        return made[-1]

    yield make
    for figures in made:
        if figures.compared:
            print_after_run(figures.title, figures.table())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            # The last report of a test has what all of it noted.
            if getattr(report, "when", None) == "teardown":
                _print_tables(terminalreporter, report)


def _print_tables(terminalreporter: pytest.TerminalReporter, report: pytest.TestReport) -> None:
    for name, told in report.user_properties:
        if name == _TABLE and isinstance(told, list):
            title, *lines = map(str, told)
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)
