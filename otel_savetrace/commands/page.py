"""`--html FILE`: the report as a page of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.exhibits import Exhibits, Moment
from otel_savetrace.analysis.findings import Report
from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.report.page.file import check_writable, write_whole


def read_page_path(ctx: click.Context, param: click.Parameter, given: Path | None) -> Path | None:
    """Return the path of the page; it is refused before the work if nothing can be written there."""
    if given is not None:
        try:
            check_writable(given)
        except OSError as error:
            raise _refused(given, error) from None
    return given


page_option = click.option(
    "--html", "page", type=click.Path(path_type=Path), callback=read_page_path, metavar="FILE",
    help="Write the report as a page too: one file, to be opened in any browser, also offline.",
)  # fmt: skip


def write_page(
    path: Path, report: Report, moments: Sequence[Moment], episodes: Sequence[Episode], jaeger: str | None
) -> None:
    """Write the page of a report on these moments and episodes, and say on standard error where it is."""
    # The charts take seconds.
    with Console(stderr=True).status("Drawing the page") if sys.stderr.isatty() else nullcontext():
        # Templates and the charting library are read only by who wants a page.
        from otel_savetrace.report.page.document import html

        text = html(report, Exhibits(moments, episodes, jaeger))
    try:
        size = write_whole(path, text)
    except OSError as error:
        raise _refused(path, error) from None
    click.echo(f"The page is {path} ({size / 1e6:.1f} MB).", err=True)


def _refused(path: Path, error: OSError) -> Refusal:
    return Refusal(f"--html {path} cannot be written: {error.strerror or error}.")
