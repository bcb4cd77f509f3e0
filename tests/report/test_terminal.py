"""What a person sees, at any width, with and without colour."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from rich.cells import cell_len
from rich.console import Console, RenderableType

from otel_savetrace import attributes as names
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save
from otel_savetrace.report import terminal
from otel_savetrace.spans.rows import Span
from tests.fixture_spans import FAILED_PUT, RESET, SLOW_DOWN, Facts, Put, SpanFile, Try

ReadSaves = Callable[[], list[Save]]

WIDTHS = (80, 100, 140, 200)

IDLE: Facts = {names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 61.0, names.HEADER_BYTES: 8_202}


def printed(shown: RenderableType, width: int = 100, encoding: str = "utf-8") -> str:
    """Print as to a pipe of that width."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    Console(file=file, width=width).print(shown, crop=False)
    file.seek(0)
    return file.read()


@pytest.fixture
def failed_and_retried(span_file: SpanFile, read_saves: ReadSaves) -> list[Save]:
    """Make a save that failed after three attempts, and its retry."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="Unable to save StoryMap")
    span_file.save(5.762, [Put([Try(facts=IDLE)])])
    return read_saves()


def test_the_comparison_tells_every_attempt(failed_and_retried: list[Save]) -> None:
    """Each attempt of both saves has its number, outcome, connection, head and the wait before it."""
    lines = printed(terminal.comparison(compare(*failed_and_retried)), 140).splitlines()
    assert lines[0].startswith("The earlier save failed: SlowDown after 3 of 3 attempts; 4.1 s later")
    told = [line for line in lines if "503 SlowDown" in line]
    assert len(told) == 3
    assert all("new, head 901 B" in line for line in told)
    assert "✓ 200" in told[0]
    assert "reused, idle 61 s, head 8,202 B" in told[0]
    assert ["after 200 ms" in told[1], "after 1.4 s" in told[2]] == [True, True]
    everything = "\n".join(lines)
    assert "Unable to save StoryMap" in everything
    assert "POST /storymap/save/  storymap.user_id=ada  storymap.id=my-map" in lines
    for save in failed_and_retried:
        assert save.trace_id in everything


def test_what_differs_comes_with_its_unit_and_what_is_equal_is_folded(failed_and_retried: list[Save]) -> None:
    """Only what stood before the outcome is in the table; the rest is a line each."""
    shown = printed(terminal.comparison(compare(*failed_and_retried)), 140)
    table = shown.partition("What differs")[2].partition("Came with the outcome")[0]
    assert "header_bytes (attempt 1)" in table
    assert "8,202 B (+7,301)" in table
    assert "connection (attempt 1)" in table
    assert "error_code" not in table
    assert "error_code SlowDown vs -" in shown
    assert "Equal in both: aws.s3.bucket maps" in shown
    assert "content_size 12,000 B" in shown


def test_nothing_that_differs_is_said(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Where nothing recorded before the outcome differs, that is the answer."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0)
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert "What differs: nothing of what was recorded before the outcome." in shown


def test_bars_share_one_scale(failed_and_retried: list[Save]) -> None:
    """A bar stands where its attempt stood in time: the third one's at the end, after the wait before it."""
    lines = printed(terminal.comparison(compare(*failed_and_retried)), 100).splitlines()
    bars = [line[2:].partition(" ✗")[0].rstrip() for line in lines if "503 SlowDown" in line]
    assert bars[0].startswith("1 ━")
    assert bars[1].startswith("2 ╌╌")
    assert len(bars[0]) < len(bars[1]) < len(bars[2])
    assert bars[2].endswith("╌━")
    assert sum(line.count("1.7 s") for line in lines if " 0  " in line) == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(failed_and_retried: list[Save], width: int) -> None:
    """Every line fits, so that nothing wraps and the columns stand; an address alone may be longer."""
    found = episodes(failed_and_retried)
    for shown in (
        terminal.comparison(compare(*failed_and_retried)),
        terminal.saves_table(failed_and_retried),
        terminal.episodes_table(found),
    ):
        lines = printed(shown, width).splitlines()
        assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_no_fact_is_cut_from_a_comparison(failed_and_retried: list[Save], width: int) -> None:
    """However narrow, an attempt's outcome and facts are printed whole."""
    shown = printed(terminal.comparison(compare(*failed_and_retried)), width)
    assert shown.count("503 SlowDown") == 3
    assert "after 1.4 s, new, head 901 B" in shown
    assert "reused, idle 61 s, head 8,202 B" in shown


def test_an_ascii_terminal_gets_ascii(failed_and_retried: list[Save]) -> None:
    """Where the terminal knows no other letters, lines and marks are drawn with those it knows."""
    printed(terminal.comparison(compare(*failed_and_retried)), 100, "ascii").encode("ascii")
    shown = printed(terminal.comparison(compare(*failed_and_retried)), 100, "ascii")
    assert "\\u" not in shown
    assert "x 503 SlowDown" in shown


def test_jaegers_page_is_printed_whole(failed_and_retried: list[Save]) -> None:
    """The address of Jaeger's comparison stands on a line of its own, unbroken at any width."""
    a, b = failed_and_retried
    shown = printed(terminal.comparison(compare(a, b), "http://jaeger.example.org:16686/jaeger"), 80)
    page = f"http://jaeger.example.org:16686/jaeger/trace/{a.trace_id}...{b.trace_id}"
    assert page in shown.splitlines()


def test_a_save_without_storage_calls_says_so(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Beside a save that wrote, one that never reached storage is not left blank."""
    span_file.save(0.0, [], outcome="failed", savetrace__error_code="302", http__status_code=302)
    span_file.save(10.0)
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert "no storage call was recorded" in shown
    assert "the user got    HTTP 302" in shown


def test_plain_opentelemetry_says_that_attempts_are_not_recorded(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """A call without attempt spans has a bar of its own, and a line that says why there is no more."""
    span_file.save(0.0, [FAILED_PUT], outcome=None)
    span_file.save(10.0, outcome=None)
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert shown.count("attempts are not recorded") == 2
    assert "SlowDown" in shown


def test_square_brackets_are_no_markup(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A name that looks like a style to the library that prints is printed as it is."""
    span_file.save(0.0, [Put([RESET])], outcome="failed", storymap="[red]map[/red]")
    span_file.save(10.0, storymap="[red]map[/red]")
    for shown in (
        terminal.saves_table(read_saves()),
        terminal.episodes_table(episodes(read_saves())),
        terminal.comparison(compare(*read_saves())),
    ):
        assert "[red]map[/red]" in printed(shown, 140)


def test_no_name_does_anything_to_the_terminal(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Control characters in what users and servers named, those that turn a line around too, are escaped."""
    evil = "a\x1b[2J\x9b1m\u202eb\nc"
    shown_everywhere: dict[str, Any] = {
        "storymap": evil, "user": evil, "savetrace__user_error": evil, "http__route": evil, "evil\x1b": evil,
    }  # fmt: skip
    refused_so = Try(f"400 {evil}", evil)
    span_file.save(0.0, [Put([refused_so], file=evil)], outcome="failed", **shown_everywhere)
    span_file.save(10.0, [Put([refused_so], file=evil, allowed=None)], outcome="failed", process__pid=1)
    span_file.save(20.0, [Put([refused_so], file=evil)], outcome=None)
    first, second, plain = read_saves()
    for shown in (
        terminal.saves_table([first, second, plain]),
        terminal.episodes_table(episodes([first, second])),
        terminal.comparison(compare(first, second)),
        terminal.comparison(compare(first, plain)),
    ):
        letters = set(printed(shown, 140).replace("\n", ""))
        assert all(letter.isprintable() for letter in letters)
    assert "a\\x1b[2J\\x9b1m\\u202eb c" in printed(terminal.comparison(compare(first, second)), 200)


def test_a_wait_that_a_connection_idled_through_is_told_once(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Idle time beside a wait as long says nothing new; idle for longer than its wait it is told."""
    waited = dataclasses.replace(SLOW_DOWN, facts={**IDLE, names.CONNECTION_IDLE_SECONDS: 1.401}, wait=1.4)
    longer = Try(facts=IDLE, wait=1.4)
    span_file.save(0.0, [Put([SLOW_DOWN, waited, longer])])
    span_file.save(10.0)
    shown = printed(terminal.comparison(compare(*read_saves())), 140)
    assert "after 1.4 s, reused, head 8,202 B" in shown
    assert "after 1.4 s, reused, idle 61 s, head 8,202 B" in shown


def test_a_long_code_stands_below_its_bar(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Where there is no room beside the bar, the outcome is on a line of its own, and is whole."""
    too_large = Try("400 RequestHeaderSectionTooLarge", "RequestHeaderSectionTooLarge", wait=5.0)
    span_file.save(0.0, [Put([SLOW_DOWN, too_large])], outcome="failed")
    span_file.save(10.0)
    lines = printed(terminal.comparison(compare(*read_saves())), 80).splitlines()
    assert any("  ✗ 400 RequestHeaderSectionTooLarge " in line for line in lines)


def test_ids_of_the_store_are_for_its_support(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """The failed call's request id is told once, as what the store's support asks for."""
    server = span_file.span("POST /x", 0.0, kind=SpanKind.SERVER)
    server.set_attribute(names.OUTCOME, "failed")
    call = span_file.span("S3.PutObject", 0.0, server, SpanKind.CLIENT)
    call.set_attributes({names.REQUEST_ID: "4442587FB7D0A2F9", names.EXTENDED_REQUEST_ID: "vlR7Pnp="})
    call.set_status(StatusCode.ERROR)
    call.end()
    server.end()
    (save,) = read_saves()
    shown = printed(terminal.comparison(compare(save, save)))
    assert shown.count("request id 4442587FB7D0A2F9, host id vlR7Pnp=") == 2
    assert shown.count("4442587FB7D0A2F9") == 2


def test_days_are_told_where_there_are_several(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Saves of two days have the day in their line, and the title names none."""
    span_file.save(0.0)
    span_file.save(86_400.0)
    lines = printed(terminal.saves_table(read_saves())).splitlines()
    assert lines[0].strip() == "2 saves: 2 succeeded"
    assert [line[:19] for line in lines[3:5]] == ["2026-11-24 12:00:00", "2026-11-25 12:00:00"]


def test_the_table_of_saves_has_a_line_each(failed_and_retried: list[Save]) -> None:
    """Time, thing, code or outcome, attempts, length and trace of each save; the day once."""
    lines = printed(terminal.saves_table(failed_and_retried), 100).splitlines()
    assert lines[0].strip() == "2 saves on 2026-11-24: 1 failed, 1 succeeded"
    trace = failed_and_retried[0].trace_id[:8]
    assert lines[3].split() == ["12:00:00", "my-map", "/", "ada", "SlowDown", "3", "1.7", "s", trace]
    assert lines[4].split()[4:6] == ["succeeded", "1"]


def test_the_table_of_episodes_tells_how_it_went_on(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Recovered with its time and content, abandoned and open each in words."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(5.762, [Put(content=("crc32:2", 1))])
    span_file.save(10.0, [Put([RESET])], outcome="failed", storymap="given-up")
    span_file.save(4_000.0, [Put([RESET])], outcome="failed", storymap="just-now")
    span_file.save(4_001.0, [FAILED_PUT], outcome="failed", storymap="hasty")
    span_file.save(4_001.5, storymap="hasty")
    shown = printed(terminal.episodes_table(episodes(read_saves())), 100)
    assert "4 failures and their retries on 2026-11-24: 2 recovered, 1 abandoned, 1 open" in shown
    for said in (
        "recovered meanwhile",
        "recovered after 4.1 s",
        "other content",
        "no save followed",
        "the data ends here",
    ):
        assert said in shown


def test_ids_are_as_long_as_it_takes(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Trace ids that begin alike are printed as far as tells them apart."""
    span_file.save(0.0)
    span_file.save(1.0)
    first, second = read_saves()
    alike = [renamed(first, "0123456789a" + "0" * 21), renamed(second, "0123456789b" + "0" * 21)]
    shown = printed(terminal.saves_table(alike))
    assert "0123456789a\n" in shown
    assert "0123456789b\n" in shown


def renamed(save: Save, trace_id: str) -> Save:
    """Give a save another trace id."""
    held = {name: getattr(save.span, name) for name in save.span.__slots__}
    return Save(Span(**{**held, "trace_id": trace_id}), save.calls, save.thing)
