"""Several sources at once: traces first, then logs by what those know, then all of them joined."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from otel_savetrace.analysis.known_routes import Routes
from otel_savetrace.analysis.saves import saves
from otel_savetrace.logs.joining import Id, join
from otel_savetrace.logs.reading import is_log_file, read_log_files
from otel_savetrace.spans.files import files_of
from otel_savetrace.spans.otlp_json import read_path
from otel_savetrace.spans.reading import Query, Reading, each_once
from otel_savetrace.spans.rows import Span

Read: TypeAlias = Callable[[str, Query], Reading]

_ROTATED = re.compile(r"(?:[.-]\d{1,10})?(?:\.(?:gz|zst))?$")


def logs_of(source: str) -> list[Path]:
    """Return the files of a source that are logs. Raises `SourceError` where there is no such path."""
    if source == "-" or "://" in source:
        return []
    return [file for file in files_of(Path(source)) if is_log_file(file)]


def read_together(sources: Sequence[str], query: Query, read: Read) -> list[Reading]:
    """Read several sources, those without logs with `read`, and join what they tell of the same saves.

    Raises `SourceError` where one cannot be read.
    """
    logs = [logs_of(source) for source in sources]
    traced = [
        _without(Path(source), files) if files else read(source, query)
        for source, files in zip(sources, logs, strict=True)
    ]
    if not any(logs):
        return traced
    spans = each_once(span for one in traced for span in one.spans)
    routes = Routes(saves(spans))
    # Each program's log is a witness of its own, with all that was rotated away.
    parts = [
        (number, read_log_files(list(family), sources[number], routes, query))
        for number, files in enumerate(logs)
        for _, family in itertools.groupby(files, key=_program)
    ]
    more, told = join(spans, [part for _, part in parts])
    # What another source tells of as well is a save of that one, too.
    alone = len(parts) == 1 and not spans
    for (number, _), part in zip(parts, told, strict=True):
        traced[number] = _joined(traced[number], part if alone else dataclasses.replace(part, counted={}))
    return [_told_more(one, more) for one in traced]


def _program(file: Path) -> tuple[Path, str]:
    return file.parent, _ROTATED.sub("", file.name)


def _without(path: Path, logs: Sequence[Path]) -> Reading:
    """Read what of a path is no log."""
    others = [read_path(file) for file in files_of(path) if file not in logs]
    return Reading(
        "folder" if path.is_dir() else "log",
        str(path),
        tuple(span for one in others for span in one.spans),
        tuple(skipped for one in others for skipped in one.skipped),
    )


def _told_more(traced: Reading, more: Mapping[Id, Span]) -> Reading:
    if not more or not traced.spans:
        return traced
    spans = tuple(more.get((span.trace_id, span.span_id), span) for span in traced.spans)
    return dataclasses.replace(traced, spans=spans)


def _joined(reading: Reading, log: Reading) -> Reading:
    return dataclasses.replace(
        reading,
        spans=(*reading.spans, *log.spans),
        skipped=(*reading.skipped, *log.skipped),
        counted=log.counted,
    )
