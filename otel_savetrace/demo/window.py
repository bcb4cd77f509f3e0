"""One user's window of a real Chromium, with the sample app's own pages in it."""

from __future__ import annotations

import asyncio
import contextlib
import re

from playwright.async_api import Browser, BrowserContext, Locator, Page, Request
from playwright.async_api import TimeoutError as WaitedTooLong

from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.demo.user_network import UserNetwork
from otel_savetrace.errors import RealPartError

_SAVING, _SAVED = "Saving …", "Saved"
"""What the editor says of a save under way, and of one that worked."""

_SAVE = re.compile(r"/storymap/save/$")
_MOST_RELOADS = 100
_BEFORE_RELOAD_SECONDS = 0.3
_PATIENCE_MILLISECONDS = 60_000
_TOLD_MILLISECONDS = 5_000
_ALL_TOLD = "() => !Object.keys(localStorage).some((key) => /^savetrace\\.record\\..*\\.page$/.test(key))"


class Window:
    """A window of a user whose pages come over a network of their own."""

    def __init__(self, user: str, context: BrowserContext, page: Page, network: UserNetwork) -> None:
        self._user = user
        self._context = context
        self.network = network
        self._page = page
        self._site = f"http://{LOOPBACK}:{network.port}"
        self._start = f"{self._site}/select/"
        self._editor = ""
        self._text = ""

    async def log_in(self) -> None:
        """Come in by the start page."""
        await self._log_in(self._page)

    async def create(self, title: str) -> str | None:
        """Make a storymap, and return what went wrong as its user sees it, None for nothing."""
        await _open(self._page, self._start)  # without what was shown there before
        await self._page.get_by_label("Title").fill(title)
        await self._page.get_by_role("button", name="Create").click()
        told = self._page.locator("#create [role=alert]:not(:empty), textarea")
        await told.wait_for()
        if await self._page.locator("textarea").count():
            self._editor = self._page.url
            return None
        return await told.text_content()

    async def write(self, text: str) -> None:
        """Have this in the editor."""
        self._text = text
        await self._page.locator("textarea").fill(text)

    async def press(self) -> str | None:
        """Save, and return what went wrong as its user sees it, None for nothing."""
        await self._save_button.click()
        return await self.shown()

    async def press_twice(self) -> str | None:
        """Click twice, as one does who is used to icons; the later answer is what is seen."""
        answered = []

        def are_both(request: Request) -> bool:
            if _SAVE.search(request.url):
                answered.append(request)
            return len(answered) == 2

        async with self._page.expect_event("requestfinished", are_both):
            await self._save_button.dblclick()
        # By then the page's own script has it.
        await self._page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
        return await self.shown()

    async def begin(self) -> None:
        """Save, and return when the request is under way."""
        async with self._page.expect_request(_SAVE):
            await self._save_button.click()

    async def shown(self) -> str | None:
        """Wait for the end of a save, and return what is shown if it failed."""
        status = self._page.locator("[role=status]")
        await status.filter(has_not_text=_SAVING).filter(has_text=re.compile(".")).wait_for()
        text = await status.text_content()
        return None if text == _SAVED else text

    async def lose_network(self) -> None:
        """Be without a network, and have the browser know it."""
        await self._context.set_offline(True)
        self.network.cut()  # told to be offline, Chromium goes on with what is under way

    async def find_network(self) -> None:
        """Have a network again."""
        self.network.restore()
        await self._context.set_offline(False)

    async def close_tab(self) -> None:
        """Close the editor's tab."""
        await self._page.close(run_before_unload=True)
        self._page = await self._context.new_page()

    async def open_editor_again(self) -> None:
        """Open the storymap in the editor, and write what was to be saved."""
        await _open(self._page, self._editor)
        await self.write(self._text)

    async def log_out_in_another_tab(self) -> None:
        """End the session behind the editor's back."""
        other = await self._context.new_page()
        await other.goto(f"{self._site}/logout/")
        await other.close()

    async def log_in_in_another_tab(self) -> None:
        """Let the editor, which did not notice, go on."""
        other = await self._context.new_page()
        await self._log_in(other)
        await other.close()

    async def leave(self) -> None:
        """Close the window, once the browser has told of all saves or it is clear that it will not."""
        with contextlib.suppress(WaitedTooLong):
            await self._page.wait_for_function(_ALL_TOLD, timeout=_TOLD_MILLISECONDS)
        await self._context.close()

    @property
    def _save_button(self) -> Locator:
        return self._page.get_by_role("button", name="Save")

    async def _log_in(self, page: Page) -> None:
        await _open(page, self._start)
        await page.get_by_label("Your name").fill(self._user)
        async with page.expect_navigation(wait_until="load"):
            await page.get_by_role("button", name="Log in").click()


async def open_window(user: str, browser: Browser, network: UserNetwork) -> Window:
    """Open a window that knows nothing of any other."""
    context = await browser.new_context()
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    return Window(user, context, await context.new_page(), network)


async def _open(page: Page, address: str) -> None:
    """Open a page, and reload it until it comes. Raises `RealPartError` where it never does."""
    for _ in range(_MOST_RELOADS):
        answer = await page.goto(address)
        if answer is not None and answer.ok:
            return
        await asyncio.sleep(_BEFORE_RELOAD_SECONDS)
    raise RealPartError(f"{address} is not answered well: {answer and answer.status}.")
