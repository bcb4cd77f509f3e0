"""How the command line says no."""

from __future__ import annotations

import click


class Refusal(click.ClickException):
    """One sentence on standard error, and exit code 2."""

    exit_code = 2
