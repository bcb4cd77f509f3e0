"""Sources as archives: large files of spans stay where they lie, all else is read at once.

What a Jaeger or standard input gives is written to a file as soon as it is large, and is then read as any
other.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import zstandard

from otel_savetrace.loading.archive import Archive
from otel_savetrace.loading.progress import Progress
from otel_savetrace.logs.reading import is_log, read_log_lines
from otel_savetrace.logs.together import logs_of
from otel_savetrace.spans.files import GZIP_BEGINS, ZSTANDARD_BEGINS, files_of, lines_of
from otel_savetrace.spans.jaeger import base_address, lines_of_jaeger
from otel_savetrace.spans.jaeger_http import without_password
from otel_savetrace.spans.otlp_json import read_lines
from otel_savetrace.spans.otlp_lines import BEGINS, spans_of_line
from otel_savetrace.spans.reading import Account, Query, Reading, each_once, gathering_no_garbage
from otel_savetrace.spans.sources import LINES_LOOKED_AT as LINES_OF_A_LOG
from otel_savetrace.spans.sources import STANDARD_INPUT, STANDARD_INPUT_NAME, is_jaeger, read, read_all

LARGE_BYTES = 32_000_000
"""Spans of so many bytes take a quarter of a gigabyte as Python objects; more stay in their files."""

PACKED_TO = 10
"""OTLP JSON is packed to about a tenth."""

LINES_LOOKED_AT = 3
"""A file whose first lines hold no span is not an archive of spans."""


def gather(
    sources: Sequence[str], query: Query, folder: Path, progress: Progress, large_bytes: int = LARGE_BYTES
) -> list[Archive]:
    """Return an archive for each source; what cannot be read twice where it lies is kept in `folder`.

    Raises `SourceError` where one cannot be read.
    """
    if any(map(logs_of, sources)):
        # What a log tells is joined to the saves of all the others.
        with gathering_no_garbage():
            return [in_memory(reading) for reading in read_all(sources, query, progress.share)]
    return [
        _archive(source, query, folder / f"kept-{number}.jsonl.zst", progress, large_bytes)
        for number, source in enumerate(sources)
    ]


def _archive(source: str, query: Query, kept: Path, progress: Progress, large_bytes: int) -> Archive:
    if is_jaeger(source):
        with gathering_no_garbage():
            return _archive_of_jaeger(source, query, kept, progress, large_bytes)
    if source == STANDARD_INPUT:
        with gathering_no_garbage():
            return _archive_of_standard_input(query, kept, large_bytes)
    if "://" not in source:
        path = Path(source)
        files = files_of(path)
        if sum(map(_unpacked_bytes, files)) >= large_bytes and all(map(_holds_spans, files)):
            return Archive("folder" if path.is_dir() else "file", source, files)
    with gathering_no_garbage():
        return in_memory(read(source, query))


def _archive_of_jaeger(
    source: str, query: Query, kept: Path, progress: Progress, large_bytes: int
) -> Archive:
    account, name = Account(), without_password(source)
    address = base_address(name)
    lines = lines_of_jaeger(source, query, account, progress.share(f"reading {name}"))
    first: list[bytes] = []
    held = 0
    for line in lines:
        first.append(line)
        held += len(line)
        if held >= large_bytes:
            _keep(itertools.chain(first, lines), kept)
            return Archive("jaeger", name, [kept], (), account.skipped(), address, is_kept=True)
    spans = each_once(span for line in first for span in spans_of_line(line, address, account))
    return Archive("jaeger", name, (), spans, account.skipped(), address)


def _archive_of_standard_input(query: Query, kept: Path, large_bytes: int) -> Archive:
    first: list[bytes] = []
    held = 0
    for line in sys.stdin.buffer:
        first.append(line)
        held += len(line)
        if held >= large_bytes:
            break
    lines = itertools.chain(first, sys.stdin.buffer)
    if is_log(first[:LINES_OF_A_LOG]):
        return in_memory(read_log_lines(lines, STANDARD_INPUT_NAME, query=query))
    if held < large_bytes:
        return in_memory(read_lines(lines, STANDARD_INPUT_NAME))
    _keep(lines, kept)
    return Archive("file", STANDARD_INPUT_NAME, [kept], is_kept=True)


def _keep(lines: Iterator[bytes], path: Path) -> None:
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as packed:
        for line in lines:
            packed.write(line)


def in_memory(reading: Reading) -> Archive:
    """Return what has been read as an archive."""
    return Archive(
        reading.kind, reading.name, (), reading.spans, reading.skipped,
        jaeger_address=reading.jaeger_address, counted=reading.counted,
    )  # fmt: skip


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
