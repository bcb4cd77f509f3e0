"""Whatever the page, the browser or the network is like, the page works as it did without the script."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page

from otel_savetrace import attributes as names
from tests.browser.conftest import OpenPage, OpenTab, Site, save_by_fetch, save_by_jquery, save_by_xhr
from tests.browser.receiver import Receiver

FROZEN = """for (const kind of [Object, Array, Function, Promise, Map, Set, Response, Request, Headers,
    XMLHttpRequest, HTMLFormElement, EventTarget]) { Object.freeze(kind.prototype); }"""
LOCKED_FETCH = "Object.defineProperty(window, 'fetch', {value: window.fetch, writable: false})"
NO_STORE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})"
FULL_STORE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"
NO_OBSERVER = "delete window.MutationObserver"
NO_TIMING = "delete window.PerformanceObserver; performance.getEntriesByType = undefined"
NO_CLONE = "Response.prototype.clone = () => { throw new Error('no'); }"
NO_FETCH = "delete window.fetch"
NO_WEAK_MAP = "delete window.WeakMap"

OVERWRITTEN = """() => {
  JSON.stringify = () => { throw new Error("ours"); };
  JSON.parse = () => { throw new Error("ours"); };
  window.setTimeout = () => 0;
  window.original = window.fetch;
  window.fetch = (...given) => window.original(...given);
}"""

SAVES = 4
"""Made in each page, one of them with `fetch`."""


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        (FROZEN, 1),
        (LOCKED_FETCH, SAVES - 1),
        (NO_STORE, SAVES),
        (FULL_STORE, SAVES),
        (NO_TIMING, SAVES),
        (NO_CLONE, SAVES),
        (NO_OBSERVER, 0),
        (NO_WEAK_MAP, 0),
    ],
)
def test_a_page_of_its_own_kind(open_page: OpenPage, receiver: Receiver, script: str, seen: int) -> None:
    """Saves work in a page that froze, locked or lost what scripts use; what can be seen of them is told."""
    page = open_page(before=f"<script>{script}</script>")
    assert save_by_fetch(page, "/save/fetched")[0] == 200
    assert save_by_xhr(page, "/save/requested")[:2] == ["load", 200]
    assert save_by_xhr(page, "/broken/requested")[:2] == ["load", 502]
    assert save_by_jquery(page, "/save/queried")[0] == "success"
    assert len(receiver.wait(lambda spans: len(spans) >= seen)) == seen
    assert (page.evaluate("window.__otel_savetrace__") is None) == (seen == 0)


def test_a_browser_without_fetch(open_page: OpenPage, receiver: Receiver) -> None:
    """A browser that is too old is left alone."""
    page = open_page(before=f"<script>{NO_FETCH}</script>")
    assert save_by_xhr(page, "/save/requested")[:2] == ["load", 200]
    assert page.evaluate("XMLHttpRequest.prototype.send.toString()").endswith("{ [native code] }")
    assert receiver.arrivals == []


def test_a_page_that_puts_its_own_in_their_place(open_page: OpenPage, receiver: Receiver) -> None:
    """What the page does to JSON, to timers and to `fetch` later does not reach the script."""
    page = open_page()
    page.evaluate(OVERWRITTEN)
    assert save_by_fetch(page, "/sorry/map")[0] == 200
    span = receiver.one("/sorry/map")
    assert span.attributes[names.ERROR_CODE] == "error_in_answer"


def test_included_twice(open_page: OpenPage, site: Site, receiver: Receiver) -> None:
    """A page that has the script twice tells of each save once."""
    page = open_page(before=f'<script src="/savetrace.js" data-endpoint="{receiver.endpoint}"></script>')
    save_by_fetch(page, "/save/twice")
    span = receiver.one("/save/twice")
    save_by_fetch(page, "/save/again")
    receiver.one("/save/again")
    assert len(receiver.spans) == 2
    assert len(site.served(span)) == 1


@pytest.mark.parametrize("tag", ["", 'data-endpoint=""', 'data-endpoint="http://"'])
def test_no_endpoint(open_page: OpenPage, receiver: Receiver, tag: str) -> None:
    """Without an endpoint, or with one that is none, nothing is seen and nothing sent."""
    page = open_page(notag="", before=f'<script src="/savetrace.js" {tag}></script>')
    status, text = save_by_fetch(page, "/save/untold")
    assert (status, json.loads(text)["traceparent"]) == (200, None)
    assert page.evaluate("fetch.toString()").endswith("{ [native code] }")
    assert receiver.arrivals == []


def test_an_endpoint_that_the_policy_forbids(open_tab: OpenTab, receiver: Receiver) -> None:
    """Where the page's policy forbids to tell, saves work; it is tried once, not with each save."""
    page = open_tab(csp="connect-src 'self'")
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    for number in range(3):
        assert save_by_fetch(page, f"/save/{number}")[0] == 200
    with page.expect_console_message(lambda message: message.text == "done"):
        page.evaluate("setTimeout(() => console.info('done'), 50)")
    assert receiver.arrivals == []
    assert len([text for text in refused if text.startswith("Connecting to")]) == 1


def test_what_nobody_handles_is_reported_as_ever(editor: Page, receiver: Receiver) -> None:
    """A failure that the page does not handle reaches its error tracker, once, as what it is."""
    editor.route("**/save/lost", lambda route: route.abort())
    told = editor.evaluate(
        """() => new Promise((resolve) => {
          const told = [];
          addEventListener("unhandledrejection", (event) => {
            event.preventDefault();
            told.push(String(event.reason));
            setTimeout(() => resolve(told), 100);
          });
          fetch("/save/lost", {method: "POST"});
        })"""
    )
    assert told == ["TypeError: Failed to fetch"]
    assert receiver.one("/save/lost").attributes[names.ERROR_CODE] == "network_error"


def test_what_the_page_calls_wrongly(open_page: OpenPage, receiver: Receiver) -> None:
    """Calls that raise raise the same as without the script."""
    calls = """async () => {
      const told = [];
      const raised = async (work) => { try { await work(); } catch (error) { told.push(String(error)); } };
      await raised(() => fetch());
      await raised(() => fetch("http://["));
      await raised(() => fetch("/save/x", {method: "POST", headers: {"a b": "c"}}));
      await raised(() => fetch("/save/x", {method: "TRACE"}));
      await raised(() => fetch("/save/x", {method: "GET", body: "x"}));
      await raised(() => fetch("/save/x", {get method() { throw new Error("a getter"); }}));
      await raised(() => new XMLHttpRequest().send());
      await raised(() => new XMLHttpRequest().open());
      await raised(() => new XMLHttpRequest().open("POST", "http://["));
      await raised(() => new XMLHttpRequest().setRequestHeader("a", "b"));
      await raised(() => XMLHttpRequest.prototype.send.call({}));
      return told;
    }"""
    assert open_page().evaluate(calls) == open_page(notag="").evaluate(calls)
    assert receiver.spans == []


def test_a_long_answer(editor: Page, receiver: Receiver) -> None:
    """Of an answer no more than 64 KB are looked at, while the page reads all of it."""
    status, text = save_by_fetch(editor, "/large/map")
    assert (status, json.loads(text)["error"]) == (200, "map is too large")
    assert receiver.one("/large/map").attributes[names.OUTCOME] == names.SUCCEEDED


def test_the_answer_is_the_pages(editor: Page, receiver: Receiver) -> None:
    """The page reads its answers as ever: whole, in pieces, or not at all."""
    told = editor.evaluate(
        """async () => {
          const save = () => fetch("/save/it", {method: "POST"});
          const whole = await (await save()).json();
          const reader = (await save()).body.getReader();
          const piece = await reader.read();
          const unread = await save();
          return [whole.saved, piece.value.length > 10, unread.bodyUsed, unread instanceof Response];
        }"""
    )
    assert told == ["it", True, False, True]
    assert {span.attributes[names.OUTCOME] for span in receiver.all("/save/it", 3)} == {names.SUCCEEDED}
