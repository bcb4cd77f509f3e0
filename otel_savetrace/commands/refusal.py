"""How the command line ends, and what each exit code says."""

from __future__ import annotations

import os
import sys
import traceback

import click

FAIL_ON_MET = 1
"""What was asked to be watched for: a bound of `--fail-on`, a finding of `savetrace doctor`. Nothing else."""

BAD_USE = 2
UNREADABLE = 3
"""A source cannot be read: a Jaeger that does not answer, a file that is not there."""

DEFECT = 70
"""A mistake of this program, with a traceback; the number is that of BSD's sysexits.h."""

INTERRUPTED = 130
READER_GONE = 141
"""Ctrl-C, and a pipe that nobody reads any more, as shells have them."""

EXIT_CODES = (
    "Exit codes: 0 it was done, 1 what --fail-on watches for was met, 2 something asked for cannot be done,"
    " 3 a source cannot be read, 70 a defect of savetrace, 130 it was interrupted."
)


class Refusal(click.ClickException):
    """One sentence on standard error, and exit code 2."""

    exit_code = BAD_USE


class Unreadable(Refusal):
    """One sentence on standard error, and exit code 3."""

    exit_code = UNREADABLE


class Interrupted(click.ClickException):
    """One word on standard error, and exit code 130."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("Aborted!")

    def show(self, file: object = None) -> None:
        """Print it, below the ^C that a terminal echoes."""
        click.echo("\nAborted!", err=True)


class ReaderGone(click.ClickException):
    """Nothing is said, and exit code 141."""

    exit_code = READER_GONE

    def __init__(self) -> None:
        super().__init__("")

    def show(self, file: object = None) -> None:
        """Say nothing, and let what is still to be written go nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


class Defect(click.ClickException):
    """A traceback, for a report to those who can mend it, and exit code 70."""

    exit_code = DEFECT

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self._error = error

    def show(self, file: object = None) -> None:
        """Print where it happened."""
        click.echo("".join(traceback.format_exception(self._error)), err=True, nl=False)
