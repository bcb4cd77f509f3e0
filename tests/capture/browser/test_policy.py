"""Content Security Policies, as we read and extend them and as a real browser does."""

from __future__ import annotations

import dataclasses
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flask
import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

import otel_savetrace
from otel_savetrace.capture.browser.policy import connecting
from tests.fixture_browser import PATH, OpenSite, Site

ENDPOINT = "https://collector.example:4319/v1/traces"
REPORTING = b"""
const { endpoint } = document.currentScript.dataset, told = document.documentElement.dataset;
told.cameTo = "";
// A policy in the head goes for what comes after it.
addEventListener("DOMContentLoaded", () => {
    const sending = fetch(endpoint, { method: "POST", mode: "no-cors", body: "{}" });
    sending.then(() => (told.cameTo = "sent"), () => (told.cameTo = "kept"));
});
"""
OPEN_IN_FRAMES = """
async (addresses) => {
    const cameTo = [];
    for (const address of addresses) {
        const frame = document.createElement("iframe");
        await new Promise((loaded) => {
            frame.onload = loaded;
            frame.src = address;
            document.body.append(frame);
        });
        const told = frame.contentDocument.documentElement.dataset;
        while (told.cameTo === "") await new Promise((looked) => setTimeout(looked, 1));
        cameTo.push(told.cameTo ?? "kept");
        frame.remove();
    }
    return cameTo;
}
"""
HASH = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
HEADER = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"

Outcomes = Callable[[list[str]], tuple[list[str], list[str]]]

Policies = Sequence[tuple[str, str]]
"""Each the name of a header, or `meta`, and the policy. HERE and THERE stand for page and Collector."""


@pytest.mark.parametrize(
    ("value", "extended"),
    [
        ("default-src *", "default-src *"),
        ("connect-src https:", "connect-src https:"),
        ("script-src 'self'", "script-src 'self'"),
        ("connect-src https://collector.example:4319", "connect-src https://collector.example:4319"),
        ("connect-src *.example:4319/v1/", "connect-src *.example:4319/v1/"),
        ("connect-src 'self'", f"connect-src 'self' {ENDPOINT}"),
        ("connect-src http://collector.example", f"connect-src http://collector.example {ENDPOINT}"),
        ("connect-src collector.example:4319/v2", f"connect-src collector.example:4319/v2 {ENDPOINT}"),
        ("img-src *; Connect-Src 'None'; a", f"img-src *; Connect-Src {ENDPOINT}; a"),
        ("connect-src", f"connect-src {ENDPOINT}"),
        ("default-src 'self' a.b;", f"default-src 'self' a.b; connect-src 'self' a.b {ENDPOINT}"),
        ("default-src 'none'", f"default-src 'none'; connect-src {ENDPOINT}"),
        ("connect-src 'self', default-src *", f"connect-src 'self' {ENDPOINT}, default-src *"),
        ("", ""),
    ],
)
def test_a_policy_is_extended_by_the_collector_alone(value: str, extended: str) -> None:
    """Its connect-src, or the fallback that stands for it, gains one address; the rest stays as it is."""
    assert connecting(value, ENDPOINT) == extended


def page_with(policies: Policies) -> flask.Response:
    """Make a page with policies in its headers and its head; the app's own script has every nonce."""
    metas = "".join(
        f'<meta http-equiv="{HEADER}" content="{policy}">' for where, policy in policies if where == "meta"
    )
    made = flask.Response(f"<!doctype html><html><head>{metas}</head><body></body></html>")
    for where, policy in policies:
        if where != "meta":
            made.headers.add(where, policy)
    return made


LET_IN: dict[str, Policies] = {
    "none": [],
    "unconcerned": [(HEADER, "img-src 'none'; frame-ancestors 'self'")],
    "self": [(HEADER, "script-src 'self'; connect-src 'self' THERE")],
    "self by default": [(HEADER, "default-src 'self' THERE")],
    "self beside a hash": [(HEADER, f"script-src 'self' {HASH}; connect-src *")],
    "anything": [(HEADER, "default-src *")],
    "a scheme": [(HEADER, "default-src http:")],
    "a host": [(HEADER, "script-src HERE; connect-src THERE HERE")],
    "nonce": [(HEADER, "script-src 'nonce-abc'")],
    "nonce and strict-dynamic": [(HEADER, "script-src 'nonce-abc' 'strict-dynamic' https:; base-uri 'self'")],
    "nonce for elements": [(HEADER, "script-src 'none'; script-src-elem 'nonce-abc'")],
    "the first of two directives": [(HEADER, "script-src 'nonce-abc'; script-src 'none'")],
    "two policies, one nonce": [(HEADER, "script-src 'nonce-a' 'nonce-b'"), (HEADER, "script-src 'nonce-b'")],
    "two in one header": [(HEADER, "script-src 'nonce-abc', script-src 'self'")],
    "only reporting": [(REPORT_ONLY, "script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self' THERE")],
    "in the head": [("meta", "script-src 'nonce-abc'; connect-src 'self' THERE")],
    "a sandbox with doors": [(HEADER, "sandbox allow-scripts allow-same-origin")],
}  # fmt: skip
EXTENDED: dict[str, Policies] = {
    "connect-src": [(HEADER, "script-src 'nonce-abc'; connect-src 'self'")],
    "connect-src none": [(HEADER, "script-src 'self'; connect-src 'none'")],
    "default-src": [(HEADER, "default-src 'self'")],
    "default-src none": [(HEADER, "default-src 'none'; script-src 'nonce-abc'")],
    "two policies": [(HEADER, "connect-src 'self'"), (HEADER, "default-src 'self', connect-src https:")],
    "only reporting ": [(REPORT_ONLY, "connect-src 'self'")],
}
KEPT_OUT: dict[str, Policies] = {
    "nothing": [(HEADER, "default-src 'none'")],
    "no script": [(HEADER, "script-src 'none'")],
    "an empty list": [(HEADER, "script-src")],
    "inline only": [(HEADER, "script-src 'unsafe-inline'")],
    "strict-dynamic without a nonce": [(HEADER, f"script-src 'self' 'strict-dynamic' {HASH}")],
    "another host": [(HEADER, "script-src https://cdn.example")],
    "another path": [(HEADER, "script-src HERE/static/")],
    "two policies, two nonces": [(HEADER, "script-src 'nonce-abc'"), (HEADER, "script-src 'nonce-x'")],
    "elements": [(HEADER, "script-src 'self'; script-src-elem 'none'")],
    "the second of two": [(HEADER, "script-src 'self'"), (HEADER, "script-src 'none'")],
    "in the head ": [("meta", "connect-src 'none'")],
    "a sandbox": [(HEADER, "sandbox allow-same-origin")],
}
KEPT_OUT_HERE: dict[str, Policies] = {
    "no report to itself": [(HEADER, "script-src 'self'; connect-src https://api.example")],
    "no report by default": [(HEADER, "default-src 'none'; script-src 'nonce-abc'")],
}


@dataclasses.dataclass
class Served:
    """The app behind a real server; `elsewhere` is the same server under another name, another origin."""

    site: Site
    here: str
    elsewhere: str
    pages: dict[str, tuple[Policies, str]]

    def add(self, name: str, policies: Policies, forced: str = "") -> str:
        """Add a page with these policies, and a tag that stands there whatever we think; return its path."""
        named = {"HERE": self.here, "THERE": self.elsewhere}
        policies = [
            (where, re.sub("HERE|THERE", lambda name: named[name[0]], policy)) for where, policy in policies
        ]
        self.pages[name] = policies, forced
        return f"/page?name={urllib.parse.quote(name)}"

    def page(self) -> flask.Response:
        """Answer with one of the pages."""
        policies, forced = self.pages[flask.request.args["name"]]
        response = page_with(policies)
        if forced:
            response.set_data(response.get_data().replace(b"<head>", b"<head>" + forced.encode(), 1))
            # What a script asks for, we leave alone.
            flask.request.environ["HTTP_SEC_FETCH_DEST"] = "empty"
        return response


@pytest.fixture
def served(open_site: OpenSite, stand_in: Any, request: pytest.FixtureRequest) -> Iterator[Served]:
    """Serve the app; its browsers report to itself, or, with the parameter `elsewhere`, to another origin."""
    stand_in.write_bytes(REPORTING)
    server = make_server("127.0.0.1", 0, lambda environ, start: app(environ, start), threaded=True)
    there = f"http://localhost:{server.server_port}"
    collector = f"{there}/v1/traces" if request.param == "elsewhere" else None
    settings = otel_savetrace.Settings(browser=True, browser_path=PATH, browser_endpoint=collector)
    made = Served(open_site(settings), f"http://127.0.0.1:{server.server_port}", there, {})
    app = made.site.app
    app.add_url_rule("/page", view_func=made.page, endpoint="policies")
    app.add_url_rule("/v1/traces", view_func=lambda: "", methods=["POST"], endpoint="traces")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def outcomes(served: Served, chromium: Browser) -> Iterator[Outcomes]:
    """Open pages in a real browser; gives what each came to, `sent` or `kept`, and what it complained of."""
    page = chromium.new_page()
    complaints: list[str] = []
    forbidden = "Content Security Policy"
    page.on("console", lambda message: complaints.extend([message.text] if forbidden in message.text else []))

    def open_all(paths: list[str]) -> tuple[list[str], list[str]]:
        page.goto(served.here)
        return page.evaluate(OPEN_IN_FRAMES, paths), complaints

    yield open_all
    page.close()


@pytest.mark.parametrize("served", ["here", "elsewhere"], indirect=True)
def test_what_we_let_in_a_browser_lets_in(served: Served, outcomes: Outcomes) -> None:
    """Under each policy the script runs, reports, and the browser has nothing to complain of."""
    came_to, complaints = outcomes([served.add(name, policies) for name, policies in LET_IN.items()])
    assert dict(zip(LET_IN, came_to, strict=True)) == dict.fromkeys(LET_IN, "sent")
    assert complaints == []
    assert served.site.said() == []


@pytest.mark.parametrize("served", ["elsewhere"], indirect=True)
def test_a_policy_that_forbids_the_collector_is_extended(served: Served, outcomes: Outcomes) -> None:
    """In headers connect-src gains the Collector's address, and the browser sends there."""
    came_to, complaints = outcomes([served.add(name, policies) for name, policies in EXTENDED.items()])
    assert dict(zip(EXTENDED, came_to, strict=True)) == dict.fromkeys(EXTENDED, "sent")
    assert complaints == []


@pytest.mark.parametrize("served", ["here", "elsewhere"], indirect=True)
def test_what_we_keep_out_a_browser_keeps_out(served: Served, outcomes: Outcomes) -> None:
    """Where a page stays as it is, its policy would have kept the script, or its reports, from working."""
    site = served.site
    endpoint = re.search(r'data-endpoint="([^"]*)"', site.tag())
    assert endpoint is not None
    kept_out = {**KEPT_OUT, **(KEPT_OUT_HERE if endpoint[1] == PATH else {})}
    forced = []
    for name, policies in kept_out.items():
        answer = site.get(served.add(name, policies), base_url=served.here)
        assert "<script" not in answer.text, name
        said = [text for where, text in served.pages[name][0] if where == HEADER]
        assert answer.headers.getlist(HEADER) == said
        for nonce in ("", ' nonce="abc"', ' nonce="x"'):
            tag = f'<script src="{site.script.path}" data-endpoint="{endpoint[1]}"{nonce}></script>'
            forced.append(served.add(f"{name}{nonce}", policies, tag))
    came_to, _ = outcomes(forced)
    assert dict(zip(forced, came_to, strict=True)) == dict.fromkeys(forced, "kept")
    assert {line.partition(": ")[2].partition(":")[0] for line in site.said()} == {
        "the script is not added to pages"
    }


def test_the_page_that_a_browser_keeps_may_go_on_sending(open_site: OpenSite) -> None:
    """What an answer of 304 says of policies goes for the page as the browser has it, with the script."""
    site = open_site(otel_savetrace.Settings(browser=True, browser_endpoint=ENDPOINT))

    def unchanged() -> Any:
        return flask.Response(status=304, headers={HEADER: "connect-src 'self'"})

    site.app.add_url_rule("/same", view_func=unchanged)
    assert site.get("/same").headers[HEADER] == f"connect-src 'self' {ENDPOINT}"


@pytest.mark.parametrize("nonce", ["'nonce-\"><script>'", "'nonce-a b'", "'nonce-'"])
def test_what_is_no_nonce_is_not_carried(open_site: OpenSite, nonce: str) -> None:
    """Nothing gets into the tag that could end it."""
    site = open_site()
    site.app.add_url_rule("/odd", view_func=lambda: page_with([(HEADER, f"script-src 'self' {nonce}")]))
    assert "nonce" not in site.tag("/odd")


def test_a_page_that_is_cut_off_from_its_origin_stays_as_it_is(open_site: OpenSite) -> None:
    """Its script would run, and what it sends be refused as another origin's."""
    site = open_site()
    site.app.add_url_rule("/cut", view_func=lambda: page_with([(HEADER, "sandbox allow-scripts")]))
    assert site.tag("/cut") == ""
    (line,) = site.said()
    assert "sandbox" in line
