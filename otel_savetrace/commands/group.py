"""The group of commands: each is imported when it is asked for, and each error is one sentence."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from otel_savetrace.commands.refusal import (
    EXIT_CODES,
    Defect,
    Interrupted,
    ReaderGone,
    Refusal,
    Unreadable,
)
from otel_savetrace.errors import SaveTraceError, SourceError

COMMANDS: Mapping[str, str] = {
    "compare": "otel_savetrace.commands.compare:compare",
    "demo": "otel_savetrace.demo.command:demo",
    "doctor": "otel_savetrace.commands.doctor:doctor",
    "episodes": "otel_savetrace.commands.episodes:episodes",
    "jaeger-ui-config": "otel_savetrace.commands.jaeger_ui_config:jaeger_ui_config",
    "list": "otel_savetrace.commands.list_saves:list_saves",
    "report": "otel_savetrace.commands.report:report",
}
"""Where each command stands: module and name."""

EXTRAS: Mapping[str, str] = {"demo": "demo"}
"""The extra that a command needs beyond `[cli]`."""


class LazyGroup(click.Group):
    """Imports a command on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one whose extra is missing says so when it is run."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as missing:
            if cmd_name not in EXTRAS or (missing.name or "").startswith("otel_savetrace"):
                raise
            return _without_its_extra(cmd_name, missing.name or "a module")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what this package raises on purpose becomes a sentence, and each end its code."""
        try:
            return super().invoke(ctx)
        except SourceError as error:
            raise Unreadable(str(error)) from error
        except SaveTraceError as error:
            raise Refusal(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            raise ReaderGone from None
        except SystemExit as ended:
            # So rich ends where nobody reads what it prints; commands end otherwise.
            if ended.code == 1:
                raise ReaderGone from None
            raise
        except Exception as error:
            raise Defect(error) from error


def _without_its_extra(command: str, missing: str) -> click.Command:
    install = f"pip install 'otel-savetrace[{EXTRAS[command]}]'"

    def refuse(**_: object) -> NoReturn:
        raise Refusal(f"savetrace {command} needs {missing}, which is not installed: {install}.")

    takes_anything = click.Argument(["anything"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        command,
        callback=refuse,
        params=[takes_anything],
        context_settings={"ignore_unknown_options": True},
        help=f"Needs {missing}: {install}",
    )


@click.group(cls=LazyGroup, epilog=EXIT_CODES)
@click.version_option(package_name="otel-savetrace")
def savetrace() -> None:
    """Say what differed between a save that failed and the retry that worked."""
