"""Reads OTLP JSON lines: a file, or a folder with all below it, `.gz` among them.

Both the Collector's file exporter and OpenTelemetry Python's file exporter write one OTLP object a line.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.otlp import NotOtlpError, spans_of
from otel_savetrace.spans.reading import Account, Reading, each_once
from otel_savetrace.spans.rows import Span

OTHER_SIGNALS = {
    "resourceLogs": "logs, not spans",
    "resourceMetrics": "metrics, not spans",
    "resourceProfiles": "profiles, not spans",
}
GZIP_BEGINS = b"\x1f\x8b"
ZSTANDARD_BEGINS = b"\x28\xb5\x2f\xfd"


def read_path(path: Path) -> Reading:
    """Read every span of a file, or of all files in a folder and below.

    What is no span is counted in the answer's `skipped`, with the place where it was first met. Raises
    `SourceError` where nothing can be read at all.
    """
    account = Account()
    try:
        files = _files(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
    spans = each_once(span for file in files for span in _spans_of_file(file, account))
    _refuse_what_is_not_otlp(str(path), spans, account)
    return Reading("folder" if path.is_dir() else "file", str(path), spans, account.skipped())


def read_lines(lines: BinaryIO, name: str) -> Reading:
    """Read every span from an open stream of lines; `name` is what a person knows it by."""
    account = Account()
    spans = each_once(_spans_of_lines(lines, name, account))
    _refuse_what_is_not_otlp(name, spans, account)
    return Reading("file", name, spans, account.skipped())


def _refuse_what_is_not_otlp(name: str, spans: tuple[Span, ...], account: Account) -> None:
    """Raise `SourceError` where no line could be read: the wrong file was given, most likely."""
    refused = [skipped for skipped in account.skipped() if skipped.why not in OTHER_SIGNALS.values()]
    if not spans and refused:
        raise SourceError(
            f"{name} holds no spans in OTLP JSON: {refused[0].why} ({refused[0].where});"
            " give the file that otel-savetrace or a Collector's file exporter writes."
        )


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise SourceError(
            f"There is no file or folder {path}: give the path of OTLP JSON lines, or a Jaeger address."
        )
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    if not files:
        raise SourceError(f"The folder {path} holds no file: give the folder that the spans are written to.")
    return files


def _spans_of_file(file: Path, account: Account) -> Iterator[Span]:
    try:
        with file.open("rb") as plain:
            # Not read: a pipe cannot be wound back.
            begins = plain.peek(len(ZSTANDARD_BEGINS))
            if begins.startswith(ZSTANDARD_BEGINS):
                account.add("a file compressed with zstd; decompress it first", str(file))
            elif begins.startswith(GZIP_BEGINS):
                with gzip.open(plain) as unpacked:
                    yield from _spans_of_lines(cast("BinaryIO", unpacked), str(file), account)
            else:
                yield from _spans_of_lines(plain, str(file), account)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        account.add("the rest of a file that is cut off or damaged", str(file))
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error


def _spans_of_lines(lines: BinaryIO, name: str, account: Account) -> Iterator[Span]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            for span in _spans_of_line(line, where, account):
                if isinstance(span, Span):
                    yield span
                else:
                    account.add(str(span), where)
        except NotOtlpError as error:
            account.add(str(error), where)


def _spans_of_line(line: bytes, where: str, account: Account) -> Iterator[Span | NotOtlpError]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        cut = not line.endswith(b"\n")
        raise NotOtlpError("a line only half written" if cut else "a line that is not JSON") from None
    if not isinstance(entry, dict):
        raise NotOtlpError("a line that is not OTLP")
    other = [why for field, why in OTHER_SIGNALS.items() if field in entry]
    for why in other:
        account.add(why, where)
    if "resourceSpans" in entry:
        yield from spans_of(entry)
    elif not other:
        raise NotOtlpError("a line that is not OTLP")
