"""A source that can be read more than once, and ways to read it: spans in memory, or in files.

Most spans of a file are never read: of a line there is an outline, from which those wanted are read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from otel_savetrace.spans.files import lines_of
from otel_savetrace.spans.otlp_lines import spans_of_line
from otel_savetrace.spans.otlp_outline import Group, Outliner, read_outline
from otel_savetrace.spans.reading import Account, Ending, Skipped
from otel_savetrace.spans.rows import Span

At = Callable[[int], None]
"""Told how many bytes of a source have been read."""


@dataclasses.dataclass
class Archive:
    """One source: what a person calls it, its files or the spans that are in memory already.

    `skipped` and `account` tell what was no span in it; `careful` are the lines that were read with care;
    `counted` is how many saves there are beside its spans'.
    Files that are kept are a copy of what can be read only once.
    """

    kind: str
    name: str
    files: Sequence[Path]
    spans: Sequence[Span] = ()
    skipped_before: tuple[Skipped, ...] = ()
    jaeger_address: str | None = None
    is_kept: bool = False
    counted: Mapping[Ending, int] = dataclasses.field(default_factory=dict)
    account: Account = dataclasses.field(default_factory=Account)
    careful: set[str] = dataclasses.field(default_factory=set)

    @property
    def bytes(self) -> int:
        """Size of all its files, as they are packed."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of it was not read, by reason."""
        return (*self.skipped_before, *self.account.skipped())


class Line(NamedTuple):
    """A line: where it stands, and its spans, outlined or, where that cannot be, read."""

    where: str
    groups: Sequence[Group]
    spans: Sequence[Span] = ()


def lines_read(archive: Archive, account: Account, at: At | None = None) -> Iterator[Line]:
    """Yield the lines of an archive; the spans that are in memory come as one."""
    if archive.spans:
        yield Line(archive.name, (), archive.spans)
    outliner = Outliner()
    for where, line in _lines(archive, account, at):
        groups = outliner.outline(line)
        if groups is None:
            archive.careful.add(where)
            yield Line(where, (), list(spans_of_line(line, where, account)))
        else:
            yield Line(where, groups)


def spans_of_traces(archive: Archive, wanted: Set[int], at: At | None = None) -> Iterator[Span]:
    """Yield the spans of the traces wanted, by their numbers, of an archive that `lines_read` has read."""
    # What cannot be read has been counted when the archive was read first.
    unheard = Account()
    outliner = Outliner()
    beginnings = frozenset(f"{number:016x}" for number in wanted)
    yield from _of_traces(archive.spans, wanted)
    for where, line in _lines(archive, unheard, at):
        if where in archive.careful:
            yield from _of_traces(spans_of_line(line, where, unheard), wanted)
            continue
        for place, outlines in outliner.outline_again(line) or ():
            for outline in outlines:
                if outline.trace_id[:16] in beginnings:
                    span = read_outline(outline, place, unheard, where)
                    if span is not None:
                        yield span


def _of_traces(spans: Iterable[Span], wanted: Container[int]) -> Iterator[Span]:
    return (span for span in spans if trace_number(span.trace_id) in wanted)


def _lines(archive: Archive, account: Account, at: At | None) -> Iterator[tuple[str, bytes]]:
    passed = 0
    for file in archive.files:
        told = None if at is None else _after(at, passed)
        for number, line in enumerate(lines_of(file, account, told), start=1):
            yield f"{archive.name if archive.is_kept else file}, line {number}", line
        passed += file.stat().st_size


def trace_number(trace_id: str) -> int:
    """Return the first half of a trace id, which tells traces apart in a quarter of the room."""
    return int(trace_id[:16], 16)


def _after(at: At, passed: int) -> At:
    return lambda position: at(passed + position)
