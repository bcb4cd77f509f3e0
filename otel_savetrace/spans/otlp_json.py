"""Reads OTLP JSON lines: a file, or a folder with all below it, packed ones among them.

Both the Collector's file exporter and OpenTelemetry Python's file exporter write one OTLP object a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.files import files_of, lines_of
from otel_savetrace.spans.otlp_lines import OTHER_SIGNALS, spans_of_line
from otel_savetrace.spans.otlp_outline import Group, Outliner, read_outline
from otel_savetrace.spans.reading import Account, Reading, each_once, gathering_no_garbage
from otel_savetrace.spans.rows import Span


def read_path(path: Path, traces: tuple[str, ...] = ()) -> Reading:
    """Read every span of a file, or of all files in a folder and below; of the `traces` only where named.

    Those are trace ids, or beginnings of some. What is no span is counted in the answer's `skipped`, with the
    place where it was first met. Raises `SourceError` where nothing can be read at all.
    """
    reader = _Reader(traces)
    with gathering_no_garbage():
        spans = each_once(span for file in files_of(path) for span in reader.of_file(file))
    reader.refuse_what_is_not_otlp(str(path))
    return Reading("folder" if path.is_dir() else "file", str(path), spans, reader.account.skipped())


def read_lines(lines: Iterable[bytes], name: str, traces: tuple[str, ...] = ()) -> Reading:
    """Read spans, as `read_path` does, from an open stream of lines that a person knows by `name`."""
    reader = _Reader(traces)
    with gathering_no_garbage():
        spans = each_once(reader.of_lines(lines, name))
    reader.refuse_what_is_not_otlp(name)
    return Reading("file", name, spans, reader.account.skipped())


class _Reader:
    """Reads lines, and remembers whether there was a span in any, wanted or not."""

    def __init__(self, traces: tuple[str, ...]) -> None:
        self.account = Account()
        self._traces = traces
        self._found = False

    def of_file(self, file: Path) -> Iterator[Span]:
        return self.of_lines(lines_of(file, self.account), str(file))

    def of_lines(self, lines: Iterable[bytes], name: str) -> Iterator[Span]:
        outliner = Outliner()
        for number, line in enumerate(lines, start=1):
            where = f"{name}, line {number}"
            groups = outliner.outline(line) if self._traces else None
            if groups is None:
                for span in spans_of_line(line, where, self.account):
                    self._found = True
                    if not self._traces or span.trace_id.startswith(self._traces):
                        yield span
            else:
                self._found = self._found or bool(groups)
                yield from self._wanted(groups, where)

    def refuse_what_is_not_otlp(self, name: str) -> None:
        refuse_what_is_not_otlp(name, self.account, found=self._found)

    def _wanted(self, groups: Iterable[Group], where: str) -> Iterator[Span]:
        for place, outlines in groups:
            for outline in outlines:
                if outline.trace_id.startswith(self._traces):
                    span = read_outline(outline, place, self.account, where)
                    if span is not None:
                        yield span


def refuse_what_is_not_otlp(name: str, account: Account, *, found: bool) -> None:
    """Raise `SourceError` where no line could be read: the wrong file was given, most likely."""
    refused = [skipped for skipped in account.skipped() if skipped.why not in OTHER_SIGNALS.values()]
    if not found and refused:
        raise SourceError(
            f"{name} holds no spans in OTLP JSON: {refused[0].why} ({refused[0].where});"
            " give the file that otel-savetrace or a Collector's file exporter writes."
        )
