"""`savetrace report`: what separates the saves that failed from those that worked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import SourceSeen
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save
from otel_savetrace.commands.fail_on import COUNTED, FailOn, fail_on_option
from otel_savetrace.commands.options import (
    SOURCE_HELP,
    Selection,
    how_far,
    json_option,
    service_option,
    since_option,
    sources_or_default,
    storymap_option,
    tell_skipped,
    until_option,
    window_option,
)
from otel_savetrace.commands.page import page_option, write_page
from otel_savetrace.commands.refusal import FAIL_ON_MET
from otel_savetrace.loading.load import load
from otel_savetrace.loading.progress import Progress
from otel_savetrace.report.report_json import report_document
from otel_savetrace.report.terminal import report_view
from otel_savetrace.spans.reading import gathering_no_garbage

HELP = f"""
{SOURCE_HELP}
Several sources are read as one. The report goes to standard output, with colours where that is a terminal
and NO_COLOR is not set; progress, and with --json what was skipped, go to standard error.

A BOUND is a word, one of >, >=, <, <=, and a number, or a percentage of all saves or episodes. The words are
{", ".join(COUNTED)}. More failures than usual, or nothing that arrived:

\b
  savetrace report SOURCE --since 1h --fail-on 'failed>1%' --fail-on 'saves<1'

The exit code is 0 where the report was made, 1 where a BOUND is met and only then, 2 where something asked
for cannot be done, 3 where a source cannot be read, 130 where it was interrupted.
"""


@click.command("report", epilog=HELP)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@storymap_option
@click.option("--route", metavar="ROUTE", help="Only saves of this route: /save, or 'POST /save'.")
@service_option
@since_option
@until_option
@window_option
@json_option
@click.option(
    "--json-episodes",
    is_flag=True,
    help="Print JSON with each episode, and what differed in it.",
)
@page_option
@fail_on_option
@click.pass_context
def report(
    ctx: click.Context,
    sources: tuple[str, ...],
    storymap: str | None,
    route: str | None,
    service: str | None,
    since_nanoseconds: int | None,
    until_nanoseconds: int | None,
    window_seconds: float,
    as_json: bool,
    json_episodes: bool,
    page: Path | None,
    fail_on: tuple[FailOn, ...],
) -> None:
    """Say what separates the saves that failed from those that worked, and what to do about it.

    The first three lines are the answer; below stands what it rests on, and what cannot be said.
    """
    selection = Selection((), storymap, since_nanoseconds, service, until_nanoseconds, window_seconds)

    def fits(save: Save) -> bool:
        return selection.fits(save) and _is_of_route(save, route)

    held = load(
        sources_or_default(sources),
        # What failed is held against all that worked, of whatever it was.
        dataclasses.replace(selection.query, thing_id=None),
        fits=None if selection == Selection() and route is None else fits,
        window_seconds=window_seconds,
        progress=Progress(),
    )
    with gathering_no_garbage():
        told, jaeger = episodes(held.saves, window_seconds), held.jaeger_address
        made = held.completed(make_report(held.sources, held.saves, told, fits, held.spans, jaeger))
    meant = [one for one in told if any(fits(save) for save in one.failed)]
    if as_json or json_episodes:
        # In ASCII, which any terminal and any encoding takes, and in which no name does anything but be read.
        click.echo(json.dumps(report_document(made, meant if json_episodes else None), indent=2))
        for source in held.sources:
            tell_skipped(source)
    else:
        Console().print(report_view(made), crop=False)
    if not made.saves.total:
        _tell_how_far(held.sources, selection)
    if page is not None:
        write_page(page, made, held.moments, meant, jaeger)
    met = [one for one in fail_on if one.is_met(made)]
    for one in met:
        click.echo(f"--fail-on {one.given!r} is met: {one.seen(made)}.", err=True)
    if met:
        ctx.exit(FAIL_ON_MET)


def _tell_how_far(sources: Sequence[SourceSeen], selection: Selection) -> None:
    for source in sources:
        looked = how_far(source, selection)
        if looked:
            click.echo(f"No save that fits is in {source.name}{looked}.", err=True)


def _is_of_route(save: Save, route: str | None) -> bool:
    return route is None or route in {save.route, save.span.attributes.get("http.route")}
