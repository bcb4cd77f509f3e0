"""A log with more saves than are kept: each is counted, as what it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_savetrace.commands.group import savetrace
from otel_savetrace.logs import reading
from otel_savetrace.spans.sources import read_all
from tests.fixture_spans import SpanFile

STATUSES = (200, 502, 200, 200, 504, 502, 502, 200, 413)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of nine saves, of which two that did not fail are kept, and three that did."""
    monkeypatch.setattr(reading, "MOST_WORKED", 2)
    monkeypatch.setattr(reading, "MOST_FAILED", 3)
    file = tmp_path / "access.log"
    file.write_text(
        "".join(
            f'10.0.0.9 - - [24/Nov/2026:12:00:0{second} +0000] "POST /save/m HTTP/1.1" {status} 157\n'
            for second, status in enumerate(STATUSES)
        )
    )
    return file


def report(*sources: Path | str) -> dict[str, Any]:
    """Return the report on some sources."""
    asked = CliRunner().invoke(savetrace, ["report", *map(str, sources), "--json"])
    document: dict[str, Any] = json.loads(asked.stdout)
    return document


def test_all_are_counted(log: Path) -> None:
    """Saves, outcomes and errors are those of the whole log."""
    made = report(log)
    assert made["saves"] == {"total": 9, "succeeded": 0, "failed": 5, "unknown": 4}
    assert {(one["code"], one["saves"]) for one in made["errors"]} == {("502", 3), ("504", 1), ("413", 1)}
    assert [one["share"] for one in made["errors"]] == [0.6, 0.2, 0.2]


def test_where_only_some_are_asked_for(log: Path) -> None:
    """Those that were only counted may be others: they stay out."""
    asked = CliRunner().invoke(savetrace, ["report", str(log), "--json", "--until", "2026-11-25T00:00"])
    assert json.loads(asked.stdout)["saves"]["total"] == 5


def test_where_another_log_tells_of_the_same(log: Path, tmp_path: Path) -> None:
    """What two servers may both have in their logs is not counted for either."""
    assert [one.counted != {} for one in read_all([str(log)])] == [True]
    another = shutil.copy(log, tmp_path / "behind.log")
    assert [one.counted for one in read_all([str(log), str(another)])] == [{}, {}]


def test_where_traces_tell_of_the_same(log: Path, span_file: SpanFile, tmp_path: Path) -> None:
    """What an app's traces may have is not counted for the log that lies beside them."""
    span_file.save(0.0)
    line = '10.0.0.9 - - [24/Nov/2026:12:00:07 +0000] "POST /storymap/save/ HTTP/1.1" 200 157\n'
    log.write_text(line * 5)
    (reading,) = read_all([str(tmp_path)])
    assert (reading.spans != (), reading.counted) == (True, {})


def test_where_it_comes_on_standard_input_beside_another_source(log: Path) -> None:
    """There it is joined to nothing, and what was only counted may be the other's: it stays out."""
    asked = CliRunner().invoke(savetrace, ["report", "-", "-", "--json"], input=log.read_bytes())
    alone = CliRunner().invoke(savetrace, ["report", "-", "--json"], input=log.read_bytes())
    assert [json.loads(one.stdout)["saves"]["total"] for one in (asked, alone)] == [5, 9]
