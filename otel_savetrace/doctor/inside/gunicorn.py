"""gunicorn's settings, read by gunicorn: its defaults, gunicorn.conf.py, GUNICORN_CMD_ARGS, its options."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from typing import Any

from otel_savetrace.doctor.facts import GunicornFacts

APP = "app:app"
"""gunicorn wants one named; it is not loaded."""


def gunicorn(options: str) -> GunicornFacts | None:
    """Return what gunicorn would run with, given `options` as on its command line; `None` without it."""
    try:
        from gunicorn.app.wsgiapp import WSGIApplication
    except ImportError:
        return None
    heard = io.StringIO()
    before, sys.argv = sys.argv, ["gunicorn", *shlex.split(options), APP]
    try:
        with contextlib.redirect_stderr(heard):
            # Reading its configuration is all that making one does.
            settings: Any = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").cfg
    except (SystemExit, Exception) as error:  # its configuration file is a program
        said = heard.getvalue().strip().splitlines()
        return {
            "error": said[-1] if said else f"{type(error).__name__}: {error}",
            "worker_class": "", "timeout_seconds": 0, "preload": False,
        }  # fmt: skip
    finally:
        sys.argv = before
    return {
        "error": None,
        # gunicorn makes gthread of sync workers with several threads.
        "worker_class": settings.worker_class_str,
        "timeout_seconds": int(settings.timeout),
        "preload": bool(settings.preload_app),
    }
