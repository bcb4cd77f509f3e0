"""The saves as they happen: a row for each user, a mark for each press of a button."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from otel_savetrace.demo.story import Author
from otel_savetrace.demo.users import OnPress, Press

_SAVED = ("●", "o", "green")
_FAILED = ("✗", "x", "bold red")
_SAVED_AT_NEXT_PRESS = ("●", "o", "bold yellow")
_MARKS_SHOWN = 60
_LONGEST_ERROR = 60
_DRAWN_A_SECOND = 12


class Users(Protocol):
    """People who save until they have nothing left to save."""

    def wait(self) -> None:
        """Return then."""


MakeUsers: TypeAlias = Callable[[OnPress], AbstractContextManager[Users]]


def watch(console: Console, authors: tuple[Author, ...], make_users: MakeUsers) -> None:
    """Let users save until they have nothing left to save, and show it as it happens."""
    progress = Progress(authors)
    with (
        Live(progress, console=console, refresh_per_second=_DRAWN_A_SECOND, transient=True),
        make_users(progress.note) as users,
    ):
        users.wait()
    console.print(progress)
    console.print()
    console.print(progress.summary())


class Progress:
    """Drawn anew whenever rich asks; `note` may be called from any thread."""

    def __init__(self, authors: tuple[Author, ...]) -> None:
        self._titles = {author.name: author.title for author in authors}
        self._presses: dict[str, list[Press]] = {author.name: [] for author in authors}
        self._lock = threading.Lock()

    def note(self, press: Press) -> None:
        """Take in one press of a button."""
        with self._lock:
            self._presses[press.user].append(press)

    def summary(self) -> Text:
        """Say how many presses failed, and what the users were told."""
        with self._lock:
            presses = [press for own in self._presses.values() for press in own]
        told = Counter(press.error for press in presses if press.error is not None)
        said = Text.assemble(f"{told.total()} of {len(presses)} saves failed.", style="bold")
        if told:
            said.append(" All that the users were told:", "not bold")
        for error, count in told.most_common():
            shown = error if len(error) <= _LONGEST_ERROR else f"{error[:_LONGEST_ERROR].rstrip()} ..."
            said.append(f"\n  {'once   ' if count == 1 else f'{count} times'}  {shown}", "not bold")
        return said

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw a row for each user and the legend."""
        plain = options.ascii_only
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="crop", no_wrap=True)
        with self._lock:
            for user, presses in self._presses.items():
                marks = Text.assemble(*(_mark(press, plain) for press in presses[-_MARKS_SHOWN:]))
                table.add_row(f"  {user}", self._titles[user], marks)
        yield table
        yield Text()
        yield Text.assemble(
            "  ",
            _draw(_SAVED, plain), (" saved   ", "dim"),
            _draw(_FAILED, plain), (" failed, as the user saw it   ", "dim"),
            _draw(_SAVED_AT_NEXT_PRESS, plain), (" pressed again, saved", "dim"),
        )  # fmt: skip


def _mark(press: Press, plain: bool) -> Text:
    if press.error is not None:
        return _draw(_FAILED, plain)
    return _draw(_SAVED if press.number == 1 else _SAVED_AT_NEXT_PRESS, plain)


def _draw(mark: tuple[str, str, str], plain: bool) -> Text:
    fancy, ascii_mark, style = mark
    return Text(ascii_mark if plain else fancy, style=style)
