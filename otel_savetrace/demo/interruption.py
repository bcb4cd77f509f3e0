"""Ctrl-C that leaves nothing behind, at whatever moment it comes."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

# The last: the terminal's window was closed.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """While its ``with`` block lasts, the first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt.

    The rest do nothing: by then everything is being put away, which must not be interrupted in turn. What was
    ignored before stays ignored (``nohup``). Only for the main thread, where Python delivers signals.
    """

    def __init__(self) -> None:
        self.happened = False
        self._held = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interruption:
        for number in _SIGNALS:
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # as `signal` itself gave it

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold it back during a step that must be whole, as starting something and noting that it runs."""
        before = self.happened
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if not before:  # else it was raised already, and this step puts things away
            self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if it happened: for a held step that takes long."""
        if self.happened:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.happened:
            return
        self.happened = True
        if not self._held:
            raise KeyboardInterrupt
