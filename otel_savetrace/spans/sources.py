"""Picks the reader by what a source is: a Jaeger address, a path, or `-` for standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.jaeger import read_jaeger
from otel_savetrace.spans.otlp_json import read_lines, read_path
from otel_savetrace.spans.reading import Query, Reading

STANDARD_INPUT = "-"
ASK_FOR_ALL = Query()


def read(source: str, query: Query = ASK_FOR_ALL) -> Reading:
    """Read the spans of `source`; more than the query asks for may come back.

    `source` is a Jaeger address (`http://…`), the path of a file or folder of OTLP JSON lines, or `-`.
    Raises `SourceError` where it cannot be read.
    """
    if source == STANDARD_INPUT:
        return read_lines(sys.stdin.buffer, "standard input")
    scheme, separator, _ = source.partition("://")
    if not separator:
        return read_path(Path(source))
    if scheme.lower() in {"http", "https"}:
        return read_jaeger(source, query)
    raise SourceError(f"{source} cannot be read: give a path, or a Jaeger address with http:// or https://.")
