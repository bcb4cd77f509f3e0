"""Browser, front server and app tell of one save: it is one, and the user is believed before all others."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.content import same_content
from otel_savetrace.analysis.dependencies import failed_dependencies
from otel_savetrace.analysis.disagreement import disagreement, sayings
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.witnesses import APP_STATUS, FRONT_STATUS, WITNESSES
from otel_savetrace.spans.rows import Span
from tests.analysis.made_witnesses import PATH, browser_span, flask_span, nginx_span


def only(*spans: Span) -> Save:
    """Return the one save that the spans tell of, in whatever order they come."""
    (save,) = saves(spans)
    assert saves(spans[::-1]) == [save]
    return save


def told(save: Save) -> tuple[str, str | None, str | None, str]:
    """Return outcome, code and stage of a save, and its cause."""
    return save.outcome, save.error_code, save.stage, cause_of(save).name


def test_four_who_agree_are_one_save() -> None:
    """What browser, nginx and app tell of a save that worked is one save, with all of them named."""
    save = only(browser_span("a"), nginx_span("a", 200), flask_span("a"))
    assert (save.outcome, save.stored, save.error_code) == ("succeeded", "yes", None)
    assert save.span.attributes[WITNESSES] == "trace, nginx access log, browser"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("timeout", "front.client_gone"),
        ("aborted", "front.client_gone"),
        ("offline", "browser.network"),
    ],
)
def test_a_user_who_was_gone(code: str, cause: str) -> None:
    """nginx says 499, the app 200, the store has it: for its user it failed, and it is stored."""
    gone = browser_span("a", outcome=names.FAILED, code=code, status=None)
    save = only(gone, nginx_span("a", 499, answered=False), flask_span("a", seconds=3.0))
    assert (*told(save), save.stored) == ("failed", code, "browser", cause, "yes")
    assert save.span.attributes[APP_STATUS] == 200
    assert not save.told_truly


def test_a_page_that_was_left() -> None:
    """A page that was closed did not see the end: nginx's 499 says how it went, else the app."""
    closed = browser_span("a", outcome=names.UNKNOWN, code="page_closed", status=None)
    with_front = only(closed, nginx_span("a", 499, answered=False), flask_span("a", seconds=3.0))
    assert told(with_front) == ("failed", "page_closed", "browser", "front.client_gone")
    assert (only(closed, flask_span("a")).outcome, only(closed, flask_span("a")).error_code) == (
        "succeeded",
        None,
    )
    lost = browser_span("b", 60.0, outcome=names.UNKNOWN, code="page_closed", status=None)
    (alone,) = [
        save for save in saves([flask_span("a"), browser_span("a"), lost]) if save.trace_id == lost.trace_id
    ]
    assert (alone.outcome, alone.answered, cause_of(alone).name) == ("unknown", "no", "browser.network")


def test_a_redirect_is_one_answer() -> None:
    """A browser goes on to where the app sends it: its 200 and the app's 302 do not disagree."""
    form = browser_span("a", shares_trace=False)
    worked = only(form, flask_span("a", http__status_code=302))
    assert (worked.outcome, disagreement(worked)) == ("succeeded", None)
    assert worked.span.attributes[WITNESSES] == "trace, browser"
    sent_away = flask_span(
        "a", outcome=names.FAILED, http__status_code=302, savetrace__error_code="login_redirect",
        savetrace__stage=names.SESSION,
    )  # fmt: skip
    assert told(only(form, sent_away)) == ("failed", "login_redirect", names.SESSION, "app.session")


def test_a_browser_remembers_its_failure() -> None:
    """A retry that only the page knows of is that of the app's own span, whichever the browser's was."""
    failed = [browser_span("a", outcome=names.FAILED, code="error_shown"), flask_span("a")]
    previous = {
        names.PREVIOUS_TRACE_ID: failed[0].trace_id, names.PREVIOUS_SPAN_ID: failed[0].span_id,
        names.PAIRED_BY: "page",
    }  # fmt: skip
    retry = [browser_span("b", 20.0, held=previous), flask_span("b", 20.1)]
    before, after = saves([*failed, *retry])
    assert after.span.attributes[names.PREVIOUS_SPAN_ID] == before.span.span_id == failed[1].span_id
    (episode,) = episodes([before, after])
    assert (episode.state, episode.paired_by) == ("recovered", "memory")


def test_a_front_server_is_believed_before_the_app() -> None:
    """With no browser to ask, what the front server sent is what the user got."""
    save = only(nginx_span("a", 504, answered=False), flask_span("a", seconds=3.0))
    assert (save.outcome, save.status_code, cause_of(save).name) == ("failed", 504, "front.timeout")
    assert (save.stored, save.user_error) == ("yes", "504 Gateway Timeout")


@pytest.mark.parametrize("code", ["aborted", "blocked", "network_error", "offline", "timeout", "of old"])
def test_a_save_that_the_app_never_heard_of(code: str) -> None:
    """What only the browser tells of is a save of the app's own route that was lost on the way."""
    lost = browser_span("b", 60.0, outcome=names.FAILED, code=code, status=None, shown="No connection")
    found = saves([flask_span("a"), browser_span("a"), lost])
    assert [save.outcome for save in found] == ["succeeded", "failed"]
    assert told(found[1]) == ("failed", code, "browser", "browser.network")
    assert (found[1].route, found[1].span.service) == (found[0].route, "storymap")
    assert (found[1].user_error, found[1].stored) == ("No connection", None)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(413, "front.too_large"), (502, "front.bad_gateway"), (504, "front.timeout"), (401, "app.session")],
)
def test_a_status_that_only_the_browser_knows(status: int, cause: str) -> None:
    """Where no front server is heard, its status stands in the browser."""
    lost = browser_span("b", outcome=names.FAILED, code=str(status), status=status)
    assert told(only(lost)) == ("failed", str(status), "browser", cause)


def test_a_worker_that_was_killed() -> None:
    """A span of the app without an answer, and a 502 in the browser: the worker ended."""
    killed = flask_span("a", outcome=names.UNKNOWN, http__status_code="", savetrace__stored="")
    gateway = browser_span("a", outcome=names.FAILED, code="502", status=502)
    cut, _ = saves([gateway, killed, flask_span("other", 60.0)])
    assert (cut.outcome, cut.status_code, cause_of(cut).name) == ("failed", 502, "process.killed")


@pytest.mark.parametrize(
    ("code", "cause"), [("error_in_answer", "app.rejected"), ("login_redirect", "app.session")]
)
def test_what_the_app_did_not_know_for_a_failure(code: str, cause: str) -> None:
    """An answer that the app took for a success, and the page did not, failed as the page says."""
    save = only(browser_span("a", outcome=names.FAILED, code=code), flask_span("a"))
    assert told(save) == ("failed", code, "browser", cause)


def test_the_apps_own_failure_stays_its_own() -> None:
    """A failure that the app told of keeps its code and cause; what the user saw is what the page showed."""
    failed = flask_span(
        "a", outcome=names.FAILED, savetrace__error_code="SlowDown", savetrace__stage=names.STORAGE,
        savetrace__user_error="Unable to save", savetrace__stored=names.NO,
    )  # fmt: skip
    seen = browser_span("a", outcome=names.FAILED, code="error_in_answer", shown="Error saving StoryMap")
    save = only(seen, failed)
    assert told(save) == ("failed", "SlowDown", names.STORAGE, "storage.throttled")
    assert save.user_error == "Error saving StoryMap"


@pytest.mark.parametrize(("status", "outcome"), [(200, "failed"), (201, "succeeded")])
def test_a_success_in_the_browser(status: int, outcome: str) -> None:
    """The very answer that the app calls a failure stays one; another answer is a later try's, and counts."""
    failed = flask_span("a", outcome=names.FAILED, savetrace__error_code="SlowDown")
    save = only(browser_span("a", status=status), failed)
    assert (save.outcome, save.error_code) == (outcome, "SlowDown" if outcome == "failed" else None)


def test_a_form_is_joined_without_a_trace() -> None:
    """A form cannot carry the trace: its span and the app's are joined by route and time, or to none."""
    form = browser_span("a", outcome=names.FAILED, code="page_closed", status=None, shares_trace=False)
    save = only(form, flask_span("a"))
    assert (save.outcome, save.error_code, save.stored) == ("failed", "page_closed", "yes")
    far = browser_span("b", 500.0, outcome=names.FAILED, code="offline", status=None, shares_trace=False)
    assert [one.outcome for one in saves([far, flask_span("a")])] == ["succeeded", "failed"]


def test_what_should_have_been_in_the_trace_is_not_joined_by_time() -> None:
    """Where requests carry their trace, one whose trace the app does not have never came there."""
    lost = browser_span("b", 50.0, outcome=names.FAILED, code="offline", status=None)
    without_word = flask_span("c", 50.3)
    found = saves([flask_span("a"), browser_span("a"), without_word, lost])
    assert [save.outcome for save in found] == ["succeeded", "failed", "succeeded"]


def test_a_form_beside_requests_that_carry_their_trace() -> None:
    """A form is joined by its time though others are joined by their trace."""
    form = browser_span("c", 50.0, shares_trace=False)
    _, by_form = saves([flask_span("a"), browser_span("a"), flask_span("c", 50.3), form])
    assert by_form.span.attributes[WITNESSES] == "trace, browser"


def test_a_server_that_tried_again() -> None:
    """Of two saves in one trace, the first of which nginx gave up for another, the browser got the last."""
    first = flask_span("a", outcome=names.FAILED, savetrace__error_code="SlowDown", http__status_code=503)
    second = dataclasses.replace(flask_span("a", 1.5), span_id="5" * 16)
    before, after = saves([browser_span("a", seconds=3.0), first, second])
    assert [WITNESSES in save.span.attributes for save in (before, after)] == [False, True]
    assert (before.outcome, after.outcome) == ("failed", "succeeded")


def sent_twice(browser: Span, **held: str) -> list[Span]:
    """Return the spans of a save that a browser sent a second time, as the first had broken off.

    The app answered the first one last, with `held` on its span.
    """
    first = dataclasses.replace(flask_span("a", 0.0, 2.5, **held), parent_span_id=browser.span_id)
    second = dataclasses.replace(flask_span("a", 1.0, 0.5), parent_span_id=browser.span_id, span_id="5" * 16)
    gone, answered = nginx_span("a", 499, -0.05, 0.6), nginx_span("a", 200, 0.95, 0.6)
    return [browser, first, second, gone, dataclasses.replace(answered, span_id="6" * 16)]


@pytest.mark.parametrize(
    ("outcome", "code", "cause"),
    [(names.SUCCEEDED, None, ""), (names.FAILED, "network_error", "browser.network")],
)
def test_a_browser_that_sent_again(outcome: str, code: str | None, cause: str) -> None:
    """Of two requests for one click nginx took the first for a user's who was gone; the browser knows."""
    spans = sent_twice(browser_span("a", seconds=3.0, outcome=outcome, code=code))
    for order in (spans, spans[::-1]):
        found = saves(order)
        assert [save.span.attributes[FRONT_STATUS] for save in found] == [499, 200]
        assert [save.outcome for save in found] == [outcome] * 2
        assert {cause_of(save).name for save in found if save.outcome == "failed"} == {cause} - {""}


def test_what_failed_before_it_was_sent_again() -> None:
    """What the app itself calls a failure stays one."""
    spans = sent_twice(
        browser_span("a", seconds=3.0), savetrace__outcome=names.FAILED, savetrace__error_code="SlowDown"
    )
    assert [save.error_code for save in saves(spans)] == ["SlowDown", None]


def test_what_was_sent_again_before_it_came_to_the_app() -> None:
    """A request that broke off at once, and is known to nginx alone, is no save beside those of its trace."""
    browser = browser_span("a", seconds=3.0)
    broken_off = dataclasses.replace(nginx_span("a", 499, 0.7, 0.01), span_id="7" * 16)
    found = saves([*sent_twice(browser), broken_off])
    assert [save.span.attributes[FRONT_STATUS] for save in found] == [499, 200]
    # After all that came to the app nothing was sent again.
    last = dataclasses.replace(broken_off, start_nanoseconds=broken_off.start_nanoseconds + 60 * 10**9)
    last = dataclasses.replace(last, end_nanoseconds=last.start_nanoseconds + 10**7)
    found = saves([*sent_twice(browser), last])
    assert [save.span.attributes[FRONT_STATUS] for save in found] == [499, 200, 499]


def test_another_request_of_a_trace_tells_of_no_save() -> None:
    """Where a page's requests share a trace, what became of one of them is not put on another."""
    other = nginx_span("a", 502, 0.1, 0.2)
    elsewhere = dataclasses.replace(
        other, span_id="7" * 16, attributes={**other.attributes, "url.path": "/poll/"}
    )
    save = only(flask_span("a"), nginx_span("a", 200), elsewhere)
    assert (save.outcome, save.span.attributes[FRONT_STATUS]) == ("succeeded", 200)


def test_what_is_no_save_stays_none() -> None:
    """Of what the app knows no save of, a browser's success or another route's failure makes none."""
    other = browser_span("b", outcome=names.FAILED, code="offline", status=None, path="/login/")
    assert len(saves([flask_span("a"), browser_span("c", 60.0), other, nginx_span("d", 200, 70.0)])) == 1


def test_the_save_after_one_that_never_arrived_is_its_retry() -> None:
    """A save lost on the way and the next one by the same browser, of the same size, are one episode."""
    lost = browser_span("b", outcome=names.FAILED, code="offline", status=None)
    (episode,) = episodes(saves([lost, flask_span("a", 30.0), browser_span("a", 29.9)]))
    assert episode.state == "recovered"
    assert [save.error_code for save in episode.failed] == ["offline"]


def test_a_browsers_span_is_no_dependency() -> None:
    """A span of the browser that says error is not another service that the save needed."""
    lost = browser_span("a", outcome=names.FAILED, code="timeout", status=None)
    lost = dataclasses.replace(lost, status="error")
    assert failed_dependencies([lost, flask_span("a")], {lost.trace_id}) == {}


def test_hearing_twice_changes_nothing() -> None:
    """Spans read from two sources, in any order, give the same saves; so do rows that were heard before."""
    spans = [
        browser_span("a", outcome=names.FAILED, code="timeout", status=None), nginx_span("a", 499),
        flask_span("a", seconds=3.0), browser_span("b", 60.0, outcome=names.FAILED, code="offline"),
        flask_span("c", 90.0), browser_span("c", 89.0),
    ]  # fmt: skip
    once = saves(spans)
    mixed = spans * 2
    random.Random(1).shuffle(mixed)  # noqa: S311 - an order, no secret
    assert saves(mixed) == once
    assert saves([*spans, *(save.span for save in once)]) == once


def test_who_says_what_and_who_is_right() -> None:
    """Where witnesses disagree it is told who says what, who is right for the user, and that it is stored."""
    gone = browser_span("a", seconds=2.0, outcome=names.FAILED, code="timeout", status=None)
    four = only(gone, nginx_span("a", 499, answered=False), flask_span("a", seconds=3.0))
    assert sayings(four) == (
        ("browser", "timeout after 2.0 s"), ("nginx", "499"), ("app", "200"), ("store", "stored"),
    )  # fmt: skip
    assert notices(four)[0] == (
        "browser: timeout after 2.0 s; nginx: 499; app: 200; store: stored."
        " The browser is right for the user: it failed, and is stored all the same"
    )
    two = only(gone, flask_span("a", seconds=3.0))
    assert str(disagreement(two)).startswith("browser: timeout after 2.0 s; app: 200; store: stored.")
    three = only(nginx_span("a", 504, answered=False), flask_span("a", seconds=3.0))
    assert str(disagreement(three)).startswith("nginx: 504; app: 200; store: stored. nginx is right")


def test_who_agrees_is_not_told_of_as_disagreeing() -> None:
    """Witnesses of one mind, and an app that stands alone, say nothing that has to be settled."""
    agreeing = only(browser_span("a"), nginx_span("a", 200), flask_span("a"))
    assert (len(sayings(agreeing)), disagreement(agreeing)) == (4, None)
    assert (sayings(only(flask_span("a"))), disagreement(only(flask_span("a")))) == ((), None)


def test_many_whose_page_gave_up_show_its_limit() -> None:
    """Saves that a page gives up at one moment show its limit, and the advice says how many are stored."""
    spans = []
    for number in range(12):
        spans += [
            flask_span(f"well {number}", 100.0 * number),
            browser_span(f"well {number}", 100.0 * number),
        ]
    for number in range(8):
        at = 100.0 * number + 50.0
        gone = browser_span(f"gone {number}", at, 4.0, outcome=names.FAILED, code="timeout", status=None)
        spans += [flask_span(f"gone {number}", at + 0.1, seconds=5.0), gone]
    held = saves(spans)
    report = make_report((), held, episodes(held), lambda _: True, spans)
    (verdict,) = report.verdicts
    assert (verdict.cause, verdict.saves) == ("browser.network", 8)
    assert "which ends saves after 4.0 s" in verdict.next[0]
    assert "8 of 8 saves are stored all the same" in " ".join(verdict.next)
    innocent = {found.pattern: found for found in report.patterns}["no_storage_error"]
    assert innocent.holds
    assert "8 of 8 saves that failed did so though no storage call had (8 had stored" in innocent.says


def sent(name: str, body_hash: str, at: float, **held: Any) -> Span:
    """Make a browser's span of a save that sent something."""
    return browser_span(name, at, held={names.BROWSER_BODY_HASH: body_hash}, **held)


def test_what_a_page_sent_twice_is_the_same_content() -> None:
    """Where the app stored nothing, hash and size of what the page sent tell that a retry had the same.

    What differs there may be stored the same for all that: a token of the form's.
    """
    lost = sent("lost", "crc32:1", 0.0, outcome=names.FAILED, code="network_error", status=None)
    retry, other = (
        [flask_span(name, 5.0), sent(name, body_hash, 4.9)]
        for name, body_hash in (("retry", "crc32:1"), ("other", "crc32:2"))
    )
    for spans, same in ((retry, True), (other, None)):
        failed, worked = sorted(saves([lost, *spans]), key=lambda save: save.outcome)
        assert (failed.outcome, worked.outcome) == ("failed", "succeeded")
        assert same_content(failed, worked) is same


def test_two_clicks_may_be_a_condition() -> None:
    """A save has how many others its page was waiting for, none where the browser names none."""
    twice = browser_span("b", held={names.BROWSER_OVERLAPPING: 1})
    assert only(browser_span("a"), flask_span("a")).span.attributes[names.BROWSER_OVERLAPPING] == 0
    assert only(twice, flask_span("b")).span.attributes[names.BROWSER_OVERLAPPING] == 1
    assert names.BROWSER_OVERLAPPING not in only(flask_span("c")).span.attributes


def test_an_app_without_a_name_keeps_it() -> None:
    """A service that does not say its name is not called by the front server's: its retries would be lost."""
    nameless = dataclasses.replace(flask_span("a"), service="")
    assert only(nginx_span("a", 499), nameless).span.service == ""


def test_routes_that_are_known_from_elsewhere() -> None:
    """Read by themselves, as of a large archive, browsers' spans are held to the routes that saves have."""
    routes = frozenset({("storymap", "POST", PATH)})
    assert saves([browser_span("a")], routes) == []
    lost = browser_span("b", outcome=names.FAILED, code="offline", status=None)
    other = browser_span("c", outcome=names.FAILED, code="offline", status=None, path="/login/")
    (save,) = saves([lost, other], routes)
    assert (save.route, save.span.service) == (f"POST {PATH}", "storymap")
