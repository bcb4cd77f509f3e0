"""Each incident of the catalogue, played by its real mechanism, is told right by the report."""

from __future__ import annotations

import dataclasses
import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import Report
from otel_savetrace.analysis.report import make_report, sources_seen
from otel_savetrace.analysis.saves import saves
from otel_savetrace.demo.binaries import OTEL_SAVETRACE_BIN, WEED
from otel_savetrace.demo.incidents.catalogue import INCIDENTS
from otel_savetrace.demo.incidents.incident import Incident
from otel_savetrace.demo.incidents.play import play
from otel_savetrace.demo.interruption import Interruption
from otel_savetrace.demo.stage import Stage
from otel_savetrace.demo.story import Author
from otel_savetrace.spans import sources

AT_ONCE = 6
"""Incidents that play at the same time: most of each is waiting."""

MOST_STEPS = 8
"""So many saves of each user are enough for a cause."""

LEAST = 12
"""Faults that a user can have played, at least."""


def test_every_incident_is_told_by_its_own_cause(
    s3_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every incident's failed saves the report names the cause that made them fail, and no other."""
    monkeypatch.setenv(f"{OTEL_SAVETRACE_BIN}VERSITYGW", str(s3_program))
    with_versitygw = not s3_program.name.startswith(WEED)
    incidents = [one for one in INCIDENTS.values() if with_versitygw or not one.only_versitygw]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        played = list(threads.map(lambda one: _played(one, tmp_path / one.name), incidents))
    told = {one.name: _causes(_report(spans)) for one, spans in zip(incidents, played, strict=True)}
    assert told == {one.name: {one.cause} for one in incidents}


def test_there_are_as_many_as_were_promised() -> None:
    """A user can choose among twelve faults or more, no two of which are told in the same words."""
    assert len(INCIDENTS) >= LEAST
    assert len({incident.says for incident in INCIDENTS.values()}) == len(INCIDENTS)


def _played(incident: Incident, folder: Path) -> Path:
    """Play an incident with fewer saves than it has for a person who watches."""

    def fewer(chance: random.Random) -> tuple[Author, ...]:
        return tuple(
            dataclasses.replace(author, steps=author.steps[:MOST_STEPS]) for author in incident.cast(chance)
        )

    # Its signals are the main thread's alone; here nobody interrupts.
    with Stage(Console(file=io.StringIO()), Interruption()) as stage:
        return play(stage, dataclasses.replace(incident, cast=fewer), seed=1, keep=folder)


def _report(file: Path) -> Report:
    reading = sources.read(str(file))
    held = saves(reading.spans)
    return make_report(sources_seen([reading], held), held, episodes(held), lambda _: True, reading.spans)


def _causes(report: Report) -> set[str]:
    return {verdict.cause for verdict in report.verdicts}
