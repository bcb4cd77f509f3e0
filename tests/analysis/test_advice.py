"""Next steps exist for every cause, begin with what to do, and say no more than is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.advice import BY_CAUSE, advise
from otel_savetrace.analysis.candidates import TIME
from otel_savetrace.analysis.case import Case, extent, extent_of_time, listed, share_said
from otel_savetrace.analysis.cause_codes import CAUSES, UNEXPLAINED
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import advised, failed_by, made_save, worked_with

Held = Mapping[str, AttributeValue]

FAILED = failed_by("Whatever")
BARE = made_save(outcome=names.FAILED)

DEMO = re.compile("story ?map|versity|draft.json", re.IGNORECASE)


def test_every_cause() -> None:
    """Each cause that a report can name has steps of its own, and only what is unexplained has none."""
    assert set(BY_CAUSE) == set(CAUSES) - {UNEXPLAINED}


@pytest.mark.parametrize("cause", sorted(CAUSES))
@pytest.mark.parametrize("save", [FAILED, BARE], ids=["a call", "nothing"])
def test_with_hardly_any_fact(cause: str, save: object) -> None:
    """Where next to nothing was recorded, there is something to do, and no sentence has a hole."""
    steps = advise(Case(cause, [save], [], None, [], {}))  # type: ignore[list-item]  # a save, parametrized
    assert steps
    for step in steps:
        assert step[:1].isupper()
        assert step.endswith((".", ")")), step
        assert not re.search(r"None|nan|\(\)|  | ,|\.\.|: \.|\bof of\b", step), step


def test_no_app_is_named() -> None:
    """The steps are for any app: nothing in them is the demo's."""
    folder = Path(__file__).parents[2] / "otel_savetrace" / "analysis"
    for module in folder.glob("advice*.py"):
        code = module.read_text(encoding="utf-8").replace("(versitygw, SeaweedFS, MinIO)", "")
        assert not DEMO.search(code), module


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        (names.HOST_NAME, "app-2", "Look at host app-2 first: 92 % of the failed saves ran there, and 30 %"),
        (names.PROCESS_ID, 4711, "Look at process 4711 first: 92 %"),
        (names.PEER_ADDRESS, "10.0.0.7", "Look at address 10.0.0.7 first: 92 % of the failed saves went"),
        (names.APP_VERSION, "1.5.0", "Go back from version 1.5.0, or hold it against the one before: 92 %"),
        (TIME, "2026-11-24T12:00:00Z/2026-11-24T12:05:00Z",
         "Ask what was done or broke between 2026-11-24T12:00:00Z and 2026-11-24T12:05:00Z: 92 %"),
    ],
)  # fmt: skip
def test_where_to_look(attribute: str, value: str | int, said: str) -> None:
    """A condition that is a place, a version or a time is the second step, with its shares."""
    condition = Condition(attribute, "=", value, 0.92, 0.3)
    steps = advised("storage.internal_error", [FAILED], condition=condition).splitlines()
    assert steps[1].startswith(said)
    assert steps[1].endswith("30 % of those that worked.")


def test_worn_out_workers() -> None:
    """Workers that fail after long service are to be ended earlier."""
    condition = Condition(names.REQUESTS_SERVED, ">=", 900, 1.0, 0.1)
    assert "--max-requests" in advised("app.exception", [BARE], condition=condition)


def test_two_clicks() -> None:
    """Where saves fail that began beside another of the same page, its button is to be disabled meanwhile."""
    condition = Condition(names.BROWSER_OVERLAPPING, ">=", 1, 0.8, 0.1)
    said = "80 % of the failed saves began while the page waited for another, and 10 %"
    assert said in advised("storage.throttled", [FAILED], condition=condition)


def test_a_size_beyond_which_it_fails() -> None:
    """A size that is the condition of a cause about something else is a limit to look for; else told once."""
    condition = Condition(names.CONTENT_SIZE, ">=", 163_676, 1.0, 0.0)
    said = "Look for a limit on the size of content: 100 % of the failed saves had 163,676 bytes or more"
    assert said in advised("storage.internal_error", [FAILED], condition=condition)
    assert said not in advised("storage.content_too_large", [FAILED], condition=condition)


def test_other_conditions() -> None:
    """A condition that is no place, time or size gives no step of its own."""
    for condition in (
        Condition("http.route", "=", "/charts/keep", 1.0, 0.5),
        Condition(names.HOST_NAME, "!=", "app-2", 1.0, 0.5),
    ):
        with_it = advised("storage.internal_error", [FAILED], condition=condition)
        assert with_it == advised("storage.internal_error", [FAILED])


def test_unexplained() -> None:
    """What has no cause is told by its code, with its condition where there is one, and whom to ask."""
    save = failed_by("Odd", {names.REQUEST_ID: "4442587FB7D0A2F9"})
    steps = advised("unexplained", [save])
    assert "separates 1 save that failed with Odd from those that worked" in steps
    assert "such as 4442587FB7D0A2F9" in steps
    steps = advised("unexplained", [save], condition=Condition("charts.theme", "=", "dark", 1.0, 0.1))
    assert "charts.theme, which sets these saves apart" in steps


def test_what_fails_on_reused_connections_alone_may_be_left_there() -> None:
    """Where only reused connections are struck, what came on them before is looked at; new ones are not."""
    reused, new = (
        advised(UNEXPLAINED, [FAILED], condition=Condition(names.CONNECTION, "=", value, 1.0, 0.0))
        for value in (names.REUSED, names.NEW)
    )
    assert "the request before it may have left something" in reused
    assert "the request before" not in new


def test_no_retry_makes_it_smaller() -> None:
    """Where only what is large fails, retries are not proposed."""
    call: Held = {names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 1}
    condition = Condition(names.CONTENT_SIZE, ">=", 163_676, 1.0, 0.0)
    save = failed_by("ConnectionResetError", call=call)
    assert "Config(" in advised("network.reset", [save])
    assert "Config(" not in advised("network.reset", [save], condition=condition)


def test_retries_that_are_not_allowed() -> None:
    """Where one attempt is all, retries are proposed, with how many saves they helped."""
    call: Held = {names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 1}
    steps = advised("storage.internal_error", [failed_by("InternalError", call=call)])
    assert (
        "Let the client try again: retry mode standard allows 1 attempt."
        " Config(retries={'mode': 'standard', 'total_max_attempts': 3}) waits for up to 3.0 s between them."
    ) in steps


def test_retries_within_the_workers_limit() -> None:
    """Retries that are proposed end before the worker is killed."""
    call: Held = {
        names.RETRY_MODE: "legacy", names.ATTEMPTS_ALLOWED: 1, names.CONNECT_TIMEOUT_SECONDS: 60.0,
        names.READ_TIMEOUT_SECONDS: 60.0,
    }  # fmt: skip
    failed = [failed_by("InternalError", call=call)]
    for limit, said in (
        (30, "'total_max_attempts': 3}) ends within the worker's 30 s."),
        (4, "The worker's 4.0 s leave no room for it: raise gunicorn's --timeout first."),
    ):  # fmt: skip
        worked = [worked_with(save={names.WORKER_TIMEOUT_SECONDS: limit})]
        assert said in advised("storage.internal_error", failed, worked)


def test_retries_that_did_not_help() -> None:
    """Where retries are in force, it is told how many were made, and none more are proposed beyond five."""
    call: Held = {names.RETRY_MODE: "legacy", names.ATTEMPTS_ALLOWED: 5, names.ATTEMPTS: 5}
    steps = advised("storage.internal_error", [failed_by("InternalError", call=call)])
    assert "In force is retry mode legacy, at most 5 attempts; 5 attempts a call were not enough." in steps
    assert "Config(" not in steps


def test_words() -> None:
    """Several values are told by their ends, or as one where they are; long lists are cut."""
    assert extent([3.0, 9.0]) == "3 to 9 bytes"
    assert extent([1.0, 1.0]) == "1 byte"
    assert extent_of_time([0.5, 2.0]) == "500 ms to 2.0 s"
    assert listed("abcbdeb") == "b, a, c and 2 more"
    assert listed(["k" * 300]) == "k" * 100 + "…"
    assert [share_said(share) for share in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "0 %", "less than 1 %", "50 %", "more than 99 %", "100 %",
    ]  # fmt: skip
