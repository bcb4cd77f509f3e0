"""Sources as archives: large files of spans stay where they lie, all else is read at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from otel_savetrace.loading.archive import Archive
from otel_savetrace.logs.together import logs_of
from otel_savetrace.spans.files import GZIP_BEGINS, ZSTANDARD_BEGINS, files_of, lines_of
from otel_savetrace.spans.otlp_lines import BEGINS
from otel_savetrace.spans.reading import Account, Query, Reading, gathering_no_garbage
from otel_savetrace.spans.sources import STANDARD_INPUT, read, read_all

LARGE_BYTES = 32_000_000
"""Spans of so many bytes take a quarter of a gigabyte as Python objects; more stay in their files."""

PACKED_TO = 10
"""OTLP JSON is packed to about a tenth."""

LINES_LOOKED_AT = 3
"""A file whose first lines hold no span is not an archive of spans."""


def gather(sources: Sequence[str], query: Query, large_bytes: int = LARGE_BYTES) -> list[Archive]:
    """Return an archive for each source. Raises `SourceError` where one cannot be read."""
    if any(map(logs_of, sources)):
        # What a log tells is joined to the saves of all the others.
        with gathering_no_garbage():
            return [in_memory(reading) for reading in read_all(sources, query)]
    return [_archive(source, query, large_bytes) for source in sources]


def _archive(source: str, query: Query, large_bytes: int) -> Archive:
    if source != STANDARD_INPUT and "://" not in source:
        path = Path(source)
        files = files_of(path)
        if sum(map(_unpacked_bytes, files)) >= large_bytes and all(map(_holds_spans, files)):
            return Archive("folder" if path.is_dir() else "file", source, files)
    with gathering_no_garbage():
        return in_memory(read(source, query))


def in_memory(reading: Reading) -> Archive:
    """Return what has been read as an archive."""
    return Archive(
        reading.kind, reading.name, (), reading.spans, reading.skipped, jaeger_address=reading.jaeger_address
    )


def _unpacked_bytes(file: Path) -> int:
    # A pipe can be read once only, and has no size.
    if not file.is_file():
        return 0
    with file.open("rb") as plain:
        packed = plain.read(len(ZSTANDARD_BEGINS)).startswith((GZIP_BEGINS, ZSTANDARD_BEGINS))
    return file.stat().st_size * (PACKED_TO if packed else 1)


def _holds_spans(file: Path) -> bool:
    first = list(itertools.islice(lines_of(file, Account()), LINES_LOOKED_AT))
    return not first or any(line.startswith(BEGINS) for line in first)
