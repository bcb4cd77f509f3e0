"""Reads the saves of a Jaeger: into memory, or page by page as lines of OTLP JSON, to be kept elsewhere.

How Jaeger is asked is told in `jaeger_api`, what it is asked for in `jaeger_search`.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator

import orjson

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.jaeger_api import Jaeger, Page
from otel_savetrace.spans.jaeger_http import TIMEOUT_SECONDS, without_password
from otel_savetrace.spans.jaeger_search import pages_of_saves
from otel_savetrace.spans.otlp import spans_of
from otel_savetrace.spans.otlp_lines import counted
from otel_savetrace.spans.reading import Account, Heard, Query, Reading, each_once

DEFAULT_LOOKBACK_NANOSECONDS = 24 * 3600 * 10**9
"""How far back is read where the query does not say; Jaeger cannot be asked without times."""

WHOLE_TRACE_ID = 32

PAGES = ("search", "trace", "api", "monitor", "compare")
"""Beginnings of Jaeger's own pages: an address copied from the browser is cut there."""


def read_jaeger(
    address: str, query: Query, heard: Heard | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Reading:
    """Read every span of the traces that fit the query, however many there are.

    `heard` is told how far it is. Raises `SourceError` where nothing answers at `address`, in time, or what
    answers is no Jaeger.
    """
    account = Account()
    pages = _pages(address, query, account, heard, timeout_seconds)
    base = without_password(base_address(address))
    found = each_once(
        span for page in pages for span in counted(spans_of({"resourceSpans": page.resources}), base, account)
    )
    return Reading("jaeger", without_password(address), found, account.skipped(), base)


def lines_of_jaeger(
    address: str, query: Query, account: Account, heard: Heard | None = None
) -> Iterator[bytes]:
    """Yield the same as lines of OTLP JSON, as a Collector's file exporter writes them.

    Raises `SourceError` as `read_jaeger` does.
    """
    for page in _pages(address, query, account, heard, TIMEOUT_SECONDS):
        yield orjson.dumps({"resourceSpans": page.resources}, option=orjson.OPT_APPEND_NEWLINE)


def base_address(address: str) -> str:
    """Return the address that Jaeger stands under, also from one of its pages: `http://host/base/search?…`."""
    parts = urllib.parse.urlsplit(address)
    segments = []
    for segment in parts.path.strip("/").split("/"):
        if segment in PAGES:
            break
        segments.append(segment)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, "/".join(segments), "", "")).rstrip("/")


def _pages(
    address: str, query: Query, account: Account, heard: Heard | None, timeout_seconds: float
) -> Iterator[Page]:
    jaeger = Jaeger(base_address(address), timeout_seconds)
    if query.trace_ids and all(len(trace_id) == WHOLE_TRACE_ID for trace_id in query.trace_ids):
        yield from (jaeger.trace(trace_id) for trace_id in query.trace_ids)
        return
    end = query.end_nanoseconds or time.time_ns()
    start = end - DEFAULT_LOOKBACK_NANOSECONDS if query.start_nanoseconds is None else query.start_nanoseconds
    if start >= end:
        raise SourceError("The time asked for ends before it begins: let --since lie before now and --until.")
    yield from pages_of_saves(jaeger, query, start, end, account, heard)
