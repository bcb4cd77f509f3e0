"""`savetrace episodes`: each failure with the retries that followed it, and how it ended."""

from __future__ import annotations

import json

import click
from rich.console import Console

from otel_savetrace.analysis.episodes import Episode, assemble
from otel_savetrace.analysis.pairing import pair
from otel_savetrace.analysis.saves import saves
from otel_savetrace.commands.options import (
    IN_MEMORY,
    SOURCE_HELP,
    Selection,
    how_far,
    json_option,
    read_sources,
    service_option,
    since_option,
    spans_of,
    storymap_option,
    tell_skipped,
    until_option,
    where_option,
    window_option,
)
from otel_savetrace.report.episodes_json import episodes_document
from otel_savetrace.report.terminal import episodes_view

DEFAULT_LIMIT = 20


@click.command("episodes", epilog=f"{SOURCE_HELP}\n{IN_MEMORY}")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@where_option
@storymap_option
@click.option(
    "--state", type=click.Choice(["recovered", "abandoned", "open"]), help="Only episodes that ended so."
)
@click.option("--code", metavar="CODE", help="Only episodes with this error code, such as SlowDown.")
@service_option
@since_option
@until_option
@window_option
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="COUNT",
    help=f"The latest only.  [default: {DEFAULT_LIMIT}; with --json all]",
)  # fmt: skip
@json_option
def episodes(
    sources: tuple[str, ...],
    conditions: tuple[tuple[str, str], ...],
    storymap: str | None,
    state: str | None,
    code: str | None,
    service: str | None,
    since_nanoseconds: int | None,
    until_nanoseconds: int | None,
    window_seconds: float,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show each failure with its retries, and how it ended.

    An episode is one or more failed saves of the same thing by the same user, and the save that ended it.
    """
    selection = Selection(conditions, storymap, since_nanoseconds, service, until_nanoseconds, window_seconds)
    readings = read_sources(sources, selection.query)
    found = saves(spans_of(readings))
    pairing = pair(found, window_seconds)
    fitting = [
        one
        for one in assemble(found, pairing, window_seconds)
        if any(selection.fits(save) for save in one.failed) and _ended_so(one, state, code)
    ]
    if as_json:
        document = episodes_document(readings, found, fitting[-(limit or len(fitting)) :], pairing)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    elif not fitting:
        looked = how_far(readings[0], selection)
        names = " and ".join(reading.name for reading in readings)
        click.echo(f"No failed save fits among the {len(found):,} saves of {names}{looked}.")
    else:
        Console().print(episodes_view(readings, fitting, limit or DEFAULT_LIMIT, pairing), crop=False)
    for reading in readings:
        tell_skipped(reading)


def _ended_so(episode: Episode, state: str | None, code: str | None) -> bool:
    return state in {None, episode.state} and (
        code is None or any(save.error_code == code for save in episode.failed)
    )
