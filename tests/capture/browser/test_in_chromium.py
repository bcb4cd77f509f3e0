"""A real browser with the script that is shipped: under a strict policy, and with a page that it has kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.browser.script import FILE
from tests.capture.browser.test_policy import HEADER
from tests.fixture_browser import PAGE, PATH, OpenSite, Site
from tests.fixture_capture import facts

STRICT = "default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; connect-src 'self'; base-uri 'none'"


@pytest.fixture
def served(open_site: OpenSite, stand_in: Any) -> Iterator[tuple[Site, str]]:
    """Serve an app, with the real script; gives its address too."""
    stand_in.write_bytes(FILE.read_bytes())
    site = open_site()
    site.app.add_url_rule("/save", view_func=lambda: {"error": "too long"}, endpoint="save", methods=["POST"])
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a window of a user of its own."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_under_a_strict_policy_browser_and_app_stand_in_one_trace(
    served: tuple[Site, str], page: Page
) -> None:
    """The script runs by the page's nonce, sees a save fail in a 200, and tells the app in the same trace."""
    site, address = served
    site.app.add_url_rule("/strict", view_func=lambda: (PAGE, {HEADER: STRICT}), endpoint="strict")
    page.goto(f"{address}/strict")
    with page.expect_response(f"{address}{PATH}") as told:
        page.evaluate("fetch('/save', { method: 'POST', body: '{}' })")
    assert told.value.status == 204
    (of_app,) = [one for one in site.captured.saves if one.name == "POST /save"]
    (of_browser,) = [
        one
        for one in site.captured.exporter.get_finished_spans()
        if one.instrumentation_scope is not None and one.instrumentation_scope.name == attribute.BROWSER_SCOPE
    ]
    assert of_browser.context is not None
    assert of_app.parent is not None
    assert of_app.parent.span_id == of_browser.context.span_id
    assert facts(of_browser)[attribute.USER_ERROR] == "too long"


def test_a_page_that_the_browser_has_kept_is_asked_for_again_and_is_the_same(
    served: tuple[Site, str], page: Page
) -> None:
    """The browser sends the weak tag back, the app answers 304, and the kept page still has the script."""
    site, address = served
    asked = []

    def kept() -> Any:
        made = flask.Response(PAGE)
        made.add_etag()
        made.headers["Cache-Control"] = "no-cache"
        asked.append(flask.request.headers.get("If-None-Match"))
        return made.make_conditional(flask.request)

    site.app.add_url_rule("/kept", view_func=kept)
    tags = []
    for _ in range(2):
        page.goto(f"{address}/kept")
        tags.append(page.locator(f"head > script:first-child[src='{site.script.path}']").count())
        page.goto("about:blank")
    assert tags == [1, 1]
    assert asked[0] is None
    assert str(asked[1]).startswith('W/"')
