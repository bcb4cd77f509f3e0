"""What browsers send to the Collector: from sites that are named, and nothing but what the script sends."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser

from otel_savetrace import attributes as attribute
from otel_savetrace.attributes import BROWSER_SCOPE, REGISTRY, SEARCHED_LIMIT
from otel_savetrace.demo.processes import LOOPBACK
from tests.capture.browser.sending import SPAN_ID, request, span
from tests.fixture_collector import RECEIVING, Collector, StartCollector

LAYERS = (*RECEIVING, "30-archive.yaml", "80-browser.yaml")
SERVICE = "storymap-browser"
SEND = """
async ([address, body]) => {
    const headers = { "content-type": "application/json" };
    const told = { method: "POST", headers, credentials: "omit", body };
    try { return (await fetch(address, told)).status } catch { return 0 }
}
"""


@pytest.fixture
def site_port() -> Iterator[int]:
    """Serve an empty page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def sent(*spans: dict[str, Any], scope: str = BROWSER_SCOPE, service: str = SERVICE, **resource: str) -> str:
    """Write a request as the script does."""
    made = request(*spans, scope={"name": scope, "version": "0.1.0"})
    held = {"service.name": service, **resource}
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in held.items()]
    made["resourceSpans"][0]["resource"]["attributes"] = pairs
    return json.dumps(made)


def post(collector: Collector, body: str, method: str = "POST", headers: Mapping[str, str] = {}) -> Any:
    """Send a request, past every browser."""
    connection = http.client.HTTPConnection(collector.browser, timeout=60)
    try:
        connection.request(method, "/v1/traces", body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_a_real_browser_sends_from_a_named_site_and_from_no_other(
    start_collector: StartCollector, chromium: Browser, site_port: int
) -> None:
    """A page of the site that is named is let through, preflight and all; one of another site is not."""
    named, other = f"http://{LOOPBACK}:{site_port}", f"http://localhost:{site_port}"
    collector = start_collector(LAYERS, COLLECTOR_BROWSER_ORIGINS=f"[https://a.example, {named}]")
    page = chromium.new_page()
    came_to = []
    for number, origin in enumerate((named, other)):
        page.goto(origin)
        own = sent(span({attribute.OUTCOME: "failed"}, spanId=f"{number + 1:016x}"))
        came_to.append(page.evaluate(SEND, [f"http://{collector.browser}/v1/traces", own]))
    page.close()
    assert came_to == [200, 0]
    (told,) = collector.archived()
    assert (told.span_id, told.service, told.scope) == (f"{1:016x}", SERVICE, BROWSER_SCOPE)
    assert told.attributes == {attribute.OUTCOME: "failed"}


@pytest.mark.parametrize(("named", "allowed"), [("", None), ("https://a.example", "https://a.example")])
def test_no_site_may_send_that_is_not_named(
    start_collector: StartCollector, named: str, allowed: str | None
) -> None:
    """By default none is; one may be named without brackets."""
    settings: dict[str, Any] = {"COLLECTOR_BROWSER_ORIGINS": named} if named else {}
    collector = start_collector(LAYERS, **settings)
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = post(collector, "", "OPTIONS", {"Origin": "https://a.example", **asking})
    assert answer.headers["Access-Control-Allow-Origin"] == allowed
    elsewhere = post(collector, "", "OPTIONS", {"Origin": "https://b.example", **asking})
    assert elsewhere.headers["Access-Control-Allow-Origin"] is None


def test_nothing_is_taken_but_what_the_script_sends(start_collector: StartCollector) -> None:
    """Other scopes, kinds and services are dropped, other attributes taken off, what is too large refused."""
    collector = start_collector(LAYERS)
    everything = {name: "x" * 300 for name, one in REGISTRY.items() if "browser" in one.stands_on}
    odd = {attribute.PROCESS_ID: 1, "enduser.id": "ada", attribute.STORED: "yes"}
    assert post(collector, sent(span(everything | odd, name="n" * 300), **{"host.name": "x"})).status == 200
    assert post(collector, sent(span(spanId="01" * 8), scope=attribute.SCOPE)).status == 200
    assert post(collector, sent(span(spanId="02" * 8, kind=2))).status == 200
    assert post(collector, sent(span(spanId="03" * 8), service="storymap")).status == 200
    assert post(collector, sent(span(name="x" * 70_000))).status in (400, 413)
    (told,) = collector.archived()
    assert told.span_id == SPAN_ID
    assert set(told.attributes) == set(everything)
    assert {len(str(value)) for value in told.attributes.values()} == {SEARCHED_LIMIT}
    assert (told.resource, len(told.name)) == ({"service.name": SERVICE}, SEARCHED_LIMIT)
