"""Where the demo plays: a temporary folder and the servers in it, all gone when it is over."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from otel_savetrace.demo.interruption import Interruption
from otel_savetrace.demo.processes import Process

Entered = TypeVar("Entered")


class Stage:
    """Starts servers, says so on the console, and puts everything away at the end of its ``with`` block.

    In the order opposite to that of the start; at once, without asking, after an interruption.
    """

    def __init__(self, console: Console, interruption: Interruption) -> None:
        self.console = console
        self.folder = Path()
        self._interruption = interruption
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        try:
            with self.whole():
                made = tempfile.TemporaryDirectory(prefix="savetrace-demo-")
                self.folder = Path(self._stack.enter_context(made))
        except BaseException:
            self._stack.close()  # an interruption that was held back: no `with` block ends the stage then
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self.whole():
            self._stack.close()

    def enter(self, context: contextlib.AbstractContextManager[Entered]) -> Entered:
        """Enter a ``with`` block that ends with the stage."""
        with self.whole():
            return self._stack.enter_context(context)

    def whole(self) -> contextlib.AbstractContextManager[None]:
        """Hold an interruption back during a step that must not be done by half."""
        return self._interruption.held()

    def start(self, process: Process, what: str) -> None:
        """Start a server and say `what` it is; an interruption does not wait until it is ready."""
        ready = process.ready
        process.ready = lambda: self._checked(ready)
        began = time.monotonic()
        with self.console.status(f"Starting {what}"), self.whole():
            self._stack.callback(self._end, process)
            process.start()
        self.say(what, time.monotonic() - began)

    def say(self, what: str, seconds: float | None = None) -> None:
        """Tell that something is ready."""
        sign = "+" if self.console.options.ascii_only else "✓"
        took = f"  {seconds:.1f} s" if seconds is not None else ""
        self.console.print(Text.assemble((f"  {sign} ", "green"), what, (took, "dim")))

    def announce(self, text: str) -> None:
        """Tell what takes a while, such as a server's program being built."""
        self.console.print(Text(f"  {text}", style="dim"))

    def _checked(self, ready: Callable[[], bool]) -> bool:
        self._interruption.check()
        return ready()

    def _end(self, process: Process) -> None:
        if self._interruption.happened:
            process.kill()
        else:
            process.stop()
