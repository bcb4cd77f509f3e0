"""A save that failed for its user says so, and why, whatever the app believes."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from otel_savetrace import attributes as names
from otel_savetrace.spans.rows import Span
from tests.browser.conftest import SHOWING, OpenPage, Site, save_by_fetch, save_by_jquery, save_by_xhr
from tests.browser.receiver import Receiver

WAYS: dict[str, Callable[[Page, str], Any]] = {"fetch": save_by_fetch, "xhr": save_by_xhr}


def told(span: Span) -> tuple[object, ...]:
    """Return what a span says of how its save ended."""
    held = span.attributes
    assert held.get(names.ERROR_TYPE) == held.get(names.ERROR_CODE)
    assert span.status == ("unset" if held[names.OUTCOME] == names.SUCCEEDED else "error")
    return held[names.OUTCOME], held.get(names.ERROR_CODE), held.get(names.USER_ERROR)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/broken/map", "502", "502 BAD GATEWAY"),
        ("/sorry/map", "error_in_answer", "Unable to save map"),
        ("/expired/map", "login_redirect", None),
    ],
)
def test_what_the_answer_says(
    editor: Page, site: Site, receiver: Receiver, way: str, path: str, code: str, said: str | None
) -> None:
    """A status, an error in a 200 and a redirect to the login are failures."""
    WAYS[way](editor, path)
    span = receiver.one(path)
    assert told(span) == (names.FAILED, code, said)
    assert site.served(span)[0].parent_span_id == span.span_id


def test_a_page_instead_of_json(editor: Page, receiver: Receiver) -> None:
    """Who asks for JSON and is sent on to a page was sent to log in, whatever that page is called."""
    assert save_by_jquery(editor, "/moved/map")[0] == "parsererror"
    assert told(receiver.one("/moved/map")) == (names.FAILED, "login_redirect", None)


def test_a_redirect_of_which_nothing_is_known(editor: Page, receiver: Receiver) -> None:
    """Sent on to some page, a script's save may have worked or not."""
    save_by_fetch(editor, "/moved/map")
    span = receiver.one("/moved/map")
    assert told(span) == (names.UNKNOWN, "redirected", None)
    assert span.attributes[names.BROWSER_REDIRECTED_TO] == "/"


@pytest.mark.parametrize(("login", "code"), [("/,/login", "login_redirect"), ("/login", None)])
def test_logins_that_are_named(open_page: OpenPage, receiver: Receiver, login: str, code: str | None) -> None:
    """Where the paths of logins are named, these are they."""
    save_by_fetch(open_page(tag=f'data-login="{login}"'), "/moved/map")
    assert told(receiver.one("/moved/map"))[1] == code


def test_timeout_of_a_request(editor: Page, receiver: Receiver) -> None:
    """A request's own time limit is told, with its length."""
    assert save_by_xhr(editor, "/waiting/xhr", timeout=150)[0] == "timeout"
    span = receiver.one("/waiting/xhr")
    assert told(span) == (names.FAILED, "timeout", None)
    assert span.attributes[names.BROWSER_TIMEOUT_SECONDS] == 0.15


def test_timeout_of_jquery(editor: Page, receiver: Receiver) -> None:
    """jQuery calls a request off when its time is over; that is a timeout too, and no abort."""
    assert save_by_jquery(editor, "/waiting/jquery", timeout=150)[0] == "timeout"
    assert told(receiver.one("/waiting/jquery")) == (names.FAILED, "timeout", None)


@pytest.mark.parametrize(
    ("signal", "code", "seen"),
    [
        ("AbortSignal.timeout(100)", "timeout", "TimeoutError"),
        ("(() => { const c = new AbortController(); setTimeout(() => c.abort(), 100); return c.signal; })()",
         "aborted", "AbortError"),
    ],
)  # fmt: skip
def test_a_signal(editor: Page, receiver: Receiver, signal: str, code: str, seen: str) -> None:
    """A call that the page gives up, by time or by will, is told as it is; the page sees its own error."""
    name = editor.evaluate(
        f"() => fetch('/waiting/signal', {{method: 'POST', signal: {signal}}}).catch((error) => error.name)"
    )
    assert name == seen
    assert told(receiver.one("/waiting/signal")) == (names.FAILED, code, None)


@pytest.mark.parametrize("way", WAYS)
def test_broken_connection(editor: Page, receiver: Receiver, way: str) -> None:
    """No answer is a failure, with no status."""
    WAYS[way](editor, "/reset/map")
    span = receiver.one("/reset/map")
    assert told(span) == (names.FAILED, "network_error", None)
    assert names.RESPONSE_STATUS not in span.attributes
    assert names.BROWSER_ONLINE not in span.attributes


@pytest.mark.parametrize("way", WAYS)
def test_an_extension(editor: Page, receiver: Receiver, way: str) -> None:
    """What an extension blocks looks to every script like a broken network; it is told."""
    editor.route("**/save/blocked", lambda route: route.abort("blockedbyclient"))
    WAYS[way](editor, "/save/blocked")
    assert told(receiver.one("/save/blocked")) == (names.FAILED, "network_error", None)


@pytest.mark.parametrize("way", WAYS)
def test_the_pages_own_policy(open_page: OpenPage, receiver: Receiver, way: str) -> None:
    """A save that the page's policy forbids never leaves; that is told as what it is."""
    page = open_page(csp=f"connect-src {receiver.endpoint}")
    WAYS[way](page, "/save/forbidden")
    assert told(receiver.one("/save/forbidden")) == (names.FAILED, "blocked", None)


def test_a_form_that_the_policy_forbids(open_page: OpenPage, receiver: Receiver) -> None:
    """So is a form's, whose page stays."""
    page = open_page(csp="form-action 'none'")
    page.evaluate("() => { setTimeout(() => form.requestSubmit()); }")  # playwright would wait for a page
    assert told(receiver.one("/form/saved")) == (names.FAILED, "blocked", None)


def test_a_policy_that_only_reports(open_page: OpenPage, receiver: Receiver) -> None:
    """A policy that is only tried out forbids nothing."""
    save_by_fetch(open_page(trial="connect-src 'none'"), "/save/tried")
    assert told(receiver.one("/save/tried"))[0] == names.SUCCEEDED


SHOW = """([path, text, late]) => fetch(path, {method: "POST"}).then(() => {
  const show = () => { error.innerText = text; error.style.display = "block"; };
  late ? setTimeout(show, late) : show();
})"""


@pytest.mark.parametrize(
    ("late", "text", "cut"),
    [(0, "No " * 100, f"{'No ' * 66}N…"), (300, "Öl " * 100, f"{'Öl ' * 61}Öl…")],
)
def test_what_the_user_was_shown(
    open_page: OpenPage, receiver: Receiver, late: int, text: str, cut: str
) -> None:
    """The text of the app's error element after the answer, shortened, is what the user was told."""
    open_page(tag=SHOWING).evaluate(SHOW, ["/sorry/map", text, late])
    outcome, code, said = told(receiver.one("/sorry/map"))
    assert (outcome, code) == (names.FAILED, "error_in_answer")
    assert said == cut


def test_an_error_that_only_the_page_knows(open_page: OpenPage, receiver: Receiver) -> None:
    """A save after which the user is shown an error has failed, though the app says that all is well."""
    open_page(tag=SHOWING).evaluate(SHOW, ["/save/map", "Not saved!", 0])
    assert told(receiver.one("/save/map")) == (names.FAILED, "error_shown", "Not saved!")


def test_an_error_that_was_there_before(open_page: OpenPage, receiver: Receiver) -> None:
    """What has been standing in the page since before a save says nothing of it."""
    page = open_page(tag=SHOWING)
    page.evaluate("() => { error.innerText = 'An old one'; error.style.display = 'block'; }")
    save_by_fetch(page, "/save/map")
    assert told(receiver.one("/save/map")) == (names.SUCCEEDED, None, None)


def test_an_error_of_another_save(open_page: OpenPage, receiver: Receiver) -> None:
    """Of two saves at once of which one has failed, it is that one that the error is about."""
    page = open_page(tag=SHOWING)
    page.evaluate(
        """() => Promise.all([fetch("/save/map", {method: "POST"}), fetch("/broken/map", {method: "POST"})])
          .then(() => { error.innerText = "Bad Gateway"; error.style.display = "block"; })"""
    )
    assert told(receiver.one("/broken/map")) == (names.FAILED, "502", "Bad Gateway")
    assert told(receiver.one("/save/map")) == (names.SUCCEEDED, None, None)


def test_texts_switched_off(open_page: OpenPage, receiver: Receiver) -> None:
    """With `data-text=off` no text that the user was told is sent, while failures stay what they are."""
    page = open_page(tag=f'{SHOWING} data-text="off"')
    page.evaluate(SHOW, ["/sorry/map", "secret", 0])
    assert told(receiver.one("/sorry/map")) == (names.FAILED, "error_in_answer", None)
    assert not [arrival for arrival in receiver.arrivals if b"secret" in arrival.body]


def test_text_that_looks_like_markup(open_page: OpenPage, receiver: Receiver) -> None:
    """What is shown is sent as it reads."""
    text = '<b>bold</b> & "quoted" \u2028'
    open_page(tag=SHOWING).evaluate(SHOW, ["/broken/map", html.unescape(text), 0])
    assert told(receiver.one("/broken/map"))[2] == text.strip()


@pytest.mark.parametrize("again", ["same", "changed"])
def test_a_retry(editor: Page, receiver: Receiver, again: str) -> None:
    """Saving again after a failure is known as its retry: how much later, and whether it is the same."""
    save_by_fetch(editor, f"/flaky/{again}", "same")
    save_by_fetch(editor, f"/flaky/{again}", again)
    save_by_fetch(editor, f"/flaky/{again}", again)
    failed, retry, other = receiver.all(f"/flaky/{again}", 3)
    assert told(failed) == (names.FAILED, "503", "SlowDown")
    assert told(retry)[0] == names.SUCCEEDED
    seconds = retry.attributes[names.SECONDS_SINCE_FAILURE]
    assert isinstance(seconds, (int, float))
    assert 0 <= seconds < 60
    assert (retry.attributes.get(names.AUTOMATIC_RETRY) is True) == (seconds < 1)
    assert {
        names.SAVE_ATTEMPT: 2,
        names.PREVIOUS_TRACE_ID: failed.trace_id,
        names.PREVIOUS_SPAN_ID: failed.span_id,
        names.FIRST_TRACE_ID: failed.trace_id,
        names.PREVIOUS_ERROR_CODE: "503",
        names.SAME_CONTENT: again == "same",
        names.PAIRED_BY: "page",
    }.items() <= retry.attributes.items()
    assert [(link.trace_id, link.span_id) for link in retry.links] == [(failed.trace_id, failed.span_id)]
    for first in (failed, other):
        assert names.SAVE_ATTEMPT not in first.attributes
        assert first.links == ()


def test_a_third_try_after_a_reload(open_page: OpenPage, receiver: Receiver) -> None:
    """Attempts are counted over a reload; what another page is about is no retry."""
    page = open_page(id="8")
    save_by_fetch(page, "/broken/tried")
    save_by_fetch(page, "/broken/tried")
    page.reload()
    save_by_fetch(page, "/broken/tried")
    save_by_fetch(open_page(id="9"), "/broken/tried")
    first, _, third, other = receiver.all("/broken/tried", 4)
    assert third.attributes[names.SAVE_ATTEMPT] == 3
    assert third.attributes[names.FIRST_TRACE_ID] == first.trace_id
    assert names.SAVE_ATTEMPT not in other.attributes


def test_two_clicks(editor: Page, site: Site, receiver: Receiver) -> None:
    """A save that begins while another of the same is under way says so; it is not its retry."""
    editor.evaluate(
        """() => {
          const save = () => fetch("/waiting/clicked", {method: "POST"});
          window.both = Promise.all([save(), save()]);
        }"""
    )
    site.release("clicked")
    editor.evaluate("both")
    first, second = receiver.all("/waiting/clicked", 2)
    assert names.BROWSER_OVERLAPPING not in first.attributes
    assert second.attributes[names.BROWSER_OVERLAPPING] == 1
    assert names.SAVE_ATTEMPT not in second.attributes


def test_a_page_that_tries_again_at_once(editor: Page, receiver: Receiver) -> None:
    """A retry by a page that reads nothing of a failed answer names it, and was not sent beside it."""
    editor.evaluate(
        """async () => {
          const save = () => fetch("/flaky/at-once", {method: "POST", body: "{}"});
          const first = await save();
          if (!first.ok) await save();
        }"""
    )
    failed, retry = receiver.all("/flaky/at-once", 2)
    assert names.BROWSER_OVERLAPPING not in retry.attributes
    assert retry.attributes[names.PREVIOUS_SPAN_ID] == failed.span_id
    assert retry.attributes[names.PREVIOUS_ERROR_CODE] == failed.attributes[names.ERROR_CODE] == "503"
    assert failed.attributes[names.USER_ERROR] == "SlowDown"


@pytest.mark.parametrize("statuses", [(503, 200), (200, 503)])
def test_what_came_after_is_not_undone(
    open_page: OpenPage, receiver: Receiver, statuses: tuple[int, int]
) -> None:
    """A save is told of when it is clear what the page shows; by then another one was the last to end."""
    page = open_page(tag=SHOWING)
    path, left = "/save/turns", [*statuses, 200]
    page.route(f"**{path}", lambda route: route.fulfill(status=left.pop(0), body="{}"))
    page.evaluate("async (path) => { for (const _ of [1, 2]) await fetch(path, {method: 'POST'}); }", path)
    *_, second = receiver.all(path, 2)
    save_by_fetch(page, path)
    *_, third = receiver.all(path, 3)
    failed = statuses[1] == 503
    assert third.attributes.get(names.PREVIOUS_SPAN_ID) == (second.span_id if failed else None)
