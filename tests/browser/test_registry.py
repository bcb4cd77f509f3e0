"""The registry's rows for browsers, held against real spans both ways; the other kinds: tests/e2e."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from otel_savetrace import attributes as names
from otel_savetrace.attributes import REGISTRY
from otel_savetrace.spans.rows import Span
from tests.browser.conftest import SHOWING, SOURCES, OpenTab, save_by_fetch, save_by_xhr
from tests.browser.receiver import Receiver
from tests.browser.test_page_ends import go_offline, leave

OF_BROWSERS = {name for name, one in REGISTRY.items() if "browser" in one.stands_on}

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "boolean": bool,
    "double": (int, float),
}
"""JavaScript has one kind of number: what is whole is sent as such."""


@pytest.fixture
def spans(open_tab: OpenTab, receiver: Receiver) -> list[Span]:
    """Spans of a user to whom everything happens, in words that are too long."""
    page = open_tab(tag=SHOWING)
    save_by_xhr(page, "/waiting/registry", timeout=50)
    save_by_fetch(page, "/rename/it?to=b", None, method="GET")  # type: ignore[arg-type]  # no body
    save_by_fetch(page, "/flaky/registry", "same")
    save_by_fetch(page, "/flaky/registry", "same")
    save_by_fetch(page, f"/sorry/{'ü' * 300}")
    save_by_fetch(page, "/moved/map")
    two_clicks(page)
    go_offline(page)
    save_by_fetch(page, "/save/offline")
    leave(page)
    page.context.set_offline(False)
    open_tab(context=page.context)
    return receiver.wait(lambda spans: len(spans) >= 9)


def two_clicks(page: Page) -> None:
    """Save twice at once."""
    page.evaluate("() => Promise.all([1, 2].map(() => fetch('/save/clicked', {method: 'POST'})))")


def test_every_attribute_is_as_the_registry_says(spans: list[Span]) -> None:
    """Browsers write all that the registry has for them and nothing else, typed and cut as it says."""
    assert {name for span in spans for name in span.attributes} == OF_BROWSERS
    for span in spans:
        for name, value in span.attributes.items():
            assert isinstance(value, TYPES[REGISTRY[name].type]), (name, value)
            assert isinstance(value, bool) == (REGISTRY[name].type == "boolean"), (name, value)
            if isinstance(value, str):
                limit = REGISTRY[name].limit
                assert limit is not None
                assert len(value.encode()) <= limit, (name, value)
    cut = {name for span in spans for name, value in span.attributes.items() if str(value).endswith("…")}
    assert cut >= {names.USER_ERROR, names.URL_FULL}


def test_the_script_knows_no_other_names() -> None:
    """Names in the script's sources are those of the registry."""
    source = (SOURCES / "source" / "names.ts").read_text()
    assert set(re.findall(r'"([a-z_]+\.[a-z_.]+)"', source)) - {names.BROWSER_SCOPE} == OF_BROWSERS
    assert f'SCOPE = "{names.BROWSER_SCOPE}"' in source
