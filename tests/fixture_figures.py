"""Prints, after the run, how often each fact was what was counted elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.exact.figures import Figures

_TABLES = pytest.StashKey[list[Figures]]()


@pytest.fixture
def figures_of(pytestconfig: pytest.Config) -> Callable[[str], Figures]:
    """Makes a table, printed under its title when all tests have run."""

    def make(title: str) -> Figures:
        made = Figures(title)
        pytestconfig.stash.setdefault(_TABLES, []).append(made)
        return made

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the tables."""
    for figures in config.stash.get(_TABLES, []):
        if figures.compared:
            terminalreporter.section(figures.title)
            for line in figures.table():
                terminalreporter.write_line(line)
