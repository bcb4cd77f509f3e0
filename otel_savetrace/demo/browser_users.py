"""People who save in the sample app's own pages, each in a window of one real Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
import time
from urllib.parse import urlsplit

from playwright.async_api import Browser, async_playwright
from playwright.async_api import Error as PlaywrightError

from otel_savetrace.demo.mishaps import MISHAPS
from otel_savetrace.demo.story import Author, Step
from otel_savetrace.demo.user_network import UserNetwork
from otel_savetrace.demo.users import BETWEEN_PRESSES_SECONDS, OnPress, Press, chance_of, some_words
from otel_savetrace.demo.window import Window, open_window
from otel_savetrace.errors import RealPartError

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserCrowd:
    """All authors at once, each of whom makes a storymap and saves drafts of it.

    They stop where they are when the ``with`` block ends.
    `addresses` are the app's, or of what stands before it: all go to the first.
    """

    def __init__(
        self, addresses: tuple[str, ...], authors: tuple[Author, ...], seed: int, on_press: OnPress
    ) -> None:
        site_port = urlsplit(addresses[0]).port or 80
        self._users = [_User(author, site_port, seed, on_press) for author in authors]
        self._thread = threading.Thread(target=self._run_loop, name="browser", daemon=True)
        self._running = threading.Event()
        self._error: Exception | None = None

    def __enter__(self) -> BrowserCrowd:
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # all is over already
            self._loop.call_soon_threadsafe(self._all.cancel)
        self._thread.join()

    def wait(self) -> None:
        """Return when nobody has anything left to save. Raises `RealPartError` where there is no Chromium."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run_loop(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            pass  # as was asked
        except PlaywrightError as error:
            self._error = RealPartError(f"The browser did not do its part: {error}")
        except Exception as error:
            self._error = error

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._all = asyncio.ensure_future(self._save_all())
        self._running.set()
        await self._all

    async def _save_all(self) -> None:
        async with async_playwright() as playwright:
            program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
            try:
                # As root Chromium has no sandbox; it opens nothing but the sample app's pages.
                browser = await playwright.chromium.launch(
                    executable_path=program, chromium_sandbox=os.geteuid() != 0
                )
            except PlaywrightError as error:
                raise RealPartError(
                    "There is no Chromium that runs: `apt-get install chromium`, or"
                    " `playwright install chromium`."
                ) from error
            async with browser:
                await asyncio.gather(*(user.run(browser) for user in self._users))


class _User:
    """One author at the editor."""

    def __init__(self, author: Author, site_port: int, seed: int, on_press: OnPress) -> None:
        self._author = author
        self._network = UserNetwork(site_port)
        self._chance = chance_of(seed, author)
        self._on_press = on_press
        self._lines: list[str] = []

    async def run(self, browser: Browser) -> None:
        """Log in and go through the steps."""
        async with self._network:
            window = await open_window(self._author.name, browser, self._network)
            await window.log_in()
            for step in self._author.steps:
                await self._pause(self._author.pauses)
                await self._save(window, step)
            await window.leave()

    async def _save(self, window: Window, step: Step) -> None:
        """Press the button until it is saved."""
        if step.what != "create":
            self._lines.append(some_words(self._chance, 8))
            await window.write("\n".join(self._lines))
        for number in range(1, self._author.presses + 1):
            started = time.monotonic()
            error = await self._press(window, step, number)
            seconds = time.monotonic() - started
            author = self._author
            self._on_press(Press(author.name, author.storymap_id, step.what, number, error, seconds))
            if error is None:
                return
            await self._pause(BETWEEN_PRESSES_SECONDS)

    async def _press(self, window: Window, step: Step, number: int) -> str | None:
        if step.what == "create":
            return await window.create(self._author.title)
        if step.mishap and number == 1:
            return await MISHAPS[step.mishap](window, self._chance)
        return await window.press()

    async def _pause(self, between: tuple[float, float]) -> None:
        await asyncio.sleep(self._chance.uniform(*between))
