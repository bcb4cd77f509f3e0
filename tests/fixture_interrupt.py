"""Ctrl-C means something to the processes that tests start, however the tests themselves were started."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _interrupt_is_heard() -> Iterator[None]:
    """Undo that SIGINT is ignored, which a shell does to what it starts in the background, for good."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
