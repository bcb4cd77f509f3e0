"""Episodes for a terminal: each failure, the saves that followed it, and how it ended."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from otel_savetrace.analysis.episodes import CERTAINTY, Episode
from otel_savetrace.analysis.jaeger_page import comparison_address
from otel_savetrace.analysis.pairing import Pairing
from otel_savetrace.analysis.words import count
from otel_savetrace.report.episode_lines import EpisodeLines
from otel_savetrace.report.timeline import LETTERS, LINES
from otel_savetrace.report.wording import (
    ASIDE,
    UNKNOWN,
)

WIDEST = 160


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodesView:
    """Prints episodes, oldest first, with the sums on top.

    `sources` are what `savetrace compare` has to be given, empty where that is not to be told;
    `jaeger_address` is where Jaeger's own pages stand. Print it with ``crop=False``: the address of a page is
    never cut, however narrow the terminal.
    """

    episodes: Sequence[Episode]
    shown: int
    pairing: Pairing
    sources: Sequence[str] = ()
    jaeger_address: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        shown = self.episodes[-self.shown :]
        view = EpisodeLines(width, LETTERS if options.ascii_only else LINES, shown)
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
        if recovered and self.sources:
            yield Text("\nWhat differed in the latest that recovered:", "bold")
            trace = recovered[-1].failed[0].trace_id[:12]
            yield Text(
                f"savetrace compare {shlex.join(self.sources)} --episode {trace}",
                no_wrap=True, overflow="ignore",
            )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodeView:
    """Prints one episode: its heading and its saves."""

    of: Episode

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = LETTERS if options.ascii_only else LINES
        yield from EpisodeLines(min(options.max_width, WIDEST), marks, [self.of]).episode(self.of)
        yield Text()


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
            f"{count(pairing.disagreeing, 'cookie names', 'cookies name')} another failed save than time and"
            " thing do: the cookie counts.",
            UNKNOWN,
        )


WAYS = {"cookie": "cookie", "memory": "a process's memory", "inferred": "inference (thing, user, time)"}
