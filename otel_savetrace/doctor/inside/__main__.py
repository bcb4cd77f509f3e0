"""Runs the parts that are named and writes down what each says, or how it broke."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PARTS: Mapping[str, str] = {
    "app": "otel_savetrace.doctor.inside.app:app",
    "canary": "otel_savetrace.doctor.inside.canary:canary",
    "distributions": "otel_savetrace.doctor.inside.distributions:distributions",
    "gunicorn": "otel_savetrace.doctor.inside.gunicorn:gunicorn",
    "loading": "otel_savetrace.doctor.inside.loading:loading",
    "patience": "otel_savetrace.doctor.inside.clients:default_client",
    "settings": "otel_savetrace.doctor.inside.settings:settings",
    "trial": "otel_savetrace.doctor.inside.trial:trial",
}
"""Where each part stands: module and function; the function takes what follows ``=`` in the part's word."""


def main(output: Path, words: list[str]) -> None:
    """Run the parts; `words` are names, each with ``=`` and its argument where it takes one."""
    parts: dict[str, Any] = {}
    broken: dict[str, str] = {}
    for word in words:
        name, _, argument = word.partition("=")
        try:
            parts[name] = _function(name)(argument)
        except BaseException as error:  # an app's import may raise anything, SystemExit too
            broken[name] = f"{type(error).__name__}: {error}".strip(": ")
        whole = output.with_suffix(".part")
        whole.write_text(json.dumps({"parts": parts, "broken": broken}), encoding="utf-8")
        whole.replace(output)


def _function(name: str) -> Callable[[str], Any]:
    module, _, function = PARTS[name].partition(":")
    found: Callable[[str], Any] = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
    # At once: exporters of metrics and logs would try for seconds to send what nobody asked for.
    os._exit(0)
