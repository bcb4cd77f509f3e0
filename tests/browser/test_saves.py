"""Each way in which a page saves is seen, and stands in one trace with what the app did."""

from __future__ import annotations

import json
import zlib

import pytest
from playwright.sync_api import Page

from otel_savetrace import attributes as names
from tests.browser.conftest import KEPT, OpenPage, Site, save_by_fetch, save_by_jquery, save_by_xhr
from tests.browser.receiver import Receiver


def test_fetch(editor: Page, site: Site, receiver: Receiver) -> None:
    """A save with `fetch` is one span of the browser, above the app's own span of it."""
    status, text = save_by_fetch(editor, "/save/fetched?token=secret", "Grüße")
    span = receiver.one("/save/fetched")
    assert status == 200
    assert json.loads(text)["traceparent"] == f"00-{span.trace_id}-{span.span_id}-01"
    (served,) = site.served(span)
    assert served.parent_span_id == span.span_id
    assert (span.scope, span.service) == (names.BROWSER_SCOPE, "editor-browser")
    age = span.attributes.pop(names.BROWSER_PAGE_AGE_SECONDS)  # type: ignore[attr-defined]  # a dict
    assert 0 <= age < 300
    assert span.attributes == {
        names.REQUEST_METHOD: "POST",
        names.URL_FULL: f"{site.address}/save/fetched",
        names.REQUEST_BODY_SIZE: 7,
        names.RESPONSE_STATUS: 200,
        names.OUTCOME: names.SUCCEEDED,
        names.BROWSER_VIA: "fetch",
        names.BROWSER_JOINED: True,
        names.BROWSER_BODY_HASH: crc("Grüße"),
    }
    assert (span.name, span.kind, span.status, span.links) == ("POST", "client", "unset", ())


def test_xhr(editor: Page, site: Site, receiver: Receiver) -> None:
    """So is one with `XMLHttpRequest`."""
    event, status, _ = save_by_xhr(editor, "/save/requested", "Grüße")
    span = receiver.one("/save/requested")
    assert (event, status) == ("load", 200)
    (served,) = site.served(span)
    assert served.parent_span_id == span.span_id
    assert span.attributes[names.BROWSER_VIA] == "xhr"
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED
    assert span.attributes[names.BROWSER_BODY_HASH] == crc("Grüße")


def test_jquery(editor: Page, site: Site, receiver: Receiver) -> None:
    """So is one with jQuery, whose forms are sent as they are hashed."""
    told, data = save_by_jquery(editor, "/save/queried")
    span = receiver.one("/save/queried")
    assert (told, data["saved"]) == ("success", "queried")
    assert site.served(span)[0].parent_span_id == span.span_id
    assert span.attributes[names.BROWSER_BODY_HASH] == crc("id=map&d=%7B%7D")


def test_form(open_page: OpenPage, site: Site, receiver: Receiver) -> None:
    """A form's save is told by the page that it leads to, from the click to that page, in its own trace."""
    page = open_page()
    page.click("#form button")
    page.wait_for_url(f"{site.address}/")
    span = receiver.one("/form/saved")
    assert span.attributes[names.BROWSER_VIA] == "form"
    assert span.attributes[names.BROWSER_JOINED] is False
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED
    assert span.attributes[names.RESPONSE_STATUS] == 200
    assert span.attributes[names.BROWSER_REDIRECTED_TO] == "/"
    assert span.attributes[names.BROWSER_BODY_HASH] == crc("title\0Ünter\0")
    assert names.BROWSER_KEPT_SECONDS not in span.attributes
    assert names.ERROR_CODE not in span.attributes
    assert span.status == "unset"
    assert span.end_nanoseconds > span.start_nanoseconds


@pytest.mark.parametrize(
    ("action", "code", "said"),
    [
        ("/form/failed", "500", "500"),
        ("/form/expired", "login_redirect", None),
    ],
)
def test_form_that_fails(
    open_page: OpenPage, receiver: Receiver, action: str, code: str, said: str | None
) -> None:
    """A form that ends on an error page, or at the login, has failed."""
    page = open_page()
    page.evaluate("(action) => { form.action = action; form.submit(); }", action)
    span = receiver.one(action)
    assert span.attributes[names.OUTCOME] == names.FAILED
    assert span.attributes[names.ERROR_CODE] == code
    assert span.attributes.get(names.USER_ERROR) == said
    assert span.status == "error"


def test_form_sent_by_the_apps_script(open_page: OpenPage, receiver: Receiver) -> None:
    """A form that the app sends with `fetch` is one save, not two."""
    page = open_page()
    page.evaluate(
        """() => form.addEventListener("submit", (event) => {
          event.preventDefault();
          fetch("/save/by-script", {method: "POST", body: new FormData(form)});
        })"""
    )
    page.click("#form button")
    receiver.one("/save/by-script")
    save_by_fetch(page, "/save/after")
    receiver.one("/save/after")
    assert [span.attributes[names.BROWSER_VIA] for span in receiver.spans] == ["fetch", "fetch"]
    page.wait_for_function(f"{KEPT}.length === 0")


def test_what_is_no_save(open_page: OpenPage, site: Site, receiver: Receiver) -> None:
    """Reading is no save, unless a route says so; nothing of another site is seen, or gets a header."""
    page = open_page()
    save_by_fetch(page, "/read/all", None, method="GET")  # type: ignore[arg-type]  # no body
    save_by_fetch(page, receiver.endpoint)
    save_by_fetch(page, f"{receiver.endpoint}/elsewhere")
    save_by_fetch(page, "/rename/it?to=b", None, method="GET")  # type: ignore[arg-type]  # no body
    span = receiver.one("/rename/it")
    assert (span.name, span.attributes[names.URL_TEMPLATE]) == ("GET /rename/<thing>", "/rename/<thing>")
    foreign = [arrival for arrival in receiver.arrivals if arrival.body == b"{}"]
    assert len(foreign) == 2
    assert not [arrival for arrival in foreign if "traceparent" in arrival.headers]
    assert len(receiver.spans) == 1


@pytest.mark.parametrize("headers", ["{'X-A': '1'}", "[['X-A', '1']]", "new Headers({'X-A': '1'})"])
def test_what_the_page_gave_is_not_changed(editor: Page, receiver: Receiver, headers: str) -> None:
    """Options and headers that a page uses again are as it made them, frozen or not."""
    told = editor.evaluate(
        f"""async () => {{
          const options = Object.freeze({{method: "POST", headers: {headers}}});
          const before = [...new Headers(options.headers)].join();
          const answer = await fetch("/save/frozen", options);
          return [before, [...new Headers(options.headers)].join(), (await answer.json()).traceparent];
        }}"""
    )
    span = receiver.one("/save/frozen")
    assert told == ["x-a,1", "x-a,1", f"00-{span.trace_id}-{span.span_id}-01"]


def test_a_request_of_the_pages(editor: Page, site: Site, receiver: Receiver) -> None:
    """A `Request` that the page made joins the trace, and has no header more afterwards."""
    told = editor.evaluate(
        """async () => {
          const request = new Request("/save/request", {method: "PUT", body: "{}"});
          const again = request.clone();
          const answer = await fetch(request).catch((error) => error.name);
          return [answer.status, [...request.headers.keys()], [...again.headers.keys()]];
        }"""
    )
    span = receiver.one("/save/request")
    assert told == [405, ["content-type"], ["content-type"]]
    assert site.served(span)[0].parent_span_id == span.span_id
    assert span.attributes[names.REQUEST_METHOD] == "PUT"
    assert span.attributes[names.ERROR_CODE] == "405"


@pytest.mark.parametrize("way", ["fetch", "xhr"])
def test_tracing_that_is_there_already(editor: Page, receiver: Receiver, way: str) -> None:
    """Where the page traces itself, its header stays, and our span joins its trace."""
    trace_id, span_id = "a" * 32, "b" * 16
    told = editor.evaluate(
        """([way, traceparent]) => {
          if (way === "fetch") {
            const sent = fetch("/save/traced", {method: "POST", headers: {traceparent}});
            return sent.then((answer) => answer.json());
          }
          return new Promise((resolve) => {
            const request = new XMLHttpRequest();
            request.open("POST", "/save/traced");
            request.setRequestHeader("traceparent", traceparent);
            request.onload = () => resolve(JSON.parse(request.responseText));
            request.send();
          });
        }""",
        [way, f"00-{trace_id}-{span_id}-01"],
    )
    span = receiver.one("/save/traced")
    assert told["traceparent"] == f"00-{trace_id}-{span_id}-01"
    assert (span.trace_id, span.parent_span_id) == (trace_id, span_id)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ("new URLSearchParams({a: 'ü'})", b"a=%C3%BC"),
        ("new TextEncoder().encode('xbytesx').subarray(1, 6)", b"bytes"),
        ("new Blob(['a blob'])", b"a blob"),
        ("'ü'.repeat(400000)", "ü".encode() * 400_000),
    ],
)
def test_whatever_is_sent_is_hashed(editor: Page, receiver: Receiver, body: str, content: bytes) -> None:
    """Texts, bytes and files are hashed as the wire has them, large ones too."""
    editor.evaluate(f"() => fetch('/save/hashed', {{method: 'POST', body: {body}}})")
    span = receiver.one("/save/hashed")
    assert span.attributes[names.BROWSER_BODY_HASH] == f"crc32:{zlib.crc32(content):08x}"
    assert span.attributes[names.REQUEST_BODY_SIZE] == len(content)


def test_what_is_sent(open_page: OpenPage, receiver: Receiver) -> None:
    """A report is OTLP in JSON, without cookies, and has nothing of the body or of any query in it."""
    page = open_page(secret="in-the-page")
    page.evaluate("() => { document.cookie = 'session=in-the-cookie'; }")
    save_by_fetch(page, "/save/private?secret=in-the-query", "in-the-body")
    receiver.one("/save/private")
    (arrival,) = receiver.arrivals
    assert arrival.headers["content-type"] == "application/json"
    assert "cookie" not in arrival.headers
    sent = arrival.body + json.dumps(arrival.headers).encode()
    assert b"in-the-" not in sent


def crc(text: str) -> str:
    """Return what stands for a text."""
    return f"crc32:{zlib.crc32(text.encode()):08x}"


@pytest.mark.parametrize(
    "listener",
    [
        "form.addEventListener('submit', (event) => { event.stopPropagation(); new FormData(form); })",
        "form.addEventListener('submit', () => { new FormData(form); })",
    ],
)
def test_a_form_that_the_page_looks_into(open_page: OpenPage, receiver: Receiver, listener: str) -> None:
    """A form is seen once where the page listens to it, reads it, or keeps the event from others."""
    page = open_page()
    page.evaluate(f"() => {{ {listener}; form.action = '/form/watched'; }}")
    page.click("#form button")
    span = receiver.one("/form/watched")
    assert span.attributes[names.OUTCOME] == names.SUCCEEDED
    assert names.BROWSER_OVERLAPPING not in span.attributes


def test_a_form_that_is_refused_late(open_page: OpenPage, receiver: Receiver) -> None:
    """A form that the last of the page's listeners refuses is not sent, and not told."""
    page = open_page()
    page.evaluate(
        """() => addEventListener("submit", (event) => {
          new FormData(form);
          event.preventDefault();
          new FormData(form);
          setTimeout(() => new FormData(form));
        })"""
    )
    page.click("#form button")
    save_by_fetch(page, "/save/instead")
    receiver.one("/save/instead")
    page.wait_for_function(f"{KEPT}.length === 0")
    assert "/form/" not in str([span.attributes[names.URL_FULL] for span in receiver.spans])


def test_a_form_into_another_tab(open_page: OpenPage, receiver: Receiver) -> None:
    """A form whose answer goes to another tab is told at once: its end is not seen."""
    page = open_page()
    with page.context.expect_page() as opened:
        page.evaluate("() => { form.target = '_blank'; form.action = '/form/bare'; form.submit(); }")
    opened.value.close()
    span = receiver.one("/form/bare")
    assert (span.attributes[names.OUTCOME], span.attributes[names.ERROR_CODE]) == (
        names.UNKNOWN,
        "answer_unseen",
    )
