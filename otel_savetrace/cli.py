"""The command `savetrace`: its way in, which works without the extra too, if only to say so."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys

NEEDED = ("click", "duckdb", "platformdirs", "rich")
"""What the extra `[cli]` brings."""


def main() -> None:
    """Run the command line; `commands.refusal` has its exit codes."""
    try:
        for module in NEEDED:
            importlib.import_module(module)
    except ModuleNotFoundError as missing:
        sys.exit(_without_the_extra(missing.name))
    from otel_savetrace.commands.group import savetrace

    for stream in (sys.stdout, sys.stderr):
        # A key may hold any letter; a terminal that cannot print one is no reason to stop.
        with contextlib.suppress(AttributeError, io.UnsupportedOperation):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a replaced stream may lack it
    savetrace.main(prog_name="savetrace")


def _without_the_extra(missing: str | None) -> int:
    sys.stderr.write(
        f"savetrace needs {missing}, which is not installed: pip install 'otel-savetrace[cli]'.\n"
    )
    return 2
