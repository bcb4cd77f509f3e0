"""A source that can be read more than once, and ways to read it: spans in memory, or in files.

Most spans of a file are never parsed: a line is cut, and a piece is parsed where it is wanted.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence, Set
from pathlib import Path

import numpy as np
import orjson

from otel_savetrace.spans.cutting import Cutter, Piece
from otel_savetrace.spans.files import lines_of
from otel_savetrace.spans.otlp import NotOtlpError, span_of
from otel_savetrace.spans.otlp_lines import spans_of_line
from otel_savetrace.spans.reading import Account, Skipped
from otel_savetrace.spans.rows import Span

At = Callable[[int], None]
"""Told how many bytes of a source have been read."""

NAMED_KIND = b'"kind":"'
"""A writer that tells kinds by name; its lines are read with care."""


@dataclasses.dataclass
class Archive:
    """One source: what a person calls it, its files or the spans that are in memory already.

    `skipped` and `account` tell what was no span in it. `identities` has a number for each span read, the
    same for the same span; `uncut` has the lines that had to be parsed whole.
    """

    kind: str
    name: str
    files: Sequence[Path]
    spans: Sequence[Span] = ()
    skipped_before: tuple[Skipped, ...] = ()
    jaeger_address: str | None = None
    account: Account = dataclasses.field(default_factory=Account)
    uncut: set[str] = dataclasses.field(default_factory=set)
    identities: array[int] = dataclasses.field(default_factory=lambda: array("q"))

    @property
    def bytes(self) -> int:
        """Size of all its files, as they are packed."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of it was not read, by reason."""
        return (*self.skipped_before, *self.account.skipped())

    def spans_seen(self) -> int:
        """Return how many different spans it held."""
        numbers = np.frombuffer(self.identities, dtype=np.int64)
        return len(self.spans) + len(np.unique(numbers)) if len(numbers) else len(self.spans)


def lines_read(
    archive: Archive, account: Account, at: At | None = None
) -> Iterator[tuple[str, Sequence[Piece] | Sequence[Span]]]:
    """Yield where a line stands and its spans: cut and not parsed, or where it cannot be cut, parsed."""
    if archive.spans:
        yield archive.name, archive.spans
    cutter = Cutter()
    for where, line in _lines(archive, account, at):
        pieces = None if NAMED_KIND in line else cutter.pieces(line)
        if pieces is None:
            archive.uncut.add(where)
            yield where, list(spans_of_line(line, where, account))
        else:
            yield where, pieces


def spans_of_traces(archive: Archive, wanted: Set[int], at: At | None = None) -> Iterator[Span]:
    """Yield the spans of the traces wanted, by their numbers, of an archive that `lines_read` has read."""
    # What cannot be read has been counted when the archive was read first.
    unheard = Account()
    cutter = Cutter()
    beginnings = frozenset(b"%016x" % number for number in wanted)
    yield from _of_traces(archive.spans, wanted)
    for where, line in _lines(archive, unheard, at):
        if where in archive.uncut:
            yield from _of_traces(spans_of_line(line, where, unheard), wanted)
        else:
            for piece in cutter.pieces_of(line, beginnings):
                span = parsed(piece, unheard, where)
                if span is not None:
                    yield span


def _of_traces(spans: Iterable[Span], wanted: Container[int]) -> Iterator[Span]:
    return (span for span in spans if trace_number(span.trace_id) in wanted)


def _lines(archive: Archive, account: Account, at: At | None) -> Iterator[tuple[str, bytes]]:
    passed = 0
    for file in archive.files:
        told = None if at is None else _after(at, passed)
        for number, line in enumerate(lines_of(file, account, told), start=1):
            yield f"{file}, line {number}", line
        passed += file.stat().st_size


def parsed(piece: Piece, account: Account, where: str) -> Span | None:
    """Return a piece as a row; None, and counted, where it cannot be read."""
    try:
        return span_of(orjson.loads(piece.text), piece.place)
    except orjson.JSONDecodeError:
        account.add("a span that is not JSON", where)
    except NotOtlpError as error:
        account.add(str(error), where)
    return None


def trace_number(trace_id: str | bytes) -> int:
    """Return the first half of a trace id, which tells traces apart in a quarter of the room."""
    return int(trace_id[:16], 16)


def _after(at: At, passed: int) -> At:
    return lambda position: at(passed + position)
