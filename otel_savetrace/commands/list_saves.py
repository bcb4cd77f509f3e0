"""`savetrace list`: the saves of a source, and what became of those that failed."""

from __future__ import annotations

import json
import shlex

import click
from rich.console import Console
from rich.text import Text

from otel_savetrace.analysis.episodes import Episode, episodes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.commands.options import (
    SOURCE_HELP,
    Selection,
    json_option,
    since_option,
    source_or_default,
    storymap_option,
    tell_skipped,
    where_option,
)
from otel_savetrace.report.as_json import list_document
from otel_savetrace.report.terminal import episodes_table, saves_table
from otel_savetrace.report.wording import ASIDE
from otel_savetrace.spans.reading import Reading
from otel_savetrace.spans.sources import read

DEFAULT_LIMIT = 50


@click.command("list", epilog=SOURCE_HELP)
@click.argument("source", required=False)
@where_option
@storymap_option
@click.option(
    "--outcome", type=click.Choice(["failed", "succeeded", "unknown"]), help="Only saves that ended so."
)
@click.option("--code", metavar="CODE", help="Only saves with this error code, such as SlowDown.")
@since_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=DEFAULT_LIMIT, show_default=True, help="The latest only."
)
@json_option
def list_saves(
    source: str | None,
    conditions: tuple[tuple[str, str], ...],
    storymap: str | None,
    outcome: str | None,
    code: str | None,
    since_nanoseconds: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List saves, and what became of those that failed."""
    selection = Selection(conditions, storymap, since_nanoseconds)
    reading = read(source_or_default(source), selection.query)
    selected = selection.of(saves(reading.spans))
    fitting = [save for save in selected if _ended_so(save, outcome, code)]
    shown = fitting[-limit:]
    told = [episode for episode in episodes(selected) if any(save in shown for save in episode.failed)]
    if as_json:
        click.echo(json.dumps(list_document(reading, shown, told), ensure_ascii=False, indent=2))
    else:
        _print(Console(), reading, shown, told, len(fitting))
    tell_skipped(reading)


def _ended_so(save: Save, outcome: str | None, code: str | None) -> bool:
    return outcome in {None, save.outcome} and code in {None, save.error_code}


def _print(console: Console, reading: Reading, shown: list[Save], told: list[Episode], fitting: int) -> None:
    if not shown:
        click.echo(f"No save fits among the {len(reading.spans):,} spans of {reading.name}.")
        return
    console.print(saves_table(shown))
    if fitting > len(shown):
        console.print(Text(f"The latest {len(shown):,} of {fitting:,}; --limit shows more.", ASIDE))
    if told:
        console.print()
        console.print(episodes_table(told))
    recovered = [episode for episode in told if episode.recovered_by]
    if recovered:
        pair = (recovered[-1].failed[-1], recovered[-1].recovered_by)
        traces = " ".join(save.trace_id[:12] for save in pair if save)
        console.print(Text("\nWhat differed:", "bold"))
        click.echo(f"savetrace compare {shlex.quote(reading.name)} {traces}")
