"""What tests of saves in flight share: waiting for what is coming, and a look at what is written down."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from otel_savetrace.capture.in_flight.record import Dead, read
from tests.fixture_app import OWN_FOLDER, TO_A_FILE

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.05

RECORDED = {
    **TO_A_FILE,
    "OTEL_SAVETRACE_IN_FLIGHT": f"{OWN_FOLDER}/in-flight",
    "OTEL_BSP_SCHEDULE_DELAY": "50",
}
"""Switches tracing on for an app, with its record of saves in flight in its own folder."""

_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found | None], what: str) -> _Found:
    """Return what `look` finds, asked again and again; fails with `what` after a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"{what}: not within {_PATIENCE_SECONDS} s")


def records(folder: Path) -> Iterator[Dead]:
    """Yield what stands in the files of an app's processes at this moment."""
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(FileNotFoundError):
            held = read(path.read_bytes())
            if held is not None:
                yield held
