"""Plays an incident: starts its servers, lets the users save, and keeps the spans."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from otel_savetrace.demo import keeping
from otel_savetrace.demo.incidents.disturbance import Disturber
from otel_savetrace.demo.incidents.incident import Incident
from otel_savetrace.demo.incidents.site import Site, start_site
from otel_savetrace.demo.progress import Progress
from otel_savetrace.demo.stage import Stage
from otel_savetrace.demo.story import Author
from otel_savetrace.demo.users import Crowd

_DRAWN_A_SECOND = 12


def play(stage: Stage, incident: Incident, seed: int, keep: Path | None) -> Path:
    """Play the incident and return the file of its spans, kept in `keep` or the user's cache."""
    stage.console.print(Text(incident.says, style="bold"))
    stage.console.print()
    authors = incident.cast(random.Random(seed))  # noqa: S311 - a story, no secret
    site = start_site(stage, incident, seed)
    stage.console.print()
    disturber = _disturber(incident, site)
    with disturber or contextlib.nullcontext():
        _watch(stage.console, authors, site, seed)
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


def _watch(console: Console, authors: tuple[Author, ...], site: Site, seed: int) -> None:
    """Let the users save until they have nothing left to save."""
    progress = Progress(authors)
    with (
        Live(progress, console=console, refresh_per_second=_DRAWN_A_SECOND, transient=True),
        Crowd(site.addresses, authors, seed, progress.note) as crowd,
    ):
        crowd.wait()
    console.print(progress)
    console.print()
    console.print(progress.summary())
