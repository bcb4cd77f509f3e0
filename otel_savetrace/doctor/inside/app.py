"""The app, imported as gunicorn would, and what stands after it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from otel_savetrace.doctor.facts import AppFacts
from otel_savetrace.doctor.inside.clients import clients


def app(named: str) -> AppFacts:
    """Import ``module:app`` and look for botocore's clients; the app is not called."""
    module, _, variable = named.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    error = None
    try:
        imported = importlib.import_module(module)
        wanted = variable.partition("(")[0] or "application"
        if not hasattr(imported, wanted):
            error = f"{module} has no {wanted!r}"
    except BaseException as raised:  # the app's own; it may even end the process
        error = f"{type(raised).__name__}: {raised}"
    return {"app": named, "error": error, "clients": clients()}
