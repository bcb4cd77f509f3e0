"""`savetrace report`: what separates the saves that failed from those that worked."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save
from otel_savetrace.commands.fail_on import FailOn, fail_on_option
from otel_savetrace.commands.options import (
    SOURCE_HELP,
    Selection,
    json_option,
    service_option,
    since_option,
    source_or_default,
    storymap_option,
    tell_skipped,
    window_option,
)
from otel_savetrace.commands.page import page_option, write_page
from otel_savetrace.loading.load import load
from otel_savetrace.loading.progress import Progress
from otel_savetrace.report.report_json import report_document
from otel_savetrace.report.terminal import report_view


@click.command("report", epilog=SOURCE_HELP)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@storymap_option
@click.option("--route", metavar="ROUTE", help="Only saves of this route: /save, or 'POST /save'.")
@service_option
@since_option
@window_option
@json_option
@click.option("--json-episodes", is_flag=True, help="Print JSON, each episode included.")
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
    window_seconds: float,
    as_json: bool,
    json_episodes: bool,
    page: Path | None,
    fail_on: tuple[FailOn, ...],
) -> None:
    """Say what separates the saves that failed from those that worked, and what to do about it."""
    selection = Selection((), storymap, since_nanoseconds, service)

    def fits(save: Save) -> bool:
        return selection.fits(save) and _is_of_route(save, route)

    held = load(
        sources or (source_or_default(None),),
        selection.query,
        fits=fits,
        window_seconds=window_seconds,
        progress=Progress(),
    )
    told, jaeger = episodes(held.saves, window_seconds), held.jaeger_address
    made = held.completed(make_report(held.sources, held.saves, told, fits, held.spans, jaeger))
    meant = [one for one in told if any(fits(save) for save in one.failed)]
    if as_json or json_episodes:
        document = report_document(made, meant if json_episodes else None)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        Console().print(report_view(made), crop=False)
    if page is not None:
        write_page(page, made, held.moments, meant, jaeger)
    for source in held.sources:
        tell_skipped(source)
    met = [one for one in fail_on if one.is_met(made)]
    for one in met:
        click.echo(f"--fail-on {one.said}: {one.seen(made)}.", err=True)
    if met:
        ctx.exit(1)


def _is_of_route(save: Save, route: str | None) -> bool:
    return route is None or route in {save.route, save.span.attributes.get("http.route")}
