"""Where an exception comes from: the app's own code, or a package that the app depends on."""

from __future__ import annotations

import functools
import sys
import sysconfig
from pathlib import Path

from otel_savetrace.capture.failure import chain_of

# Flask and what it is made of speak for the app; boto3's failures are storage's.
_SPEAK_FOR_THE_APP = frozenset(
    ("boto3", "botocore", "builtins", "click", "flask", "jinja2", "s3transfer", "werkzeug")
)


def is_dependency(error: BaseException) -> bool:
    """Return whether an exception, or one that led to it, is of an installed package that is no framework."""
    return any(_is_installed(type(link).__module__.partition(".")[0]) for link in chain_of(error))


@functools.lru_cache(maxsize=256)
def _is_installed(package: str) -> bool:
    file = getattr(sys.modules.get(package), "__file__", None)
    if package in _SPEAK_FOR_THE_APP or file is None:
        return False
    path = Path(file)
    return any(path.is_relative_to(sysconfig.get_path(home)) for home in ("purelib", "platlib"))
