"""The report in a terminal: what a person gets from it, at any width, whatever stands in names."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.findings import (
    Condition,
    ErrorFound,
    Evidence,
    Example,
    LimitUse,
    Operator,
    Patience,
    PatternFound,
    Report,
    Share,
    SourceSeen,
    Undetermined,
    Verdict,
)
from otel_savetrace.report import terminal
from otel_savetrace.spans.reading import Skipped
from otel_savetrace.spans.rows import AttributeValue
from tests.fixture_report import JAEGER, NONE_FAILED, NOTHING, REPORT, STALE, TOO_LONG, UNEXPLAINED

WIDTHS = (60, 80, 120)


def printed(report: Report, width: int = 100, encoding: str = "utf-8", *, colour: bool = False) -> str:
    """Print as to a pipe of that width, with `colour` as to a terminal."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    colours: Any = {"force_terminal": True, "color_system": "standard"} if colour else {}
    Console(file=file, width=width, **colours).print(terminal.report_view(report), crop=False)
    file.seek(0)
    return file.read()


def words(report: Report, width: int = 100) -> str:
    """Print, and forget where lines end."""
    return " ".join(printed(report, width).split())


def in_terminal(report: Report, width: int) -> list[str]:
    """Print as to a terminal, and leave out colours and links."""
    shown = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", printed(report, width, colour=True))
    return shown.splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_answer_comes_first(width: int) -> None:
    """In a terminal, too, the three sentences stand above all else, whole, before the first blank line."""
    lines = in_terminal(REPORT, width)
    answer = " ".join(" ".join(lines[: lines.index("")]).split())
    assert answer.startswith("12 of 412 saves failed (2.9 %, likely 1.7 to 5.0 %). A later save worked")
    assert " Why In 9 of 12 failed saves, a kept-alive connection was used" in answer
    assert answer.endswith("so set the client's keep-alive below it, to 55 s.")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_parts_come_in_their_order(width: int) -> None:
    """Errors, patterns, causes with evidence, steps and what to open, limits, last what cannot be said."""
    shown = printed(REPORT, width)
    parts = (
        "Errors that users got", "Which patterns hold", "Why saves failed, the strongest cause first",
        "1  A kept-alive connection", "When connection_idle_seconds ≥ 60 s", "What separates failed",
        "What to do", "Worth opening", "2  The object's key", "Who waits for whom",
        "How near saves come to a limit", "What cannot be said",
    )  # fmt: skip
    found = [shown.index(part) for part in parts]
    assert found == sorted(found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("report", [REPORT, NONE_FAILED, NOTHING, UNEXPLAINED])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    """Every line fits; an address or a command alone may be longer, since a person copies it whole."""
    for line in in_terminal(report, width):
        assert cell_len(line) <= width or re.search(r"^ +(http|savetrace |e{32})", line), line


def test_no_line_ends_in_blanks() -> None:
    """Neither columns nor padding leave any: a copied line has none."""
    assert not re.search(r" $", printed(REPORT), re.MULTILINE)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_person_copies_is_whole(width: int) -> None:
    """Jaeger's page and each command have a line of their own, and an address within a step is not cut."""
    page = f"{JAEGER}/trace/{'a' * 32}...{'b' * 32}"
    documented = "https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html"
    step = f"Allow a retry, as {documented} has it."
    verdicts = (dataclasses.replace(STALE, next=(step,)), TOO_LONG)
    shown = printed(dataclasses.replace(REPORT, verdicts=verdicts), width)
    lines = [line.strip() for line in shown.splitlines()]
    assert {page, f"savetrace compare {JAEGER} {'c' * 12} {'d' * 12}"} <= set(lines)
    assert f"{'e' * 32}, which nobody tried again" in lines
    assert documented in shown.split()


def test_a_source_is_quoted_for_the_shell() -> None:
    """A path with a blank can be copied as it is; several sources are named, as they were given."""
    plain = dataclasses.replace(STALE, examples=(Example("a" * 32, "b" * 32, None),))
    source = SourceSeen("file", "my spans.jsonl", 9, 3, ())
    one = dataclasses.replace(REPORT, sources=(source,), verdicts=(plain,))
    assert f"savetrace compare 'my spans.jsonl' {'a' * 12} {'b' * 12}" in printed(one)
    several = dataclasses.replace(one, sources=(source, dataclasses.replace(source, name="front.log")))
    assert f"savetrace compare 'my spans.jsonl' front.log {'a' * 12} {'b' * 12}" in printed(several)


def test_a_condition_says_what_its_attribute_means() -> None:
    """Who has never seen the name reads beside it what it tells, and how often it was so on either side."""
    shown = printed(REPORT)
    assert "(how long a reused connection had carried nothing)" in shown
    assert "100 % ━━━━━━━━━━━━━━━━━━━━ of the failed saves" in shown
    assert "3.1 % ━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ of those that worked" in shown
    foreign = dataclasses.replace(
        STALE, condition=Condition("pantry.shelf", "=", "top", 0.9, 0.1), because=()
    )
    shown = printed(dataclasses.replace(REPORT, verdicts=(foreign,)))
    assert re.search(r"When pantry.shelf = top\n +90 %", shown)


def with_condition(attribute: str, operator: Operator, value: AttributeValue, *because: Evidence) -> Report:
    """Return a report of one cause with this condition, and with this evidence."""
    condition = Condition(attribute, operator, value, 0.9, 0.1)
    return dataclasses.replace(
        REPORT, verdicts=(dataclasses.replace(STALE, condition=condition, because=because),)
    )


@pytest.mark.parametrize(
    ("attribute", "operator", "value", "said"),
    [
        (
            candidates.TIME, "=", "2027-03-02T09:20:00Z/2027-03-02T09:31:07Z",
            "the save began between 2027-03-02 09:20:00 and 09:31:07 UTC",
        ),
        (
            candidates.TIME, "=", "2027-03-02T23:20:00Z/2027-03-03T00:31:07Z",
            "the save began between 2027-03-02 23:20:00 and 2027-03-03 00:31:07 UTC",
        ),
        (candidates.TIME, "=", "some time", "the save began some time"),
        (candidates.HOUR, "=", "09:00 to 10:59", "hour_of_day = 09:00 to 10:59"),
        (candidates.SINCE_DEPLOY, "<=", 200.0, "seconds_since_deploy ≤ 3 min 20 s"),
        (candidates.LIMIT_SHARE, ">=", 0.985, "limit_share ≥ 98 %"),
        (f"{candidates.HEADER}baggage", ">", 7_000, "largest_headers.baggage > 7,000"),
        (names.PROCESS_ID, "!=", 4_711, "process.pid ≠ 4711"),
        (names.CONTENT_SIZE, ">", 12_000, "content_size > 12,000 B"),
    ],
)  # fmt: skip
def test_a_condition_is_told_in_its_unit(
    attribute: str, operator: Operator, value: AttributeValue, said: str
) -> None:
    """Times, lengths, sizes, shares and numbers that only name something, each as a person says it."""
    report = with_condition(attribute, operator, value)
    assert f"When {said} " in words(report, 120)
    assert f"when {said} (90 % of failed saves, 10 % of those that worked)" in words(report, 120)


def test_evidence_can_be_read() -> None:
    """Values alike on both sides are said to be, a long id is cut, and so is a list of names that say it."""
    folded = tuple(f"pantry.shelf_{number}" for number in range(7))
    evidence = Evidence("pantry.id", "5d41402abc4b2a76b9719d911017c592", "top", 0.01, False, folded)
    alike = Evidence("pantry.door", "open", "open", 0.02, False)
    shown = words(with_condition("pantry.id", "=", "x", evidence, alike))
    assert "pantry.id 5d41402a… top among all saves 0.01" in shown
    assert "likewise pantry.shelf_0, pantry.shelf_1, pantry.shelf_2, pantry.shelf_3 and 3 more" in shown
    assert "pantry.door open the same, if less often among all saves 0.02" in shown


def test_a_cause_without_a_condition_says_so() -> None:
    """That nothing sets its saves apart is told, and of few saves that it cannot be told."""
    shown = words(REPORT)
    assert "When it strikes cannot be said of so few." in shown
    sure = dataclasses.replace(TOO_LONG, confidence="high")
    shown = words(dataclasses.replace(REPORT, verdicts=(sure,)))
    assert "When it strikes is not known: nothing that was recorded sets these saves apart." in shown
    assert "When it strikes" not in words(UNEXPLAINED)


def test_intermittent_and_permanent_are_explained() -> None:
    """Beside the word stands what it means, and each share has its interval."""
    shown = words(REPORT)
    assert "75 % intermittent" in shown
    assert "47 to 91 % the same data worked" in shown
    assert "9 to 53 % the same never worked" in shown
    assert "intermittent: the same data worked" in words(REPORT, 60)


def test_a_pattern_has_its_mark() -> None:
    """Whether it holds, does not, or cannot be said is told apart without colours, too."""
    lines = [line.strip() for line in printed(REPORT, 80).splitlines()]
    assert "Which patterns hold   ✓ yes   ✗ no   ? cannot be said" in lines
    for pattern in (
        "✓ same data, different outcome", "? different data, different outcome", "✓ one error dominates",
        "✗ failed without a storage error",
    ):  # fmt: skip
        assert pattern in lines


def test_nothing_that_failed_is_not_made_to_look_like_it() -> None:
    """Where no save failed there are no patterns and no causes, but how near saves come to limits."""
    shown = printed(NONE_FAILED)
    assert "Which patterns" not in shown
    assert "Why saves failed" not in shown
    assert "How near saves come to a limit" in shown


def test_an_ascii_terminal_gets_ascii() -> None:
    """Where the terminal knows no other letters, ours are spelled with those it knows, nothing is escaped."""
    everything = dataclasses.replace(REPORT, errors=(dataclasses.replace(REPORT.errors[0], code="x" * 900),))
    shown = printed(everything, 100, "ascii")
    assert "\\" not in shown
    assert "When connection_idle_seconds >= 60 s" in shown
    assert "===================" in shown


EVIL = "a\x1b[2J\x9b1m\u202eb\x07[red]m[/red] {0} \ud800c"
INERT = "a\\x1b[2J\\x9b1m\\u202eb\\x07[red]m[/red] {0} \\ud800c"
HUGE = "h" * 100_000


def poisoned(text: str, source: str = "spans.jsonl") -> Report:
    """Return a report in which all that somebody else may have named is `text`."""
    share = Share(9, 12, 0.468, 0.911)
    evidence = (Evidence(text, text, text, 0.01, paired=True, folded=(text,)),)
    verdict = Verdict(
        "storage.throttled", "high", 8, 9, 0.75, Condition(text, "=", text, 1.0, 0.0), evidence, (text,),
        (Example("a" * 32, "b" * 32, f"{JAEGER}/{source}"), Example("c" * 32, "d" * 32, None)),
    )  # fmt: skip
    return dataclasses.replace(
        REPORT,
        sources=(SourceSeen(text, source, 1, 1, (Skipped(text, 1, text),)),),
        errors=(ErrorFound(text, text, 9, share, True, (text,), ((text, 2),), ((text, 1),)),),
        patterns=(PatternFound("dominant_error", True, 1, 1.0, text),),
        verdicts=(verdict, dataclasses.replace(verdict, cause="unexplained")),
        undetermined=Undetermined(1, text),
        limits=(LimitUse(text, "By", 1_024, 998, ((text, 998),)),),
        patience=Patience(((text, 1.0, text),), (text,)),
    )


@pytest.mark.parametrize("width", [40, *WIDTHS])
def test_no_name_does_anything_to_the_terminal(width: int) -> None:
    """Control characters, escapes, what turns a line around, half a character and markup are only read."""
    shown = printed(poisoned(EVIL, EVIL), width)
    assert all(letter.isprintable() for letter in set(shown.replace("\n", "")))
    assert shown.encode("utf-8")
    assert INERT in printed(poisoned(EVIL, EVIL), 120)


def test_no_name_adds_a_colour_or_a_link() -> None:
    """In a terminal, too, only our own escapes are left, and a link leads nowhere but to what is printed."""
    shown = printed(poisoned(EVIL, EVIL), colour=True)
    left = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b\x07]*\x1b\\", "", shown)
    assert all(letter.isprintable() for letter in set(left.replace("\n", "")))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_huge_name_is_shortened(width: int) -> None:
    """However long names, codes and messages are, the report can still be read."""
    shown = printed(poisoned(HUGE), width)
    assert len(shown) < 30_000
    assert "…" in shown


def test_a_word_too_long_for_the_line_stays_one() -> None:
    """A step's command or key is not broken apart, where it has no blank, and stands beside its number."""
    verdicts = (dataclasses.replace(STALE, next=(f"Remove {'k' * 150} now.", f"{'j' * 150} too.")),)
    lines = [
        line.strip() for line in printed(dataclasses.replace(REPORT, verdicts=verdicts), 60).splitlines()
    ]
    assert "k" * 150 in lines
    assert f"2. {'j' * 150}" in lines
