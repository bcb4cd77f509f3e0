"""`savetrace doctor`: why nothing arrives, and what will bite."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys

import click
from rich.console import Console

from otel_savetrace.commands.options import SAVETRACE_SOURCE, json_option
from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.doctor.as_json import all_well, doctor_document
from otel_savetrace.doctor.child import AppEnvironment
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.examination import examine
from otel_savetrace.doctor.findings import Group
from otel_savetrace.doctor.terminal import GroupView, verdict
from otel_savetrace.environment_variables import OTEL_SAVETRACE_FILE
from otel_savetrace.spans.sources import STANDARD_INPUT

DEFAULT_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 600.0

APP = re.compile(r"[\w.]+(:[\w.]+(\(.*\))?)?")

HELP = f"""
Run it where the app is started: with its variables, in its folder, with its Python. SOURCE is where spans
should arrive: the address of a Jaeger (http://localhost:16686), or a file or folder. Without it the variable
{SAVETRACE_SOURCE} is used, else {OTEL_SAVETRACE_FILE}.

The exit code is 0 where nothing fails, 1 where something does, 2 where the command is used wrongly.
"""


@click.command(epilog=HELP)
@click.argument("source", required=False)
@click.option("--app", metavar="MODULE:APP", help="Import the app too, and look at its boto clients.")
@click.option("--gunicorn", "gunicorn_options", metavar="OPTIONS", default="",
              help="What gunicorn is given on its command line: '--timeout 60 --preload'.")  # fmt: skip
@click.option("--python", metavar="PATH", help="The app's Python, where it is not the one that runs this.")
@click.option("--wait", "wait_seconds", type=click.FloatRange(min=0, max=LONGEST_WAIT_SECONDS, min_open=True),
              default=DEFAULT_WAIT_SECONDS, show_default=True, metavar="SECONDS",
              help="How long an exporter may take, and a span to arrive.")  # fmt: skip
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    source: str | None,
    app: str | None,
    gunicorn_options: str,
    python: str | None,
    wait_seconds: float,
    as_json: bool,
) -> None:
    """Find out why nothing arrives, and what will bite.

    One span, named "savetrace doctor: canary", is sent the way that the app's spans take.
    """
    asked = Circumstances(
        AppEnvironment(python or sys.executable, dict(os.environ)),
        source=_source(source),
        wait_seconds=wait_seconds,
        app=_app(app),
        gunicorn_options=_options(gunicorn_options),
    )
    groups = _as_json(asked) if as_json else _printed(asked)
    ctx.exit(0 if all_well(groups) else 1)


def _as_json(asked: Circumstances) -> list[Group]:
    groups = list(examine(asked))
    click.echo(json.dumps(doctor_document(groups), ensure_ascii=False, indent=2))
    return groups


def _printed(asked: Circumstances) -> list[Group]:
    """Print each group as soon as it is known: a canary may take its time."""
    console = Console()
    groups = []
    examination = examine(asked)
    while True:
        with Console(stderr=True).status("Looking"):
            group = next(examination, None)
        if group is None:
            break
        groups.append(group)
        if group.findings:
            console.print(GroupView(group), end="\n")
            console.print()
    console.print(verdict(groups, console.options.ascii_only))
    return groups


def _source(given: str | None) -> str | None:
    source = given or os.environ.get(SAVETRACE_SOURCE) or os.environ.get(OTEL_SAVETRACE_FILE) or None
    if source == STANDARD_INPUT:
        raise Refusal(
            "A span cannot be looked for in standard input: name a Jaeger address, a file or a folder."
        )
    scheme, separator, _ = (source or "").partition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        raise Refusal(f"{source} cannot be read: give a path, or a Jaeger address with http:// or https://.")
    return source


def _app(given: str | None) -> str | None:
    if given is not None and not APP.fullmatch(given):
        raise Refusal(f"--app {given} is not MODULE:APP, such as storymap.web:app.")
    return given


def _options(given: str) -> str:
    try:
        shlex.split(given)
    except ValueError as error:
        raise Refusal(f"--gunicorn {given!r} cannot be read: {str(error).lower()}.") from None
    return given
