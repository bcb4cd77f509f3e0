"""A user of the sample app: logged in with a real browser, a tab for each storymap."""

from __future__ import annotations

import dataclasses

from playwright.sync_api import BrowserContext, Page

from otel_savetrace import attributes
from otel_savetrace.capture.in_flight.record import ATTEMPT
from otel_savetrace.demo.processes import LOOPBACK
from tests.capture.in_flight.watching import records
from tests.e2e.witnesses.endings import USER
from tests.eventually import eventually
from tests.fixture_app import OWN_FOLDER, App

_IN_FLIGHT = "in-flight"

BROWSER_TELLS = {
    "OTEL_SAVETRACE_FILE": f"{OWN_FOLDER}/spans.jsonl",
    "OTEL_SAVETRACE_IN_FLIGHT": f"{OWN_FOLDER}/{_IN_FLIGHT}",
    "OTEL_SAVETRACE_BROWSER": "on",
    "OTEL_SAVETRACE_BROWSER_PATH": "/telemetry/browser",
}
"""Switches on for an app that its pages tell of saves, and that what is under way can be seen."""

_SAVE = """([storymap, text, timeout]) => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => resolve(request.status);
    request.open("POST", "/storymap/save/");
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.setRequestHeader("Accept", "application/json, text/javascript, */*; q=0.01");
    request.timeout = timeout;
    request.send(`id=${storymap}&d=` + encodeURIComponent(JSON.stringify({storymap, text})));
})"""
"""Saves a draft as an editor's jQuery does, and returns the status: 0 where no answer came."""


@dataclasses.dataclass(frozen=True)
class Editor:
    """A tab in which a storymap is edited."""

    page: Page
    storymap: str

    def save(self, text: str = "", timeout: float = 0.0) -> int:
        """Save, and return the status that came; after `timeout` seconds the page gives up, 0 for never."""
        status: int = self.page.evaluate(_SAVE, [self.storymap, text, round(timeout * 1_000)])
        return status

    def begin(self) -> None:
        """Save, and do not wait."""
        self.page.evaluate(
            f"(given) => void ({_SAVE})(given).then((status) => (window.got = status))",
            [self.storymap, "", 0],
        )

    def got(self) -> int:
        """Return the status of the save that was begun, once it is there."""
        self.page.wait_for_function("window.got !== undefined")
        status: int = self.page.evaluate("window.got")
        return status


@dataclasses.dataclass(frozen=True)
class User:
    """Somebody with a browser of their own; `port` is that of the server before the app."""

    context: BrowserContext
    app: App
    port: int

    def log(self, way: str) -> None:
        """Log in or out, in a tab that is closed again."""
        page = self.context.new_page()
        page.goto(f"http://{LOOPBACK}:{self.port}/log{way}/?name={USER}")
        page.close()

    def edit(self, storymap: str, port: int | None = None) -> Editor:
        """Open a storymap, by way of another server where one is named."""
        page = self.context.new_page()
        page.goto(f"http://{LOOPBACK}:{port or self.port}/select/?{storymap}")
        return Editor(page, storymap)

    def begin(self, editor: Editor) -> int:
        """Save, and do not wait longer than until the store is asked; return the process that asks it."""
        editor.begin()
        storymap = editor.storymap
        return eventually(lambda: self._storing(storymap), f"a worker that stores {storymap}")

    def wait_until_told(self, saves: int) -> None:
        """Return once the app has written what the browser tells of so many saves."""
        eventually(lambda: self.written(attributes.BROWSER_VIA) == saves, "the browser's word on each save")

    def written(self, attribute: str) -> int:
        """Return how many spans with an attribute the app has written."""
        file = self.app.spans_file
        return file.read_bytes().count(f'"{attribute}"'.encode()) if file.exists() else 0

    def _storing(self, storymap: str) -> int | None:
        for one in records(self.app.spans_file.parent / _IN_FLIGHT):
            keys = [save.object[1] for save in one.saves if save.step == ATTEMPT and save.object]
            if any(f"/{storymap}/" in key for key in keys):
                process: int = one.facts["process"][attributes.PROCESS_ID]
                return process
        return None
