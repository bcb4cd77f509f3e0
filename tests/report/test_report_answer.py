"""The answer: three sentences that say no more than the data."""

from __future__ import annotations

import dataclasses

import pytest

from otel_savetrace.analysis.findings import (
    Condition,
    Confidence,
    EpisodeCounts,
    Report,
    SaveCounts,
    SourceSeen,
    Undetermined,
)
from otel_savetrace.report.answer import DOCTOR, answer, not_said
from otel_savetrace.spans.reading import Skipped
from tests.fixture_report import NONE_FAILED, NOTHING, PATTERNS, REPORT, STALE, TOO_LONG, UNEXPLAINED


def with_saves(succeeded: int, failed: int, unknown: int = 0, of: Report = REPORT) -> Report:
    """Return the report with other saves."""
    return dataclasses.replace(of, saves=SaveCounts(succeeded + failed + unknown, succeeded, failed, unknown))


def with_episodes(recovered: int, abandoned: int = 0, open_ones: int = 0, same: int = 0) -> Report:
    """Return the report with other episodes, of which as many recovered with the same content."""
    patterns = (dataclasses.replace(PATTERNS[0], episodes=same), *PATTERNS[1:])
    counts = EpisodeCounts(recovered + abandoned + open_ones, recovered, abandoned, open_ones)
    return dataclasses.replace(REPORT, episodes=counts, patterns=patterns)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (with_saves(970, 30), "30 of 1,000 saves failed (3.0 %). "),
        (with_saves(998, 2), "2 of 1,000 saves failed (0.2 %, likely 0.1 to 0.7 %). "),
        (with_saves(9, 1), "1 of 10 saves failed (10 %, likely 2 to 40 %). "),
        (with_saves(0, 1), "1 of 1 save failed (100 %, likely 21 to 100 %). "),
        (
            with_episodes(28, same=28),
            "A later save worked in all 28 episodes, each time with the same content.",
        ),
        (with_episodes(2, same=1), "A later save worked in both episodes, 1 time with the same content."),
        (
            with_episodes(5, 2, same=3),
            "A later save worked in 5 of 7 episodes, 3 times with the same content.",
        ),
        (with_episodes(5, 2), "A later save worked in 5 of 7 episodes."),
        (with_episodes(1, same=1), "A later save with the same content worked."),
        (with_episodes(1), "A later save worked."),
        (with_episodes(0, 3), "No later save worked in any of 3 episodes."),
        (with_episodes(0, 1), "No later save worked in the only episode."),
        (with_episodes(2, 0, 1), "A later save worked in both episodes that have ended."),
        (with_episodes(1, 0, 2), "A later save worked in the only episode that has ended."),
        (with_episodes(0, 3, 1), "No later save worked in any of 3 episodes that have ended."),
        (with_episodes(0, 0, 4), "Whether trying again worked is not known."),
    ],
)
def test_what_happens_is_counted(report: Report, said: str) -> None:
    """Shares of few carry their interval; what became of episodes that did not end yet is not guessed."""
    assert said in f"{answer(report).what} "


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (with_saves(400, 0, of=NONE_FAILED), "None of 400 saves failed: likely fewer than 1.0 % do."),
        (with_saves(4, 0, of=NONE_FAILED), "None of 4 saves failed: likely fewer than 49 % do."),
        (with_saves(1, 0, of=NONE_FAILED), "The only save did not fail."),
        (
            with_saves(7, 0, 2, of=NONE_FAILED),
            "How 2 of 9 saves ended was not seen; none of the other 7 failed.",
        ),
        (with_saves(0, 0, 2, of=NONE_FAILED), "How 2 of 2 saves ended was not seen."),
        (NOTHING, "No saves were found."),
    ],
)
def test_that_nothing_failed_is_an_answer(report: Report, said: str) -> None:
    """It says of how many, and what that is worth."""
    assert answer(report).what == said


def test_where_nothing_failed_there_is_nothing_to_do() -> None:
    """What is nearest to a limit is told instead of a cause."""
    told = answer(NONE_FAILED)
    assert told.why == (
        "There is nothing to explain. What comes nearest to a limit is the bytes of a key,"
        " of which 97 % was used."
    )
    assert told.do == ""
    assert answer(dataclasses.replace(NONE_FAILED, limits=())).why == "There is nothing to explain."


def test_where_nothing_was_read_doctor_is_named() -> None:
    """No save, no span and a file that could not be read are told apart."""
    assert answer(NOTHING).why == "None of 12 spans belongs to a save."
    assert answer(NOTHING).do == DOCTOR
    empty = SourceSeen("file", "spans.jsonl", 0, 0, ())
    assert answer(dataclasses.replace(NOTHING, sources=(empty,))).why == "Nothing was read."
    broken = dataclasses.replace(empty, skipped=(Skipped("a line that is not JSON", 3, "line 1"),))
    told = answer(dataclasses.replace(NOTHING, sources=(broken,)))
    assert told.why == "Nothing was read. 3 things were skipped, told below."


def test_the_cause_comes_with_how_often_it_is_so() -> None:
    """Its share of the failures, its condition with both shares, and that there are other causes."""
    assert answer(REPORT).why == (
        "In 9 of 12 failed saves, a kept-alive connection was used that the other side had already closed,"
        " when connection_idle_seconds ≥ 60 s (100 % of failed saves, 3.1 % of those that"
        " worked). 1 other cause is told below."
    )
    alone = dataclasses.replace(STALE, saves=12, condition=None)
    assert answer(dataclasses.replace(REPORT, verdicts=(alone,))).why == (
        "A kept-alive connection was used that the other side had already closed."
    )


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        ("medium", "Most likely the object's key"),
        ("low", "Perhaps, with too few failures to be sure, the object's key"),
    ],
)
def test_doubt_is_in_the_sentence(confidence: Confidence, said: str) -> None:
    """Medium and low confidence are words, not a label further down."""
    verdict = dataclasses.replace(TOO_LONG, confidence=confidence, saves=12)
    assert answer(dataclasses.replace(REPORT, verdicts=(verdict,))).why.startswith(said)


def test_no_cause_is_an_answer() -> None:
    """That nothing separates failed from succeeded is said, with what to do next all the same."""
    told = answer(UNEXPLAINED)
    assert told.why == (
        "Not known: nothing that was recorded separates the saves that failed from those that worked."
    )
    assert told.do == "Name the key's pattern."
    (verdict,) = UNEXPLAINED.verdicts
    reused = Condition("savetrace.connection", "=", "reused", 1.0, 0.04)
    told = answer(
        dataclasses.replace(UNEXPLAINED, verdicts=(dataclasses.replace(verdict, condition=reused),))
    )
    assert told.why == (
        "Nothing that was recorded names the cause, but it strikes when connection = reused"
        " (100 % of failed saves, 4.0 % of those that worked)."
    )
    nothing = Undetermined(12, "None of them has a storage call.")
    told = answer(dataclasses.replace(REPORT, verdicts=(), undetermined=nothing))
    assert told.why == "That cannot be said. None of them has a storage call."


@pytest.mark.parametrize(
    ("step", "first"),
    [
        ("Raise the limit: 2 s is short. Saves took 3.5 s at most.", "Raise the limit: 2 s is short."),
        ("Ask whoever runs store.example.org about it.", "Ask whoever runs store.example.org about it."),
        ("Set it at the proxy, e.g. HAProxy. Then try.", "Set it at the proxy, e.g. HAProxy."),
    ],
)
def test_what_to_do_is_one_sentence(step: str, first: str) -> None:
    """Why, and by which figures, stands with the verdict, where the whole step is told."""
    verdict = dataclasses.replace(STALE, next=(step,))
    assert answer(dataclasses.replace(REPORT, verdicts=(verdict,))).do == first


def test_what_cannot_be_said_is_counted() -> None:
    """Failed saves without a verdict, saves whose end was not seen, what was not read, each with its why."""
    assert list(not_said(REPORT)) == [
        ("1 failed save", "Its trace has no storage call, and nothing of the app's exception."),
        ("1 save", "the end was not seen, so it counts neither as failed nor as succeeded."),
        ("2 not read of http://jaeger.example.org:16686", "a span without a trace id, first at page 3"),
    ]
