"""Episodes for a terminal: each failure, the saves that followed it, and how it ended."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from otel_savetrace.analysis.content import same_content, seconds_between
from otel_savetrace.analysis.episodes import CERTAINTY, Episode
from otel_savetrace.analysis.pairing import Pair, Pairing
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.jaeger_page import comparison_address
from otel_savetrace.report.timeline import LETTERS, LINES, Marks
from otel_savetrace.report.wording import (
    ASIDE,
    FAILED,
    OUTCOME_STYLES,
    SUCCEEDED,
    UNKNOWN,
    outcome,
    printable,
    short_ids,
    stored,
    thing,
)

STATE_STYLES = {"recovered": SUCCEEDED, "abandoned": FAILED, "open": UNKNOWN}

ENDS = {
    "abandoned": "no save of it worked within the window",
    "open": "the data ends too soon to say",
}

CONTENT = {True: "same content", False: "other content", None: "content not known"}

WIDE = 140
"""From here on what the user saw stands beside what happened; below it, beneath."""

WIDEST = 160


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodesView:
    """Prints episodes, oldest first, with the sums on top.

    `source` is what `savetrace compare` has to be given, `None` where that is not to be told;
    `jaeger_address` is where Jaeger's own pages stand. Print it with ``crop=False``: the address of a page is
    never cut, however narrow the terminal.
    """

    episodes: Sequence[Episode]
    shown: int
    pairing: Pairing
    source: str | None = None
    jaeger_address: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        shown = self.episodes[-self.shown :]
        view = _View(width, LETTERS if options.ascii_only else LINES, shown)
        yield _title(self.episodes)
        if len(shown) < len(self.episodes):
            yield Text(f"The latest {len(shown):,} are shown; --limit shows more.", ASIDE)
        for episode in shown:
            yield Text()
            yield from view.episode(episode)
            if self.jaeger_address and episode.recovered_by:
                ends = (episode.failed[0].trace_id, episode.recovered_by.trace_id)
                yield _page(comparison_address(self.jaeger_address, *ends))
        yield from _how_known(self.episodes, self.pairing)
        yield from self._next(shown)

    def _next(self, shown: Sequence[Episode]) -> Iterator[RenderableType]:
        recovered = [episode for episode in shown if episode.recovered_by]
        if recovered and self.source:
            yield Text("\nWhat differed in the latest that recovered:", "bold")
            trace = recovered[-1].failed[0].trace_id[:12]
            yield Text(
                f"savetrace compare {shlex.quote(self.source)} --episode {trace}",
                no_wrap=True, overflow="ignore",
            )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodeView:
    """Prints one episode: its heading and its saves."""

    of: Episode

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = LETTERS if options.ascii_only else LINES
        yield from _View(min(options.max_width, WIDEST), marks, [self.of]).episode(self.of)
        yield Text()


class _View:
    """What all episodes of one print have in common: width, marks, and how long a trace id is."""

    def __init__(self, width: int, marks: Marks, episodes: Sequence[Episode]) -> None:
        self._width, self._marks = width, marks
        self._saves = [save for episode in episodes for save in episode.members]
        self._ids = short_ids(save.trace_id for save in self._saves)
        self._one_day = len({save.time.date() for save in self._saves}) == 1

    def episode(self, episode: Episode) -> Iterator[RenderableType]:
        """Yield one episode: its heading, then each save with what stands between it and the one before."""
        yield self._heading(episode)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.width = self._width
        table.add_column(no_wrap=True)
        table.add_column(ratio=3, overflow="fold")
        table.add_column(ratio=3, overflow="fold")
        if self._width >= WIDE:
            table.add_column(ratio=4, overflow="ellipsis", no_wrap=True)
        table.add_column(no_wrap=True, style=ASIDE, justify="right")
        by_retry = {one.retry: one for one in episode.pairs}
        by_key = {(save.trace_id, save.span.span_id): save for save in episode.members}
        for save in episode.members:
            pair = by_retry.get((save.trace_id, save.span.span_id))
            self._row(table, save, _since(save, pair, by_key, first=save is episode.failed[0]))
        yield table

    def _heading(self, episode: Episode) -> RenderableType:
        said = Text(episode.state, f"bold {STATE_STYLES[episode.state]}")
        if episode.seconds is not None:
            said.append(f" after {duration(max(0.0, episode.seconds))}", "not bold")
        else:
            said.append(f": {ENDS[episode.state]}", f"not bold {ASIDE}")
        last = episode.recovered_by or episode.failed[-1]
        what = Text(
            f"{thing(last) or thing(episode.failed[0]) or 'not recorded'}", "bold", overflow="ellipsis"
        )
        what.append(f"  {printable(last.route)}", f"not bold {ASIDE}")
        line = Table.grid(padding=(0, 2, 0, 0))
        line.width = self._width
        line.add_column(no_wrap=True)
        line.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        line.add_row(said, what)
        return line

    def _row(self, table: Table, save: Save, since: Text) -> None:
        saw = Text(f"“{printable(save.user_error)}”" if save.user_error else "", ASIDE)
        happened = self._happened(save)
        if self._width >= WIDE:
            cells: list[RenderableType] = [happened, since, saw]
        else:
            cells = [happened.append("\n").append_text(saw) if saw else happened, since]
        table.add_row(f"  {self._time(save)}", *cells, self._ids[save.trace_id])

    def _happened(self, save: Save) -> Text:
        mark = {"failed": self._marks.failed, "succeeded": self._marks.succeeded}.get(save.outcome, "?")
        said = Text(f"{mark} ", OUTCOME_STYLES[save.outcome])
        said.append_text(outcome(save) if save.answered == "yes" else Text("no answer seen", UNKNOWN))
        attempts = save.attempts_made
        if attempts is not None:
            said.append(f"  {count(attempts, 'attempt') if attempts else 'nothing sent'}", ASIDE)
        untrue = stored(save)
        return said if untrue is None else said.append("  ").append_text(untrue)

    def _time(self, save: Save) -> str:
        return f"{save.time:%H:%M:%S}" if self._one_day else f"{save.time:%Y-%m-%d %H:%M:%S}"


def _since(save: Save, pair: Pair | None, by_key: Mapping[tuple[str, str], Save], *, first: bool) -> Text:
    """Return what stands between a save and the failed one that it retries."""
    if pair is None:
        return Text("" if first else "sent while another ran", ASIDE)
    failed = by_key.get(pair.previous)
    if failed is None:
        return Text(pair.paired_by, ASIDE)
    said = Text(f"{duration(max(0.0, seconds_between(failed, save)))} later")
    return said.append(f"  {CONTENT[same_content(failed, save)]}, {pair.paired_by}", ASIDE)


def _title(episodes: Sequence[Episode]) -> Text:
    states = Counter(episode.state for episode in episodes)
    days = {save.time.date() for episode in episodes for save in episode.members}
    when = f" on {min(days)}, UTC" if len(days) == 1 else ", UTC"
    parts = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    return Text(f"{count(len(episodes), 'episode')}{when}: {parts}", "bold")


def _page(page: str) -> Text:
    return Text("  ", no_wrap=True, overflow="ignore").append(page, f"{ASIDE} link {page}")


def _how_known(episodes: Sequence[Episode], pairing: Pairing) -> Iterator[Text]:
    ways = Counter(one.paired_by for episode in episodes for one in episode.pairs)
    if ways:
        told = ", ".join(f"{ways[way]:,} by {WAYS[way]}" for way in reversed(CERTAINTY) if ways[way])
        yield Text(f"\nRetries known: {told}.", ASIDE)
    if pairing.refuted:
        yield Text(
            f"{count(pairing.refuted, 'hint')} of a process's memory dropped:"
            " the same was saved elsewhere in between.",
            ASIDE,
        )
    if pairing.disagreeing:
        yield Text(
            f"{count(pairing.disagreeing, 'cookie')} name another failed save than time and thing do:"
            " the cookie counts.",
            UNKNOWN,
        )


WAYS = {"cookie": "cookie", "memory": "a process's memory", "inferred": "inference (thing, user, time)"}
