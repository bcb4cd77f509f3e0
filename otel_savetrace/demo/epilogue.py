"""The demo's end: failed saves and their retries, one of them side by side, what to do next."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import WINDOW_SECONDS, Episode, assemble
from otel_savetrace.analysis.pairing import pair
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.commands.report import report
from otel_savetrace.demo import keeping
from otel_savetrace.demo.backend import Backend
from otel_savetrace.demo.servers import SERVICE, STORYMAP_ID
from otel_savetrace.errors import RealPartError
from otel_savetrace.report import terminal
from otel_savetrace.report.episodes import EpisodesView
from otel_savetrace.report.wording import ASIDE, short_ids
from otel_savetrace.spans import sources
from otel_savetrace.spans.reading import Query

_HOW_RETRIES_ARE_KNOWN = (
    "With each failure the app's answer left a short cookie, which the user's next save brought back:"
    " so every retry names the save that failed, through whichever worker it came."
)

_ARRIVAL_SECONDS = 30.0
_POLL_SECONDS = 0.2


def show(console: Console, spans: Path, backend: Backend | None, *, stays: bool = False) -> None:
    """Print what the spans in the file tell; of a backend, which has them too, its pages' addresses.

    `stays` says that the backend will be there when the user has read this.
    """
    read = sources.read(str(spans)).spans
    made = saves(read)
    pairing = pair(made, WINDOW_SECONDS)
    found = assemble(made, pairing, WINDOW_SECONDS)
    _heading(console, "What the spans tell")
    console.print(Text(_HOW_RETRIES_ARE_KNOWN, style=ASIDE))
    console.print()
    console.print(EpisodesView(found, len(found), pairing))
    telling = most_telling(found)
    if telling is None or telling.recovered_by is None:
        return
    failed, retry = telling.failed[-1], telling.recovered_by
    if backend:
        traces = (failed.trace_id, retry.trace_id)
        _wait_for_arrival(
            backend, frozenset(span.span_id for span in read if span.trace_id in traces), traces
        )
    _heading(console, "One failed save and its retry")
    console.print(terminal.comparison(compare(failed, retry)))
    _heading(console, "What to do next")
    _commands(console, backend.page if backend and stays else str(spans), failed, retry)
    if backend:
        _pages(console, backend, failed, retry, stays=stays)


def report_on(console: Console, spans: Path) -> None:
    """Print what ``savetrace report`` says of the spans in the file, and the commands that show more."""
    _heading(console, "What the report says")
    console.file.flush()
    sources = keeping.sources(spans)
    report.main(sources, standalone_mode=False)
    _heading(console, "What to do next")
    savetrace = _as_called()
    _line(
        console, "this report, as a page of its own", savetrace, "report", *sources, "--html", "report.html"
    )
    _line(console, "each failure with its retries", savetrace, "episodes", *sources)
    _line(console, "what each fault is", savetrace, "demo", "--list-faults")


def most_telling(found: list[Episode]) -> Episode | None:
    """Return the episode with most to see: the same content failed and was saved, after most attempts."""
    recovered = [episode for episode in found if episode.recovered_by]
    return max(
        recovered,
        key=lambda episode: (episode.same_content is True, episode.failed[-1].attempts_made or 0),
        default=None,
    )


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Rule(Text(text, style="bold"), align="left", style=ASIDE))
    console.print()


def _commands(console: Console, source: str, failed: Save, retry: Save) -> None:
    ids = short_ids([failed.trace_id, retry.trace_id])
    pair = (ids[failed.trace_id], ids[retry.trace_id])
    savetrace = _as_called()
    _line(console, "what separates failed saves from those that worked", savetrace, "report", source)
    _line(console, "every failed save", savetrace, "list", source, "--outcome", "failed")
    _line(console, "each failure with its retries", savetrace, "episodes", source)
    _line(console, "two saves side by side", savetrace, "compare", source, *pair)
    storymap = failed.thing.get(STORYMAP_ID)
    if storymap:
        what = "the latest failed save of a storymap, and its retry"
        _line(console, what, savetrace, "compare", source, "--storymap", storymap)


def _as_called() -> str:
    """Return how this person reaches the command: its venv need not be active."""
    called = Path(sys.argv[0])
    return "savetrace" if shutil.which("savetrace") or called.name != "savetrace" else str(called)


def _pages(console: Console, backend: Backend, failed: Save, retry: Save, *, stays: bool) -> None:
    search = backend.search_page(SERVICE, **{attributes.OUTCOME: attributes.FAILED})
    comparison = backend.comparison_page(failed.trace_id, retry.trace_id)
    retried = backend.trace_page(retry.trace_id, retry.span.span_id)
    until = "" if stays else ", which ends with this command (--wait keeps it)"
    _line(console, f"in Jaeger{until}: the failed saves", search)
    _line(console, "in Jaeger: failed save and retry compared", comparison)
    _line(console, "in Jaeger: the retry, with links from its attributes to the save that failed", retried)


def _line(console: Console, what: str, *words: str) -> None:
    console.print(Text(f"  # {what}", style=ASIDE))
    # Never wrapped by us: a line that is copied must be whole. Addresses need no quotes that hide them.
    text = words[0] if len(words) == 1 else shlex.join(words)
    console.print(Text(f"  {text}"), soft_wrap=True)


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
