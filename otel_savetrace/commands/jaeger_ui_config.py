"""`savetrace jaeger-ui-config`: the configuration of Jaeger's page, for a Jaeger of one's own."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import click

from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.doctor.jaeger import SHIPPED_SERVICE, ui_config

WHERE_TO_PUT_IT = """\
Give Jaeger 2 this file in its own configuration:

    extensions:
      jaeger_query:
        ui:
          config_file: /etc/jaeger/ui.json

and Jaeger 1 as --query.ui-config=/etc/jaeger/ui.json; then start it anew.
`savetrace doctor` sees whether it is served.\
"""


@click.command("jaeger-ui-config")
@click.option(
    "--service",
    metavar="NAME",
    help=f"Whose saves the links search: OTEL_SERVICE_NAME, else {SHIPPED_SERVICE}.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, whole or not at all."
)
def jaeger_ui_config(service: str | None, output: Path | None) -> None:
    """Print the links between a save and its retries, for Jaeger's page.

    A retry leads to its comparison with the failed save, to that save and to the first one that failed; a
    failed save to its retries; a storymap to all its saves.
    """
    named = (service or os.environ.get("OTEL_SERVICE_NAME") or SHIPPED_SERVICE).strip()
    if not named:
        raise Refusal("--service names nothing: give the OTEL_SERVICE_NAME of the app.")
    text = json.dumps(ui_config(named), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    if sys.stdout.isatty():
        click.echo(f"\n{WHERE_TO_PUT_IT}", err=True)


def _write(output: Path, text: str) -> None:
    """Write a file beside it first, so that a Jaeger that starts meanwhile never reads half of one."""
    try:
        descriptor, beside = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            # A temporary file is its owner's alone; Jaeger runs as another user.
            Path(beside).chmod(0o644)
            Path(beside).replace(output)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
    except OSError as error:
        raise Refusal(f"{output} cannot be written: {error.strerror}.") from error
