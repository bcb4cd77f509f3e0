"""The version of the app, where it tells."""

from __future__ import annotations

import importlib.metadata
import sys

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.text import shortened


def version_of(import_name: str) -> str | None:
    """Return the `__version__` of the app's module or package, else its distribution's, if any."""
    package = import_name.partition(".")[0]
    for module in (import_name, package):
        version = getattr(sys.modules.get(module), "__version__", None)
        if isinstance(version, str):
            return shortened(version, attribute.SEARCHED_LIMIT)
    try:
        return shortened(importlib.metadata.version(package), attribute.SEARCHED_LIMIT)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
