"""What happens to users in the middle of a save, where only their browser sees it.

Each saves, and returns what went wrong as the user sees it: None for nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from otel_savetrace.demo.story import Mishap
from otel_savetrace.demo.window import Window

TAB_CLOSED = "the tab was closed"

_UPLOADED_BYTES = 600
"""So much of a request has left when the network goes: less than its head and content."""

_MOST_SECONDS_OF_UPLOAD = 60.0
_WITHOUT_NETWORK_SECONDS = 0.4
_BEFORE_CLOSING_SECONDS = 0.15


async def _network_gone(window: Window, chance: random.Random) -> str | None:
    """The network goes: in the middle of the upload, or while the answer is waited for."""
    if chance.random() < 0.5:
        gone = asyncio.ensure_future(window.network.cut_after(_UPLOADED_BYTES))
        await window.begin()
        await asyncio.wait_for(gone, _MOST_SECONDS_OF_UPLOAD)
    else:
        await window.begin()
        await asyncio.sleep(_BEFORE_CLOSING_SECONDS)
        await window.lose_network()
    error = await window.shown()
    await asyncio.sleep(_WITHOUT_NETWORK_SECONDS)
    await window.find_network()
    return error


async def _tab_closed(window: Window, _: random.Random) -> str | None:
    """The tab is closed before the answer is there; the editor is opened again."""
    await window.begin()
    await asyncio.sleep(_BEFORE_CLOSING_SECONDS)
    await window.close_tab()
    await window.open_editor_again()
    return TAB_CLOSED


async def _clicked_twice(window: Window, _: random.Random) -> str | None:
    return await window.press_twice()


async def _logged_out(window: Window, _: random.Random) -> str | None:
    """The user logs out in another tab, or somebody else does on the same machine."""
    await window.log_out_in_another_tab()
    error = await window.press()
    await window.log_in_in_another_tab()
    return error


MISHAPS: Mapping[Mishap, Callable[[Window, random.Random], Awaitable[str | None]]] = {
    "network_gone": _network_gone,
    "tab_closed": _tab_closed,
    "clicked_twice": _clicked_twice,
    "logged_out": _logged_out,
}
