"""Plays an incident: starts its servers, lets the users save, and keeps the spans."""

from __future__ import annotations

import contextlib
import functools
import random
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from otel_savetrace.demo import keeping
from otel_savetrace.demo.incidents.disturbance import Disturber
from otel_savetrace.demo.incidents.incident import Incident
from otel_savetrace.demo.incidents.site import Site, start_site
from otel_savetrace.demo.progress import watch
from otel_savetrace.demo.stage import Stage
from otel_savetrace.demo.users import Crowd
from otel_savetrace.errors import RealPartError

if TYPE_CHECKING:
    from otel_savetrace.demo.browser_users import BrowserCrowd


def play(stage: Stage, incident: Incident, seed: int, keep: Path | None) -> Path:
    """Play the incident and return the file of its spans, kept in `keep` or the user's cache."""
    stage.console.print(Text(incident.says, style="bold"))
    stage.console.print()
    authors = incident.cast(random.Random(seed))  # noqa: S311 - a story, no secret
    make_crowd = crowd_of(incident)
    site = start_site(stage, incident, seed)
    stage.console.print()
    disturber = _disturber(incident, site)
    with disturber or contextlib.nullcontext():
        watch(stage.console, authors, functools.partial(make_crowd, site.addresses, authors, seed))
    for app in site.apps:
        app.stop()  # its last spans are exported as it ends
    if site.nginx is not None:
        site.nginx.stop()  # what it still holds is logged as it ends
    with stage.whole():
        return keeping.keep(stage.folder, keep)


def _disturber(incident: Incident, site: Site) -> Disturber | None:
    if incident.disturbance is None:
        return None
    server = site.store if incident.disturbance.of == "store" else site.apps[0]
    return Disturber(incident.disturbance, server)


def crowd_of(incident: Incident) -> type[Crowd | BrowserCrowd]:
    """Return who the users are. Raises `RealPartError` where a browser has nothing to drive it."""
    if not incident.in_browser:
        return Crowd
    try:
        from otel_savetrace.demo.browser_users import BrowserCrowd
    except ImportError as error:
        raise RealPartError(
            "There is no playwright, which drives a browser: `pip install 'otel-savetrace[demo-browser]'`."
        ) from error
    return BrowserCrowd
