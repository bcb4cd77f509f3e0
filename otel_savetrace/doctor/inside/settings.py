"""Our own variables, as capture reads them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from otel_savetrace import environment_variables
from otel_savetrace.capture.span_file import AppendedLines
from otel_savetrace.config import Settings as CaptureSettings
from otel_savetrace.doctor.facts import SettingFacts, Settings
from otel_savetrace.errors import SettingError

PREFIX = "OTEL_SAVETRACE_"


def settings(_: str) -> Settings:
    """Return each variable with its value, and whether the file can be written."""
    refused: list[SettingError] = []
    read = CaptureSettings.read(os.environ, refused.append)
    names = sorted(name for name in vars(environment_variables) if name.startswith(PREFIX))
    file_error = None
    if read.enabled and read.file is not None:
        try:
            AppendedLines(read.file).write("")
        except OSError as error:
            file_error = error.strerror or str(error)
    return {
        "variables": [_variable(name, [str(error) for error in refused]) for name in names],
        "file": None if read.file is None else str(read.file),
        "file_error": file_error,
        "in_flight_error": _in_flight_error(read) if read.enabled and read.in_flight else None,
    }


def _in_flight_error(read: CaptureSettings) -> str | None:
    """Make a file for saves in flight, as a worker does, and take it away again."""
    try:
        from otel_savetrace.capture.in_flight.folder import folder_of
        from otel_savetrace.capture.in_flight.process_file import ProcessFile

        chosen = read.in_flight if isinstance(read.in_flight, Path) else None
        ProcessFile(folder_of(chosen, os.environ), "doctor", {}).remove()
    except OSError as error:
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    except ImportError:
        return "this system has no flock"
    return None


def _variable(name: str, refused: list[str]) -> SettingFacts:
    given = os.environ.get(name, "").strip()
    reason = next((text for text in refused if text.startswith(f"{name}=")), None)
    return {
        "name": name,
        "given": bool(given),
        "value": given or _default(name),
        "refused": reason and reason.partition(" cannot be used: ")[2],
    }


def _default(name: str) -> str:
    """Return the default as one would write it."""
    field = name.removeprefix(PREFIX).lower()
    defaults = {one.name: one.default for one in dataclasses.fields(CaptureSettings)}
    # A variable holds one pattern or several; the field of it is in the plural.
    default = defaults.get(field, defaults.get(f"{field}s"))
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default) if isinstance(default, (str, int, float)) else "none"
