"""The demo's end: failed saves and their retries, one of them side by side, what to do next."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import Episode, episodes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.demo.backend import Backend
from otel_savetrace.demo.servers import SERVICE
from otel_savetrace.errors import RealPartError
from otel_savetrace.report import terminal
from otel_savetrace.report.wording import ASIDE
from otel_savetrace.spans import sources
from otel_savetrace.spans.reading import Query

_ARRIVAL_SECONDS = 30.0
_POLL_SECONDS = 0.2


def show(console: Console, spans: Path, backend: Backend | None) -> None:
    """Print what the spans in the file tell; of a backend, which has them too, its pages' addresses."""
    read = sources.read(str(spans)).spans
    found = episodes(saves(read))
    console.print(Text("What their spans tell:", style="bold"))
    console.print()
    console.print(terminal.episodes_table(found))
    telling = most_telling(found)
    if telling is None or telling.recovered_by is None:
        return
    failed, retry = telling.failed[-1], telling.recovered_by
    if backend:
        traces = (failed.trace_id, retry.trace_id)
        _wait_for_arrival(
            backend, frozenset(span.span_id for span in read if span.trace_id in traces), traces
        )
    console.print(Rule(style=ASIDE))
    console.print(terminal.comparison(compare(failed, retry), backend.page if backend else None))
    console.print(Rule(style=ASIDE))
    _what_next(console, spans, failed, retry)
    if backend:
        _pages(console, backend, failed, retry)


def most_telling(found: list[Episode]) -> Episode | None:
    """Return the episode with most to see: the same content failed and was saved, after most attempts."""
    recovered = [episode for episode in found if episode.recovered_by]
    return max(
        recovered,
        key=lambda episode: (episode.same_content is True, episode.failed[-1].attempts_made or 0),
        default=None,
    )


def _what_next(console: Console, spans: Path, failed: Save, retry: Save) -> None:
    source = str(spans)
    console.print(Text("What to do next", style="bold"))
    _command(console, "every failed save", "list", source, "--outcome", "failed")
    _command(console, "this failed save and its retry", "compare", source, failed.trace_id, retry.trace_id)


def _command(console: Console, what: str, *arguments: str) -> None:
    console.print(Text(f"  # {what}", style=ASIDE))
    # Never wrapped by us: a line that is copied must be whole.
    console.print(Text(f"  savetrace {shlex.join(arguments)}"), soft_wrap=True)


def _pages(console: Console, backend: Backend, failed: Save, retry: Save) -> None:
    pages = {
        "in Jaeger: the failed saves": backend.search_page(
            SERVICE, **{attributes.OUTCOME: attributes.FAILED}
        ),
        "in Jaeger: the comparison": backend.comparison_page(failed.trace_id, retry.trace_id),
    }
    for what, page in pages.items():
        console.print(Text(f"  # {what}", style=ASIDE))
        console.print(Text(f"  {page}"), soft_wrap=True)


def _wait_for_arrival(backend: Backend, expected: frozenset[str], trace_ids: tuple[str, ...]) -> None:
    """Wait until Jaeger has all spans of the traces: the Collector's queue is emptied in its own time."""
    deadline = time.monotonic() + _ARRIVAL_SECONDS
    query = Query(trace_ids=trace_ids)
    while not expected <= {span.span_id for span in sources.read(backend.page, query).spans}:
        if time.monotonic() > deadline:
            raise RealPartError(
                f"The saves did not reach Jaeger within {_ARRIVAL_SECONDS:g} s; the end of the Collector's"
                f" log:\n{backend.collector.log_tail()}"
            )
        time.sleep(_POLL_SECONDS)
