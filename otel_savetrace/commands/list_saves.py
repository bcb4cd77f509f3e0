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
    IN_MEMORY,
    SOURCE_HELP,
    Selection,
    how_far,
    json_option,
    read_source,
    service_option,
    since_option,
    source_or_default,
    storymap_option,
    tell_skipped,
    until_option,
    where_option,
)
from otel_savetrace.report.as_json import list_document
from otel_savetrace.report.terminal import episodes_table, saves_table
from otel_savetrace.spans.reading import Reading

DEFAULT_LIMIT = 50


@click.command("list", epilog=f"{SOURCE_HELP}\n{IN_MEMORY}")
@click.argument("source", required=False)
@where_option
@storymap_option
@click.option(
    "--outcome", type=click.Choice(["failed", "succeeded", "unknown"]), help="Only saves that ended so."
)
@click.option("--code", metavar="CODE", help="Only saves with this error code, such as SlowDown.")
@service_option
@since_option
@until_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=DEFAULT_LIMIT, show_default=True, help="The latest only."
)
@json_option
def list_saves(
    source: str | None,
    conditions: tuple[tuple[str, str], ...],
    storymap: str | None,
    service: str | None,
    outcome: str | None,
    code: str | None,
    since_nanoseconds: int | None,
    until_nanoseconds: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List saves, and what became of those that failed."""
    selection = Selection(conditions, storymap, since_nanoseconds, service, until_nanoseconds)
    reading = read_source(source_or_default(source), selection.query)
    found = saves(reading.spans)
    fitting = [save for save in found if selection.fits(save) and _ended_so(save, outcome, code)]
    shown = fitting[-limit:]
    told = _episodes_of(shown, found)
    if as_json:
        click.echo(json.dumps(list_document(reading, shown, told), ensure_ascii=False, indent=2))
    elif not shown:
        looked = how_far(reading, selection)
        click.echo(f"No save fits among the {len(reading.spans):,} spans of {reading.name}{looked}.")
    else:
        _print(Console(), reading, shown, told)
    if len(fitting) > len(shown):
        click.echo(f"The latest {len(shown):,} of {len(fitting):,} saves; --limit shows more.", err=True)
    tell_skipped(reading)


def _episodes_of(shown: list[Save], found: list[Save]) -> list[Episode]:
    """Return what became of the failed saves shown; the retries are looked for among all that were found."""
    spans = {save.span.span_id for save in shown}
    return [one for one in episodes(found) if any(save.span.span_id in spans for save in one.failed)]


def _ended_so(save: Save, outcome: str | None, code: str | None) -> bool:
    return outcome in {None, save.outcome} and code in {None, save.error_code}


def _print(console: Console, reading: Reading, shown: list[Save], told: list[Episode]) -> None:
    console.print(saves_table(shown))
    if told:
        console.print()
        console.print(episodes_table(told))
    recovered = [episode for episode in told if episode.recovered_by]
    if recovered:
        pair = (recovered[-1].failed[-1], recovered[-1].recovered_by)
        traces = " ".join(save.trace_id[:12] for save in pair if save)
        console.print(Text("\nWhat differed:", "bold"))
        click.echo(f"savetrace compare {shlex.quote(reading.name)} {traces}")
