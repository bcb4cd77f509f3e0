"""Saves in flight, written down outside the process's memory, so that a process killed outright loses none.

A process maps one small file with a slot for each save and holds a lock on it, which the kernel frees when it
dies of whatever. Another process of the same app then takes the file and writes the spans that are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_savetrace.capture.in_flight.recorder import Recorder

recorder: Recorder | None = None
"""What records the saves of this process, None where that is off."""
