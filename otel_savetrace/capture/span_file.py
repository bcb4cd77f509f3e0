"""Spans appended to a file as OTLP JSON lines, by several processes at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class AppendedLines:
    """The part of a text stream that OpenTelemetry's file exporter writes through.

    Each `write` opens the file, appends under a lock and closes it: lines of several workers never mix, a
    forked worker inherits nothing, and a file that was rotated away is begun anew. Owner alone may read it.
    """

    closed = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> int:
        """Append `text` whole; raises OSError where the file cannot be written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            rest = memoryview(text.encode("utf-8", "replace"))
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
        return len(text)

    def flush(self) -> None:
        """Do nothing: what was written has been handed to the system."""


class SpanFileExporter(SpanExporter):
    """OpenTelemetry's JSON file exporter for one path, safe across forks.

    Each process has an official exporter of its own: the lock in it may be held by another thread at the
    moment of a fork, and would stay held in the child for ever.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: int | None = None
        self._exporter: FileSpanExporter | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the spans as one line."""
        return self._own_exporter().export(spans)

    def shutdown(self) -> None:
        """Take no more spans."""
        self._own_exporter().shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing is held back."""
        return True

    def _own_exporter(self) -> FileSpanExporter:
        if self._exporter is None or self._process != os.getpid():
            self._process = os.getpid()
            self._exporter = FileSpanExporter(stream=cast(IO[str], AppendedLines(self._path)))
        return self._exporter
