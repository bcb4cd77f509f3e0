"""Who loses which log lines beside `opentelemetry-instrumentation-logging`, and what keeps them."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS, KEEPS_LOG_LINES, PLAIN
from tests.fixture_beside_runs import Run, RunBeside

WITHOUT = [name for name, one in ENVIRONMENTS.items() if "logging" not in one.instrumentations]
CURED = [name for name, one in ENVIRONMENTS.items() if KEEPS_LOG_LINES.items() <= one.variables.items()]

_OF_THE_APP = re.compile(r"\[(SAVE|STORAGE)_[A-Z]+\]")
_RECORD = re.compile(r'"body": "(\[(?:SAVE|STORAGE)_[^"]*)".*?"trace_id": "0x(\w+)"', re.DOTALL)
"""A log record as OpenTelemetry's console exporter writes it."""


def _lines(run: Run) -> Counter[str]:
    """What the app has logged on standard error."""
    return Counter(line for line in run.log if _OF_THE_APP.match(line) and saves.LOST not in line)


@pytest.mark.parametrize("name", [*WITHOUT, *CURED])
def test_the_apps_log_lines_stay_where_they_were(run_beside: RunBeside, name: str) -> None:
    """Without that instrumentation, or with README's variable, standard error has every line of the app."""
    expected = _lines(run_beside(None))
    assert expected["[SAVE_ATTEMPT] well"] == 1
    assert _lines(run_beside(name)) == expected


def test_the_logging_instrumentation_takes_them_away(run_beside: RunBeside) -> None:
    """With it they are OpenTelemetry's, each in the trace of its save, and none is on standard error."""
    run = run_beside("logging")
    assert _lines(run) == Counter()
    records = _RECORD.findall("\n".join(run.log))
    assert Counter(body for body, _ in records) == _lines(run_beside(PLAIN))
    traces = {name: save.trace_id for name, save in saves.saves(run.spans).items()}
    assert {trace for body, trace in records if body.endswith(" well")} == {traces["well"]}
