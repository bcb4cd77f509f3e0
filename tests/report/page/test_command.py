"""`savetrace report --html`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_savetrace.commands.group import savetrace
from tests.fixture_chromium import OpenPage
from tests.fixture_spans import FAILED_PUT, Put, SpanFile


def report(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(savetrace, ["report", *map(str, arguments)])


@pytest.fixture
def source(span_file: SpanFile) -> Path:
    """Make a file with a save that failed and one that worked."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(5.0, [Put()])
    return span_file.path


def test_the_page_is_written_beside_what_is_printed(
    source: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    """The report is printed as without it; the page says the same, and standard error where it is."""
    page = tmp_path / "report.html"
    printed = report(source, "--html", page)
    assert printed.exit_code == 0, printed.output
    assert printed.stdout == report(source).stdout
    assert f"The page is {page} (" in printed.stderr
    with open_page(page.read_text(encoding="utf-8")) as visit:
        assert "1 of 2 saves failed" in visit.page.inner_text("h1")
        assert (visit.asked_for, visit.complaints) == ([], [])


def test_json_stays_json(source: Path, tmp_path: Path) -> None:
    """With --json the document alone is on standard output."""
    assert (
        json.loads(report(source, "--json", "--html", tmp_path / "report.html").stdout)["saves"]["total"] == 2
    )


def test_a_path_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    """The error names the path and the reason, and no source was read for it."""
    printed = report(tmp_path / "no-source", "--html", tmp_path / "missing" / "report.html")
    assert printed.exit_code == 2
    assert printed.stderr.endswith("report.html cannot be written: No such file or directory.\n")
    assert printed.stdout == ""


def test_a_source_that_cannot_be_read_leaves_no_page(tmp_path: Path) -> None:
    """The page of before stays what it was."""
    page = tmp_path / "report.html"
    page.write_text("of yesterday")
    assert report(tmp_path / "no-source", "--html", page).exit_code != 0
    assert page.read_text() == "of yesterday"
