"""Lists of saves and of episodes, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.wording import (
    ASIDE,
    STATE_STYLES,
    outcome,
    printable,
    short_ids,
    stored,
    thing,
)


def saves_table(saves: Sequence[Save]) -> Table:
    """Return the saves, one a line, in the order given; a failed one is told by its error code.

    Where the user was not told what is so, a second line says it.
    """
    ids = short_ids(save.trace_id for save in saves)
    title = _counted("save", "saves", [save.outcome for save in saves], saves)
    untrue = sum(not save.told_truly for save in saves)
    table = _table(f"{title}; {untrue:,} not as told" if untrue else title)
    table.add_column("outcome", ratio=2, overflow="ellipsis", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("trace", style=ASIDE, no_wrap=True)
    for save in saves:
        table.add_row(
            _time(save, saves),
            Text(thing(save) or printable(save.route)),
            _outcome_and_stored(save),
            "" if save.attempts_made is None else str(save.attempts_made),
            duration(save.seconds),
            ids[save.trace_id],
        )
    return table


def _outcome_and_stored(save: Save) -> Text:
    told, said = outcome(save), stored(save)
    return told if said is None or save.told_truly else told.append("\n").append_text(said)


def episodes_table(episodes: Sequence[Episode]) -> Table:
    """Return the episodes, two lines each: what failed and how it went on, in the order given.

    Where the user was told of a failure and all was stored, a third line says it.
    """
    saves = [save for episode in episodes for save in episode.members]
    ids = short_ids(save.trace_id for save in saves)
    states = [episode.state for episode in episodes]
    table = _table(_counted("failure and its retry", "failures and their retries", states, saves))
    table.add_column("then", no_wrap=True)
    table.add_column("traces", style=ASIDE, no_wrap=True)
    for episode in episodes:
        last = episode.failed[-1]
        table.add_row(
            _time(episode.failed[0], saves),
            _what_failed(episode),
            _then(episode),
            "\n".join(ids[save.trace_id] for save in (last, episode.recovered_by) if save),
        )
    return table


def _table(title: str) -> Table:
    """Return a table with its first two columns."""
    table = Table(
        title=title, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD,
        border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0),
        expand=True,
    )  # fmt: skip
    table.add_column("UTC", no_wrap=True)
    table.add_column("saved", ratio=3, overflow="ellipsis", no_wrap=True)
    return table


def _counted(one: str, many: str, states: Sequence[str], saves: Sequence[Save]) -> str:
    """Return how many there are, and of each state; the day is told here where all saves share one."""
    days = {save.time.date() for save in saves}
    when = f" on {min(days)}" if len(days) == 1 else ""
    parts = ", ".join(f"{number:,} {state}" for state, number in Counter(states).most_common())
    total = count(len(states), one, many)
    return f"{total}{when}: {parts}" if parts else total


def _time(save: Save, saves: Sequence[Save]) -> str:
    one_day = len({other.time.date() for other in saves}) == 1
    return f"{save.time:%H:%M:%S}" if one_day else f"{save.time:%Y-%m-%d %H:%M:%S}"


def _what_failed(episode: Episode) -> Text:
    last = episode.failed[-1]
    told = Text(thing(last) or "not recorded")
    told.append("\n").append_text(outcome(last))
    said = stored(last)
    known = [
        last.stage if last.stage != attributes.STORAGE else None,
        said.plain if said is not None and last.told_truly else None,
        _tries(episode),
    ]
    told.append("".join(f", {printable(part)}" for part in known if part), ASIDE)
    told.append(f"  {printable(last.route)}", ASIDE)
    return told if said is None or last.told_truly else told.append("\n").append_text(said)


def _tries(episode: Episode) -> str:
    saves = len(episode.failed)
    attempts = episode.failed[-1].attempts_made
    told = "" if attempts is None else count(attempts, "attempt") if attempts else "nothing sent to the store"
    if episode.failed[-1].app_retries:
        told += f" with {count(episode.failed[-1].app_retries, 'retry', 'retries')} by the app"
    return told if saves == 1 else f"{saves} saves, {told} in the last" if told else f"{saves} saves"


def _then(episode: Episode) -> Text:
    said = Text(episode.state, STATE_STYLES[episode.state])
    if episode.seconds is not None:
        when = "meanwhile" if episode.seconds < 0 else f"after {duration(episode.seconds)}"
        said.append(f" {when}", "default")
        same = {True: "same content", False: "other content", None: "content not known"}[episode.same_content]
        said.append(f"\n{same}", ASIDE)
    elif episode.state == "abandoned":
        said.append("\nno save followed", ASIDE)
    else:
        said.append("\nthe data ends here", ASIDE)
    return said
