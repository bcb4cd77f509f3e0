"""What a person sees, at any width, with and without colour."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from otel_savetrace.doctor.findings import Group, failure, note, ok, warning
from otel_savetrace.doctor.terminal import GroupView, verdict

GROUP = Group(
    "Is it loaded?",
    [
        ok("installed", "otel-savetrace 0.1.0 in /srv/storymap/venv/bin/python"),
        note("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317 (environment)"),
        warning("retries", "6 min 3 s. The worker is killed after 30 s", "lower " + "it " * 40),
        failure("exporter", "gRPC to collector:4317: no connection \x1b[2J[red]", "start the Collector"),
    ],
)  # fmt: skip


def printed(width: int, encoding: str = "utf-8") -> str:
    """Print the group as to a pipe of that width."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    Console(file=file, width=width).print(GroupView(GROUP))
    file.seek(0)
    return file.read()


@pytest.mark.parametrize("width", [60, 80, 140, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    """Every line fits, and each word of every finding is printed."""
    shown = printed(width)
    assert max(map(cell_len, shown.splitlines())) <= min(width, 140)
    everything = " ".join(shown.split())
    for finding in GROUP.findings[:3]:
        assert finding.subject in everything
    assert everything.count("it ") >= 40
    assert "http://collector:4317" in everything


def test_each_finding_is_one_line_with_its_mark() -> None:
    """Where there is room, a check is a line, and what to do the next; the marks tell without colour."""
    lines = [line.rstrip() for line in printed(140).splitlines()]
    assert lines[0] == "Is it loaded?"
    assert [line[2] for line in lines[1:4]] == ["✓", "·", "!"]
    assert lines[1].endswith("otel-savetrace 0.1.0 in /srv/storymap/venv/bin/python")
    (failed,) = [line for line in lines if line.startswith("  ✗")]
    assert lines[lines.index(failed) + 1].split() == ["→", "start", "the", "Collector"]


def test_an_ascii_terminal_gets_ascii() -> None:
    """Where the terminal knows no other letters, marks and arrows are of those it knows."""
    shown = printed(100, "ascii")
    assert "\\u" not in shown
    assert [line[2] for line in shown.splitlines() if line[:3].strip()][1:] == ["+", "-", "!", "x"]
    assert "-> start the Collector" in shown


def test_what_is_quoted_does_nothing_to_the_terminal() -> None:
    """Control characters in a quoted error are escaped, and square brackets are no markup."""
    assert "no connection \\x1b[2J[red]" in printed(140)


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([ok("a", "b"), note("c", "d")], "✓ All well: 1 check passed"),
        ([ok("a", "b"), warning("c", "d", "e")], "! 1 warning"),
        ([*[failure("a", "b", "c")] * 2, warning("c", "d", "e")], "✗ 2 failures and 1 warning"),
    ],
)  # fmt: skip
def test_the_last_line_counts(findings: list[object], said: str) -> None:
    """How much fails and warns, or that all is well."""
    assert verdict([Group("x", findings)], ascii_only=False).plain == said  # type: ignore[arg-type]  # findings they are
