"""Where an exception comes from: the app's own code, or a package that the app depends on."""

from __future__ import annotations

import functools
import sys
import sysconfig
from pathlib import Path

from otel_savetrace.capture.failure import chain_of

_SPEAK_FOR_THE_APP = frozenset(("builtins", "click", "flask", "jinja2", "werkzeug"))
_OF_STORAGE = frozenset(("boto3", "botocore", "s3transfer"))


def is_dependency(error: BaseException, app: str) -> bool:
    """Return whether an exception, or one that led to it, is of an installed package that is no framework.

    `app` is the app's import name: it may be installed itself. What led to a failure of storage, such as an
    exception of urllib3's, is storage's too.
    """
    own = app.partition(".")[0]
    for link in chain_of(error):
        package = type(link).__module__.partition(".")[0]
        if package in _OF_STORAGE:
            return False
        if package != own and is_installed(package):
            return True
    return False


@functools.lru_cache(maxsize=256)
def is_installed(package: str) -> bool:
    """Return whether a package is installed and no framework that speaks for the app."""
    file = getattr(sys.modules.get(package), "__file__", None)
    if package in _SPEAK_FOR_THE_APP or file is None:
        return False
    path = Path(file)
    return any(path.is_relative_to(sysconfig.get_path(home)) for home in ("purelib", "platlib"))
