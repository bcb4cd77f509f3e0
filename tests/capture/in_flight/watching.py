"""What tests of saves in flight share: an app with its record, and a look at what is written down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.record import Dead, read
from otel_savetrace.spans.rows import Span
from tests.fixture_app import OWN_FOLDER, TO_A_FILE, App

RECORDED = {
    **TO_A_FILE,
    "OTEL_SAVETRACE_IN_FLIGHT": f"{OWN_FOLDER}/in-flight",
    "OTEL_BSP_SCHEDULE_DELAY": "50",
}
"""Switches tracing on for an app, with its record of saves in flight in its own folder."""


def records(folder: Path) -> Iterator[Dead]:
    """Yield what stands in the files of an app's processes at this moment."""
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(FileNotFoundError):
            held = read(path.read_bytes())
            if held is not None:
                yield held


def from_record(app: App) -> Span | None:
    """Return a span that was written for a dead process; None where there is none yet."""
    return next((span for span in app.spans() if attribute.FROM_RECORD in span.attributes), None)
