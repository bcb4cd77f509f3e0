"""Picks the reader by what a source is: a Jaeger address, a path, or `-` for standard input.

A path is one of OTLP JSON lines or of a log; a folder may hold both.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from otel_savetrace.errors import SourceError
from otel_savetrace.logs.reading import is_log, read_log_lines
from otel_savetrace.logs.together import read_together
from otel_savetrace.spans.jaeger import read_jaeger
from otel_savetrace.spans.jaeger_http import without_password
from otel_savetrace.spans.otlp_json import read_lines, read_path
from otel_savetrace.spans.reading import Heard, Query, Reading

STANDARD_INPUT = "-"
STANDARD_INPUT_NAME = "standard input"
ASK_FOR_ALL = Query()

LINES_LOOKED_AT = 1_000
"""Lines of standard input by which it is told what it is."""


Begin = Callable[[str], Heard | None]
"""Told that a source is begun; gives what is to be told how far its reading is, None where nobody looks."""


def read(source: str, query: Query = ASK_FOR_ALL, begin: Begin | None = None) -> Reading:
    """Read the spans of `source`; more than the query asks for may come back.

    `source` is a Jaeger address (`http://…`), the path of a file or folder of OTLP JSON lines or logs, or
    `-`. Raises `SourceError` where it cannot be read.
    """
    return read_all([source], query, begin)[0]


def read_all(sources: Sequence[str], query: Query = ASK_FOR_ALL, begin: Begin | None = None) -> list[Reading]:
    """Read several sources; what their logs tell of the others' saves stands on those.

    Raises `SourceError` where one cannot be read.
    """

    def without_logs(source: str, query: Query) -> Reading:
        return _read_without_logs(source, query, begin)

    return read_together(sources, query, without_logs)


def is_jaeger(source: str) -> bool:
    """Return whether a source is an address, and not a path."""
    return source.lower().startswith(("http://", "https://"))


def _read_without_logs(source: str, query: Query, begin: Begin | None) -> Reading:
    if source == STANDARD_INPUT:
        return _read_standard_input(query)
    if is_jaeger(source):
        return read_jaeger(source, query, begin and begin(f"reading {without_password(source)}"))
    if "://" not in source:
        return read_path(Path(source), query.trace_ids)
    raise SourceError(f"{source} cannot be read: give a path, or a Jaeger address with http:// or https://.")


def _read_standard_input(query: Query) -> Reading:
    given, name = sys.stdin.buffer, STANDARD_INPUT_NAME
    first = list(itertools.islice(given, LINES_LOOKED_AT))
    lines = itertools.chain(first, given)
    if is_log(first):
        return read_log_lines(lines, name, query=query)
    return read_lines(lines, name, query.trace_ids)
