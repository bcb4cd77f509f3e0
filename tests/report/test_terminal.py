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
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.report import terminal
from otel_savetrace.spans.rows import Span
from tests.analysis.made_witnesses import browser_span, flask_span, nginx_span
from tests.fixture_spans import FAILED_PUT, RESET, SLOW_DOWN, Facts, Put, SpanFile, Try

ReadSaves = Callable[[], list[Save]]

WIDTHS = (80, 100, 140, 200)

IDLE: Facts = {names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 61.0, names.HEADER_BYTES: 8_202}


def printed(shown: RenderableType, width: int = 100, encoding: str = "utf-8", *, colour: bool = False) -> str:
    """Print as to a pipe of that width, with `colour` as to a terminal."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    colours: Any = {"force_terminal": True, "color_system": "standard"} if colour else {}
    Console(file=file, width=width, **colours).print(shown, crop=False)
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
        "savetrace__stage": evil, "savetrace__stored": evil, "savetrace__caught_exceptions": evil,
    }  # fmt: skip
    wire: Facts = {
        names.ERRNO: evil,
        names.CONNECTION: evil,
        names.LARGEST_HEADERS: evil,
        names.CONNECTION_PID: 1,
    }
    refused_so, unseen = Try(f"400 {evil}", evil, facts=wire), Put([], file=evil, facts={names.SENT_BY: evil})
    span_file.save(0.0, [Put([refused_so], file=evil), unseen], outcome="failed", **shown_everywhere)
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
    span_file.save(10.0, [Put([RESET])], outcome="failed", user="bob")
    span_file.save(4_000.0, [Put([RESET])], outcome="failed", user="eve")
    shown = printed(terminal.episodes_table(episodes(read_saves())), 100)
    assert "3 failures and their retries on 2026-11-24: 1 recovered, 1 abandoned, 1 open" in shown
    for said in (
        "recovered after 4.1 s",
        "other content",
        "no save followed",
        "the data ends here",
    ):
        assert said in shown


def test_what_the_user_was_told_wrongly_jumps_out(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A failure that is stored and a success that is not have a line of their own, and are counted on top."""
    span_file.save(0.0, [Put([RESET])], outcome="failed", storymap="a", savetrace__stored="yes")
    span_file.save(10.0, storymap="b", savetrace__stored="no")
    span_file.save(20.0, storymap="c", savetrace__stored="unknown")
    span_file.save(30.0, [Put([RESET])], outcome="failed", storymap="d", savetrace__stored="unknown")
    span_file.save(40.0, storymap="e", savetrace__stored="yes")
    lines = printed(terminal.saves_table(read_saves()), 80).splitlines()
    assert lines[0].strip() == ("5 saves on 2026-11-24: 3 succeeded, 2 failed; 3 not as told")
    assert [line.strip() for line in lines[3:] if not line.startswith("12:")] == [
        "yet stored", "yet not stored", "not confirmed",
    ]  # fmt: skip
    assert "\x1b[1;33m" in printed(terminal.saves_table(read_saves()), 80, colour=True)


def test_an_episode_tells_where_it_failed_and_what_is_stored(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Stage, the app's own retries and what may be stored stand beside the code, plain storage does not."""
    span_file.save(
        0.0, [Put([RESET])], outcome="failed",
        savetrace__stage="network", savetrace__stored="unknown", savetrace__app_retry_attempts=1,
    )  # fmt: skip
    span_file.save(1.0, [FAILED_PUT], outcome="failed", user="bob", savetrace__stage="storage")
    shown = printed(terminal.episodes_table(episodes(read_saves())), 140)
    assert "ConnectionResetError, network, may be stored, 1 attempt with 1 retry by the app  POST" in shown
    assert "SlowDown, 3 attempts  POST" in shown
    span_file.save(2.0, [FAILED_PUT], outcome="failed", user="eve", savetrace__stored="yes")
    narrow = printed(terminal.episodes_table(episodes(read_saves())), 80).splitlines()
    assert narrow[-1].strip() == "yet stored"


def test_a_connections_history_stands_beside_its_attempt(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Use, idle time and age, another process's socket, the system's word and how far the body came."""
    facts: Facts = {
        **IDLE, names.CONNECTION_REQUESTS: 12, names.CONNECTION_AGE_SECONDS: 600.0, names.CONNECTION_PID: 17,
        names.ERRNO: "ECONNRESET", names.BODY_BYTES_SENT: 4_096,
    }  # fmt: skip
    again: Facts = {**IDLE, names.CONNECTION_REQUESTS: 13, names.CONNECTION_IDLE_SECONDS: 1.4}
    span_file.save(
        0.0, [Put([dataclasses.replace(RESET, facts=facts), Try(facts=again, wait=1.4)])], outcome="failed"
    )
    span_file.save(10.0)
    shown = printed(terminal.comparison(compare(*read_saves())), 200)
    for said in ("ECONNRESET, reused after 12 requests, idle 61 s", "open 10 min", "opened by process 17"):
        assert said in shown
    assert "4,096 B of the body" in shown
    assert "after 1.4 s, reused, head 8,202 B" in shown


def test_calls_that_nobody_saw_are_said_to_be_unknown(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A transfer of the CRT is neither success nor failure, a call never sent is said to be so."""
    span_file.save(0.0, [Put([], facts={names.SENT_BY: "crt"})], savetrace__stored="unknown")
    span_file.save(1.0, [Put([])], outcome="failed")
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert "not known" in shown
    assert "sent by crt: attempts cannot be seen" in shown
    assert "nothing was sent" in shown
    assert "attempts are not recorded" not in shown


def test_attempts_that_nobody_saw_are_not_counted(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """In the list, a save whose transfer was not seen has no number of attempts rather than none at all."""
    span_file.save(0.0, [Put([], facts={names.SENT_BY: "crt"}), Put()])
    line = printed(terminal.saves_table(read_saves())).splitlines()[3]
    assert line.split()[4:7] == ["succeeded", "22", "ms"]


def test_the_apps_own_retries_are_numbered(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A call that the app repeated says which repetition it is."""
    again = [dataclasses.replace(FAILED_PUT, facts={names.APP_RETRY_ATTEMPT: number}) for number in (1, 2)]
    span_file.save(0.0, [FAILED_PUT, *again], outcome="failed")
    span_file.save(100.0)
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert [shown.count(f"the app's own retry {number}") for number in (1, 2, 3)] == [1, 1, 0]


def test_what_became_of_a_save_stands_beneath_it(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Where it failed, what the app caught and whether it is stored, with what stands out of it in words."""
    span_file.save(
        0.0, [Put([RESET])], outcome="failed", savetrace__stage="dependency", savetrace__stored="yes",
        savetrace__caught_exceptions="OperationalError",
    )  # fmt: skip
    span_file.save(10.0, savetrace__stored="yes")
    shown = printed(terminal.comparison(compare(*read_saves())))
    for said in ("failed in       dependency", "the app caught  OperationalError", "stored          yes"):
        assert said in shown
    assert "  failed: the user was told of a failure, yet everything is stored" in shown.splitlines()
    assert "and yet is stored" in shown


def test_a_retry_says_whom_it_retries_and_how_it_knows(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """The failed save's trace, the attempt and the way stand beneath the retry, and are no difference."""
    failed = span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(
        10.0, savetrace__save_attempt=2, savetrace__previous_trace_id=failed, savetrace__paired_by="cookie",
        savetrace__previous_span_id="00f067aa0ba902b7", savetrace__previous_error_code="SlowDown",
        savetrace__first_trace_id=failed, savetrace__same_content=True, savetrace__seconds_since_failure=1.5,
    )  # fmt: skip
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert f"retries         {failed[:8]}, attempt 2 " in shown
    assert "known by        cookie " in shown
    assert "What differs: nothing" in shown
    assert "previous" not in shown


def test_what_stands_out_in_both_is_said_once(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Patience that outlasts the worker is a setting: it is said of both saves in one line."""
    for at in (0.0, 10.0):
        patient = Put(facts={names.PATIENCE_SECONDS: 426.0})
        span_file.save(at, [patient], savetrace__worker_timeout_seconds=30)
    shown = printed(terminal.comparison(compare(*read_saves())))
    assert (
        "  both: one call may go on for 7 min 6 s, and the worker is killed after 30 s" in shown.splitlines()
    )


def test_new_against_reused_is_one_line(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Where one connection was new, the other's use, idle time and age stand in its cell."""
    used: Facts = {**IDLE, names.CONNECTION_REQUESTS: 12, names.CONNECTION_AGE_SECONDS: 600.0}
    span_file.save(0.0, [Put([dataclasses.replace(RESET, facts=used)])], outcome="failed")
    span_file.save(10.0)
    table = printed(terminal.comparison(compare(*read_saves())), 180).partition("What differs")[2]
    assert "reused after 12 requests, idle 61 s, open 10 min" in table
    assert "connection_" not in table.partition("Came with")[0]


def test_of_the_largest_headers_those_that_differ_are_shown(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """What is the same in both lists of headers is left out of the cells."""
    for at, largest in enumerate(("Authorization=285 Cookie=99 Host=20", "Authorization=285 Host=20")):
        facts: Facts = {names.CONNECTION: names.NEW, names.LARGEST_HEADERS: largest}
        span_file.save(float(at), [Put([Try(facts=facts)])])
    table = printed(terminal.comparison(compare(*read_saves())), 140).partition("What differs")[2]
    row = next(line for line in table.splitlines() if line.startswith("largest_headers"))
    assert row.split()[-2:] == ["Cookie=99", "-"]


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


@pytest.mark.parametrize("width", [60, 100, 200])
def test_an_episode_tells_what_each_witness_says(width: int) -> None:
    """Beneath a save that browser, nginx and the app tell of otherwise stands who says what."""
    gone = browser_span("a", seconds=2.0, outcome=names.FAILED, code="timeout", status=None)
    held = saves([gone, nginx_span("a", 499), flask_span("a", seconds=3.0), flask_span("b", 60.0)])
    (episode,) = episodes(held)
    said = " ".join(printed(terminal.episode_view(episode), width).replace(",", "").split())
    assert "browser: timeout after 2.0 s nginx: 499 app: 200 store: stored" in said
