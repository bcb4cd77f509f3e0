"""What a page could not tell any more is told by the next one, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from otel_savetrace import attributes as names
from tests.browser.conftest import KEPT, OpenTab, Site, save_by_fetch
from tests.browser.receiver import Receiver

WITHOUT_LOCKS = "delete Navigator.prototype.locks"
"""As in an old browser, or on a page without TLS."""


def begin(page: Page, path: str) -> None:
    """Begin a save that the page does not wait for."""
    page.evaluate("(path) => { window.saving = fetch(path, {method: 'POST'}); }", path)


def go_offline(page: Page) -> None:
    """Have no network, which the browser does a little later than it says."""
    page.context.set_offline(True)
    page.evaluate("async () => { while (await fetch('/read/it').then(() => true, () => false)); }")


def crash(page: Page) -> None:
    """Kill the page's process."""
    with page.expect_event("crash"), pytest.raises(PlaywrightError):
        page.goto("chrome://crash")
    page.close()


def leave(page: Page) -> None:
    """Follow a link to another site."""
    page.goto("about:blank")


def close(page: Page) -> None:
    """Close the tab."""
    page.close(run_before_unload=True)


def test_no_network(open_tab: OpenTab, receiver: Receiver) -> None:
    """A save without a network is told as that, as soon as there is one again."""
    page = open_tab()
    go_offline(page)
    assert save_by_fetch(page, "/save/offline") == "TypeError"
    page.context.set_offline(False)
    span = receiver.one("/save/offline")
    assert span.attributes[names.ERROR_CODE] == "offline"
    assert span.attributes[names.BROWSER_ONLINE] is False
    assert span.status == "error"
    assert names.RESPONSE_STATUS not in span.attributes
    assert names.BROWSER_KEPT_SECONDS not in span.attributes


def test_no_network_until_another_day(open_tab: OpenTab, receiver: Receiver) -> None:
    """A page that ends without a network leaves what it saw to the next one."""
    page = open_tab()
    go_offline(page)
    save_by_fetch(page, "/save/left")
    crash(page)  # when a closing page is told of its end, the network may be there again
    page.context.set_offline(False)
    open_tab(context=page.context)
    span = receiver.one("/save/left")
    assert (span.attributes[names.OUTCOME], span.attributes[names.ERROR_CODE]) == (names.FAILED, "offline")
    assert isinstance(span.attributes[names.BROWSER_KEPT_SECONDS], float)


@pytest.mark.parametrize("end", [leave, close])
def test_closed_in_the_middle(
    open_tab: OpenTab, site: Site, receiver: Receiver, end: Callable[[Page], None]
) -> None:
    """A page that is left while it saves tells so at once, and the next one does not tell it again."""
    page = open_tab()
    thing = end.__name__
    begin(page, f"/waiting/{thing}")
    end(page)
    span = receiver.one(f"/waiting/{thing}")
    assert (span.attributes[names.OUTCOME], span.attributes[names.ERROR_CODE]) == (
        names.UNKNOWN,
        "page_closed",
    )
    assert span.status == "error"
    assert span.end_nanoseconds > span.start_nanoseconds
    site.release(thing)
    assert site.served(span)[0].parent_span_id == span.span_id
    save_by_fetch(open_tab(context=page.context), "/save/next")
    receiver.one("/save/next")
    assert len(receiver.spans) == 2


def test_crashed_in_the_middle(open_tab: OpenTab, site: Site, receiver: Receiver) -> None:
    """What a page that crashed was saving is told by the next one: that its end is not known."""
    page = open_tab()
    begin(page, "/waiting/crash")
    crash(page)
    assert receiver.spans == []
    open_tab(context=page.context)
    span = receiver.one("/waiting/crash")
    assert (span.attributes[names.OUTCOME], span.attributes[names.ERROR_CODE]) == (
        names.UNKNOWN,
        "page_closed",
    )
    assert span.attributes[names.BROWSER_VIA] == "fetch"
    assert isinstance(span.attributes[names.BROWSER_KEPT_SECONDS], float)
    assert span.status == "error"
    site.release("crash")
    assert site.served(span)[0].parent_span_id == span.span_id


def leave_untold(open_tab: OpenTab, receiver: Receiver, script: str, *things: str) -> Page:
    """Save in a page that is gone before its reports are taken, and return a bare page beside it.

    Two saves at least: with the second report the page has seen that the first was not taken, and sends none
    as it closes. Without a network it might, as closing pages sometimes have one again.
    """
    bare = open_tab(script=script, notag="")
    page = open_tab(context=bare.context)
    receiver.status = 503
    for number, thing in enumerate(things, 1):
        save_by_fetch(page, f"/save/{thing}")
        receiver.wait_for_posts(number)
    # Comes after the script's own: whoever sees it sees what the page stored before.
    page.evaluate("() => addEventListener('pagehide', () => localStorage.setItem('left', ''))")
    leave(page)
    bare.wait_for_function(
        """async () => localStorage.getItem("left") !== null
            && !(navigator.locks && (await navigator.locks.query()).held.length)"""
    )
    receiver.status = 200
    return bare


@pytest.mark.parametrize("script", ["", WITHOUT_LOCKS])
def test_two_tabs_race(open_tab: OpenTab, receiver: Receiver, script: str) -> None:
    """Of several tabs that are opened at once, one tells what an earlier one left."""
    tabs = leave_untold(open_tab, receiver, script, "one", "two", "three")
    tabs.evaluate(
        """() => Promise.all([1, 2, 3].map(() => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          frame.src = "/";
          frame.onload = resolve;
          document.body.append(frame);
        })))"""
    )
    receiver.wait(lambda spans: len(spans) >= 3)
    wait_for_locks(tabs, 0)
    save_by_fetch(tabs.frames[1], "/save/settled")
    receiver.one("/save/settled")
    assert sorted(str(span.attributes[names.URL_FULL]).rpartition("/")[2] for span in receiver.spans) == [
        "one", "settled", "three", "two",
    ]  # fmt: skip


RIVAL = """
const set = Storage.prototype.setItem;
Storage.prototype.setItem = function (key, value) {
  set.call(this, key, value);
  if (key.startsWith("savetrace.claim.")) set.call(this, key, `${Date.now()}.another`);
};"""
"""Another tab lays claim to the same a moment later."""


def test_a_tab_that_came_later(open_tab: OpenTab, receiver: Receiver) -> None:
    """Without locks, who finds another's claim instead of its own tells nothing: the other does."""
    left = leave_untold(open_tab, receiver, WITHOUT_LOCKS + RIVAL, "claimed", "claimed-too")
    page = open_tab(context=left.context)
    wait_for_locks(page, 0)
    save_by_fetch(page, "/save/own")
    receiver.one("/save/own")
    assert len(receiver.spans) == 1


@pytest.mark.parametrize("script", ["", WITHOUT_LOCKS])
def test_a_tab_that_lives(open_tab: OpenTab, site: Site, receiver: Receiver, script: str) -> None:
    """What a tab is saving is not told by another while it lives."""
    page = open_tab(script=script)
    thing = "alive" + str(len(script))
    begin(page, f"/waiting/{thing}")
    other = open_tab(context=page.context)
    wait_for_locks(other, 1)
    save_by_fetch(other, "/save/other")
    receiver.one("/save/other")
    assert len(receiver.spans) == 1
    site.release(thing)
    span = receiver.one(f"/waiting/{thing}")
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED


def wait_for_locks(page: Page, pending: int) -> None:
    """Return once that many pages wait for another's end, or, without locks, once none waits any more."""
    page.evaluate(
        """async (pending) => {
          const turn = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
          if (!navigator.locks) {
            return turn(1_300);  // longer than a token is looked at
          }
          while ((await navigator.locks.query()).pending.length !== pending) await turn(5);
        }""",
        pending,
    )


def settle(page: Page, receiver: Receiver) -> None:
    """Have one save more told, and nothing more to tell."""
    save_by_fetch(page, "/save/settled")
    receiver.one("/save/settled")
    page.wait_for_function(f"{KEPT}.length === 0")


def test_a_tab_that_dies_while_another_lives(open_tab: OpenTab, receiver: Receiver) -> None:
    """A tab that lives on tells of one that crashes, if it has seen it saving."""
    page = open_tab()
    begin(page, "/waiting/neighbour")
    wait_for_locks(open_tab(context=page.context), 1)
    crash(page)
    span = receiver.one("/waiting/neighbour")
    assert span.attributes[names.ERROR_CODE] == "page_closed"


def test_an_endpoint_that_is_down(open_tab: OpenTab, receiver: Receiver) -> None:
    """What an endpoint does not take now is sent with the next page."""
    page = open_tab()
    receiver.status = 503
    assert save_by_fetch(page, "/save/later")[0] == 200
    receiver.wait_for_posts(1)
    save_by_fetch(page, "/save/also-later")
    receiver.wait_for_posts(2)  # by now the page knows what became of the first
    leave(page)
    receiver.status = 200
    open_tab(context=page.context)
    span = receiver.one("/save/later")
    receiver.one("/save/also-later")
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED


def test_an_endpoint_that_refuses(open_tab: OpenTab, receiver: Receiver) -> None:
    """What an endpoint will never take is not sent again."""
    page = open_tab()
    receiver.status = 400
    save_by_fetch(page, "/save/refused")
    receiver.wait_for_posts(1)
    receiver.status = 200
    save_by_fetch(page, "/save/taken")
    receiver.one("/save/taken")
    assert len(receiver.arrivals) == 2
    page.wait_for_function(f"{KEPT}.length === 0")


def test_what_is_kept_is_bounded(open_tab: OpenTab, receiver: Receiver) -> None:
    """At most 50 saves and 64 KB are kept, the latest, and sent in bodies of at most 64 KB."""
    page = open_tab()
    go_offline(page)
    path = "/save/" + "x" * 180
    page.evaluate(
        """async (path) => {
          for (let number = 0; number < 70; number++) {
            await fetch(path + number, {method: "POST"}).catch(() => undefined);
          }
        }""",
        path,
    )
    crash(page)
    page.context.set_offline(False)
    bare = open_tab(context=page.context, notag="")
    kept = bare.evaluate(f"{KEPT}.map((key) => key.length + localStorage.getItem(key).length)")
    assert 20 < len(kept) <= 50
    assert sum(kept) <= 70_000
    open_tab(context=page.context)
    spans = receiver.wait(lambda spans: len(spans) >= len(kept))
    assert len(spans) == len(kept)
    assert str(max(spans, key=lambda span: span.start_nanoseconds).attributes[names.URL_FULL]).endswith("x69")
    assert max(len(arrival.body) for arrival in receiver.arrivals) <= 64 * 1024


def test_what_is_too_old(open_tab: OpenTab, receiver: Receiver) -> None:
    """A day later what was kept is thrown away; what is no record of ours too."""
    page = open_tab()
    go_offline(page)
    save_by_fetch(page, "/save/old")
    context = page.context
    crash(page)
    context.set_offline(False)
    open_tab(context=context, notag="").evaluate(
        f"""() => {{
          const [key] = {KEPT};
          const parts = key.split(".");
          parts[2] = Date.now() - 25 * 3600 * 1000;
          localStorage.setItem(parts.join("."), localStorage.getItem(key));
          localStorage.removeItem(key);
          localStorage.setItem(`savetrace.record.${{Date.now()}}.other.span.page`, "no JSON");
        }}"""
    )
    page = open_tab(context=context)
    wait_for_locks(page, 0)
    settle(page, receiver)
    assert len(receiver.spans) == 1


def test_a_form_while_another_tab_is_open(open_tab: OpenTab, site: Site, receiver: Receiver) -> None:
    """How a form's save ended is told by the page that it leads to, though another tab waits to."""
    page = open_tab()
    page.evaluate("() => { form.action = '/form/waiting/form'; form.submit(); }")
    wait_for_locks(open_tab(context=page.context), 1)
    site.release("form")
    span = receiver.one("/form/waiting/form")
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED


def test_a_form_whose_answer_has_no_script(open_tab: OpenTab, receiver: Receiver) -> None:
    """A form that led to a page without the script is told by the next that has it: its end was not seen."""
    page = open_tab()
    page.evaluate("() => { form.action = '/form/bare'; form.submit(); }")
    page.click("a")
    span = receiver.one("/form/bare")
    assert (span.attributes[names.OUTCOME], span.attributes[names.ERROR_CODE]) == (
        names.UNKNOWN,
        "answer_unseen",
    )
