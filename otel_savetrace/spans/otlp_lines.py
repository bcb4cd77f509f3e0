"""A line of OTLP JSON, read with care: what is half written, glued together or of another signal is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from otel_savetrace.spans.otlp import NotOtlpError, spans_of
from otel_savetrace.spans.reading import Account
from otel_savetrace.spans.rows import Span

OTHER_SIGNALS = {
    "resourceLogs": "logs, not spans",
    "resourceMetrics": "metrics, not spans",
    "resourceProfiles": "profiles, not spans",
}
BEGINS = b'{"resourceSpans":'
HALF_WRITTEN = "a line only half written"
GLUED = "a record only half written, with the next one in the same line"
NOT_JSON = "a line that is not JSON"
NOT_OTLP = "a line that is not OTLP"


def spans_of_line(line: bytes, where: str, account: Account) -> Iterator[Span]:
    """Yield the spans of a line; what cannot be read is counted, with its place."""
    if line.strip():
        yield from counted(_spans_of(line, where, account), where, account)


def counted(found: Iterator[Span | NotOtlpError], where: str, account: Account) -> Iterator[Span]:
    """Yield the spans of what was found; what is none is counted, and what ends the finding."""
    try:
        for span in found:
            if isinstance(span, Span):
                yield span
            else:
                account.add(str(span), where)
    except NotOtlpError as error:
        account.add(str(error), where)


def _entry(line: bytes, where: str, account: Account) -> Any:
    entry = _parsed(line)
    if entry is not None:
        return entry
    # A writer that is killed leaves half a record, and the next one goes on in the same line.
    begins = line.find(BEGINS, 1)
    while begins > 0:
        entry = _parsed(line[begins:])
        if entry is not None:
            account.add(GLUED, where)
            return entry
        begins = line.find(BEGINS, begins + 1)
    raise NotOtlpError(NOT_JSON if line.endswith(b"\n") else HALF_WRITTEN)


def _parsed(line: bytes) -> Any:
    """Return what a line holds; None where it is no JSON."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        # More lenient: endless numbers, half of a surrogate pair.
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _spans_of(line: bytes, where: str, account: Account) -> Iterator[Span | NotOtlpError]:
    entry = _entry(line, where, account)
    if not isinstance(entry, dict):
        raise NotOtlpError(NOT_OTLP)
    other = [why for field, why in OTHER_SIGNALS.items() if field in entry]
    for why in other:
        account.add(why, where)
    if "resourceSpans" in entry:
        yield from spans_of(entry)
    elif not other:
        raise NotOtlpError(NOT_OTLP)
