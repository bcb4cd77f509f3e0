"""Runs the half that looks from inside: in the app's Python, with the app's variables, within a time."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
"""What the program opentelemetry-instrument does, which need not be on PATH."""

INSIDE = "otel_savetrace.doctor.inside"


class UnansweredError(Exception):
    """A part was not answered; the text says why."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a child said: its parts, how others broke, and its log. `ending` is empty where it ended well."""

    parts: Mapping[str, Any]
    broken: Mapping[str, str]
    log: str
    ending: str

    def part(self, name: str) -> Any:
        """Return a part; raises `UnansweredError` where it broke or was not reached."""
        if name in self.parts:
            return self.parts[name]
        raise UnansweredError(self.broken.get(name) or self.ending or f"nothing was said of {name}")


@dataclasses.dataclass(frozen=True)
class AppEnvironment:
    """Where the app is started: its Python, its variables, and the folder (`None`: this one)."""

    python: str
    variables: Mapping[str, str]
    folder: Path | None = None

    def ask(self, words: Sequence[str], seconds: float, *, instrumented: bool) -> Answer:
        """Run the parts that `words` name, behind opentelemetry-instrument or not; ended after `seconds`."""
        with tempfile.TemporaryDirectory(prefix="savetrace-doctor-") as folder:
            output, log = Path(folder, "answer.json"), Path(folder, "log")
            command = [self.python, "-m", INSIDE, str(output), *words]
            if instrumented:
                command = [self.python, "-c", INSTRUMENT, *command]
            ending = self._run(command, log, seconds)
            told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            document: dict[str, Any] = {}
            with contextlib.suppress(OSError, ValueError):
                document = json.loads(output.read_text(encoding="utf-8"))
        if not document and not ending:
            ending = _last_line(told) or "the child said nothing"
        return Answer(document.get("parts", {}), document.get("broken", {}), told, ending)

    def _run(self, command: Sequence[str], log: Path, seconds: float) -> str:
        """Return why it did not end well, nothing where it did."""
        with log.open("wb") as told:
            try:
                child = subprocess.Popen(  # noqa: S603 - the Python that the person named, no shell reads it
                    command,
                    env=dict(self.variables),
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    # Exporters to the console write here.
                    stdout=subprocess.DEVNULL,
                    stderr=told,
                    start_new_session=True,
                )
            except OSError as error:
                return f"{self.python} cannot be run: {error.strerror or error}"
            try:
                status = child.wait(seconds)
            except subprocess.TimeoutExpired:
                return f"no answer within {seconds:g} s"
            finally:
                # Whatever it started ends with it, and so does it when a person interrupts us.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if status == 0:
            return ""
        said = _last_line(log.read_text(encoding="utf-8", errors="replace"))
        return said or f"it ended with status {status}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
