"""All questions in order, and what becomes of one that breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_savetrace.doctor.as_json import all_well, doctor_document
from otel_savetrace.doctor.child import UnansweredError
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.examination import QUESTIONS, examine
from otel_savetrace.doctor.findings import Finding, Group, failure, note, ok, warning
from tests.doctor.asking import answered, delivered


def test_a_well_app_fails_nowhere() -> None:
    """Every question is asked of a well app, in order, and none has a warning."""
    asked = answered({"OTEL_SERVICE_NAME": "storymap"}, canary={"deliveries": [delivered()]})
    groups = list(examine(asked))
    assert [group.title for group in groups] == [title for title, _ in QUESTIONS]
    bad = [one for group in groups for one in group.findings if one.state in {"warning", "failure"}]
    assert bad == []
    assert all_well(groups)


def test_a_check_that_breaks_is_a_line() -> None:
    """What it had found stays, what broke is told with its reason, and the next check goes on."""

    def breaks(_: Circumstances) -> Iterator[Finding]:
        yield ok("before", "seen")
        raise KeyError("what it relied on")

    def goes_on(_: Circumstances) -> list[Finding]:
        return [ok("after", "seen")]

    (group,) = examine(answered(), [("Broken?", (breaks, goes_on))])
    assert [(one.subject, one.state) for one in group.findings] == [
        ("before", "ok"),
        ("breaks", "failure"),
        ("after", "ok"),
    ]
    assert group.findings[1].said == "this check broke: KeyError: 'what it relied on'"


def test_what_is_not_answered_is_told_once() -> None:
    """One reason for which a child does not answer is one line, however many checks wanted to know."""

    def asks(_: Circumstances) -> list[Finding]:
        raise UnansweredError("no answer within 30 s")

    groups = list(examine(answered(), [("One?", (asks, asks)), ("Two?", (asks,))]))
    assert [len(group.findings) for group in groups] == [1, 0]
    assert groups[0].findings[0].said == "it cannot be told: no answer within 30 s"


def test_a_warning_always_says_what_to_do() -> None:
    """Neither a warning nor a failure can be made without it."""
    for make in (warning, failure):
        with pytest.raises(ValueError, match="does not say what to do"):
            make("it", "is bad", "")


def test_the_document_has_every_finding() -> None:
    """Scripts get the questions by name, each finding whole, and whether nothing fails."""
    groups = [Group("Does a span arrive?", [ok("a", "b"), warning("c", "d", "e"), note("f", "g")])]
    assert doctor_document(groups) == {
        "schema": "savetrace.doctor/1",
        "well": True,
        "questions": [
            {
                "name": "does_a_span_arrive",
                "title": "Does a span arrive?",
                "findings": [
                    {"subject": "a", "state": "ok", "said": "b", "todo": ""},
                    {"subject": "c", "state": "warning", "said": "d", "todo": "e"},
                    {"subject": "f", "state": "note", "said": "g", "todo": ""},
                ],
            }
        ],
    }
    assert not doctor_document([Group("x", [failure("a", "b", "c")])])["well"]
