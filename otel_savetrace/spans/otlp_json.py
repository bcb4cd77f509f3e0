"""Reads OTLP JSON lines: a file, or a folder with all below it, packed ones among them.

Both the Collector's file exporter and OpenTelemetry Python's file exporter write one OTLP object a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.files import files_of, lines_of
from otel_savetrace.spans.otlp_lines import OTHER_SIGNALS, spans_of_line
from otel_savetrace.spans.reading import Account, Reading, each_once, gathering_no_garbage
from otel_savetrace.spans.rows import Span


def read_path(path: Path) -> Reading:
    """Read every span of a file, or of all files in a folder and below.

    What is no span is counted in the answer's `skipped`, with the place where it was first met. Raises
    `SourceError` where nothing can be read at all.
    """
    account = Account()
    with gathering_no_garbage():
        spans = each_once(span for file in files_of(path) for span in _spans_of_file(file, account))
    refuse_what_is_not_otlp(str(path), account, found=bool(spans))
    return Reading("folder" if path.is_dir() else "file", str(path), spans, account.skipped())


def read_lines(lines: Iterable[bytes], name: str) -> Reading:
    """Read every span from an open stream of lines; `name` is what a person knows it by."""
    account = Account()
    with gathering_no_garbage():
        spans = each_once(_spans_of_lines(lines, name, account))
    refuse_what_is_not_otlp(name, account, found=bool(spans))
    return Reading("file", name, spans, account.skipped())


def refuse_what_is_not_otlp(name: str, account: Account, *, found: bool) -> None:
    """Raise `SourceError` where no line could be read: the wrong file was given, most likely."""
    refused = [skipped for skipped in account.skipped() if skipped.why not in OTHER_SIGNALS.values()]
    if not found and refused:
        raise SourceError(
            f"{name} holds no spans in OTLP JSON: {refused[0].why} ({refused[0].where});"
            " give the file that otel-savetrace or a Collector's file exporter writes."
        )


def _spans_of_file(file: Path, account: Account) -> Iterator[Span]:
    yield from _spans_of_lines(lines_of(file, account), str(file), account)


def _spans_of_lines(lines: Iterable[bytes], name: str, account: Account) -> Iterator[Span]:
    for number, line in enumerate(lines, start=1):
        yield from spans_of_line(line, f"{name}, line {number}", account)
