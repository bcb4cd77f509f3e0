"""Ctrl-C and a closed terminal mean something to what tests start, however they were started themselves."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest


def _not_for_the_tests(_number: int, _frame: FrameType | None) -> None:
    """Let a closed terminal end what tests start, but not the tests, which were started to outlive it."""


_HEARD = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: _not_for_the_tests}


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """Undo that signals are ignored, which a shell's `&` and nohup do to all that is started from there."""
    ignored = [number for number in _HEARD if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _HEARD[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
