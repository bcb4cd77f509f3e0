"""A real Chromium that opens a page from a file, and notes whatever the page complains of or asks for."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.fixture_real_parts import debian_program

NOT_USED = "WebUIOmniboxPopup,WebUIOmniboxAimPopup"
"""Features of Chromium's own window, which nobody sees: each of its windows would draw two pages for them."""

DRAWN = "html[data-drawn]"
"""What is there once the page's own script has drawn all charts."""


@dataclasses.dataclass
class Visit:
    """A page that was opened; `complaints` are the console's lines and errors that nothing caught.

    `asked_for` are the addresses of all requests but that for the page itself.
    """

    page: Page
    complaints: list[str]
    asked_for: list[str]

    def told(self) -> str:
        """Return the page's text as it is seen."""
        return self.page.inner_text("body")

    def found(self, script: str) -> Any:
        """Return what a JavaScript expression finds."""
        return self.page.evaluate(script)

    def of_each(self, selector: str, script: str) -> list[Any]:
        """Return what a JavaScript expression finds in each element, which it calls `one`."""
        found: list[Any] = self.page.evaluate(
            f"(selector) => [...document.querySelectorAll(selector)].map((one) => {script})", selector
        )
        return found

    def count(self, selector: str) -> int:
        """Return how many elements a CSS selector finds."""
        return len(self.of_each(selector, "1"))

    def open_all(self) -> None:
        """Open all episodes."""
        self.of_each("details", "(one.open = true)")


OpenPage = Callable[..., "contextlib.AbstractContextManager[Visit]"]


# Playwright keeps an event loop running in its thread: tests of other modules start loops of their own there.
@pytest.fixture(scope="module")
def chromium(chromium_program: Path) -> Iterator[Browser]:
    """Run Chromium, one for each module of the tests."""
    with running_chromium(chromium_program) as browser:
        yield browser


@pytest.fixture(scope="session")
def chromium_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Find Chromium, in CI install it where it is not there; give what starts it without `NOT_USED`.

    Of several --disable-features Chromium heeds the last alone, and Playwright has one: ours go into that.
    """
    program = tmp_path_factory.mktemp("chromium") / "chromium"
    features = f"${{@/#--disable-features=/--disable-features={NOT_USED},}}"
    program.write_text(f'#!/bin/bash\nexec {debian_program("chromium", "chromium")} "{features}"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def chromium_on_path(chromium_program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what looks for Chromium on PATH find that."""
    monkeypatch.setenv("PATH", f"{chromium_program.parent}{os.pathsep}{os.environ['PATH']}")


@contextlib.contextmanager
def running_chromium(program: Path) -> Iterator[Browser]:
    """Run Chromium."""
    with sync_playwright() as playwright:
        # As root Chromium has no sandbox; it opens nothing but what the tests made.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(browser: Browser, folder: Path, html: str, **options: Any) -> Iterator[Visit]:
    """Open HTML in a window of its own, with the network switched off; takes playwright's context options."""
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8")
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    made = Visit(page, [], [])
    page.on("console", lambda message: made.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    context.on("request", lambda request: made.asked_for.append(request.url))
    page.goto(file.as_uri())
    made.asked_for.remove(file.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_selector(DRAWN, state="attached")
    try:
        yield made
    finally:
        context.close()


@pytest.fixture
def open_page(chromium: Browser, tmp_path: Path) -> OpenPage:
    """Open a page for one test."""
    return functools.partial(visit, chromium, tmp_path)
