"""Each incident of the catalogue, played by its real mechanism, is told right by the report."""

from __future__ import annotations

import dataclasses
import io
import random
import re
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import Report
from otel_savetrace.analysis.report import make_report, sources_seen
from otel_savetrace.analysis.saves import saves
from otel_savetrace.demo import keeping
from otel_savetrace.demo.binaries import OTEL_SAVETRACE_BIN, WEED
from otel_savetrace.demo.command import demo
from otel_savetrace.demo.incidents.catalogue import INCIDENTS
from otel_savetrace.demo.incidents.incident import Host, Incident
from otel_savetrace.demo.incidents.play import play
from otel_savetrace.demo.interruption import Interruption
from otel_savetrace.demo.nginx import Nginx, nginx_server
from otel_savetrace.demo.stage import Stage
from otel_savetrace.demo.story import Author
from otel_savetrace.errors import RealPartError
from otel_savetrace.report.cause_words import cause_in_words, sentence
from otel_savetrace.spans import sources

AT_ONCE = 5
"""Incidents that play at the same time: most of each is waiting."""

BROWSERS_AT_ONCE = 2
"""And so many of those whose users have browsers, which do not wait."""

MOST_STEPS = 8
"""So many saves of each user are enough for a cause."""

MOST_IN_BROWSERS = 2
"""And so many users with browsers."""

TURNS = 4
"""So often an incident is played at most."""

WATCHED = "checksum"
"""One of them is played as a user does it, by the command, with all of its saves."""

SAVETRACE = Path(sysconfig.get_path("scripts")) / "savetrace"

NEARLY_ALL = 0.8

LEAST = 12
"""Faults that a user can have played, at least."""


@pytest.mark.long
def test_every_incident_is_told_by_its_own_cause(
    s3_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Of nearly all failed saves of every incident the report names what made them fail, before all else."""
    monkeypatch.setenv(f"{OTEL_SAVETRACE_BIN}VERSITYGW", str(s3_program))
    with_versitygw = not s3_program.name.startswith(WEED)
    with_nginx, with_chromium = _has(request, "nginx_program"), _has(request, "chromium_on_path")
    incidents = [
        one for one in INCIDENTS.values()
        if (with_versitygw or not one.only_versitygw) and (with_nginx or one.nginx is None)
        and (with_chromium or not one.in_browser)
    ]  # fmt: skip
    with ThreadPoolExecutor(AT_ONCE) as some, ThreadPoolExecutor(BROWSERS_AT_ONCE) as in_browsers:
        playing = {
            one.name: (in_browsers if one.in_browser else some).submit(_report_on, one, tmp_path / one.name)
            for one in incidents
        }
        told = {name: _cause(played.result()) for name, played in playing.items()}
    assert told == {one.name: one.cause for one in incidents}


def _has(request: pytest.FixtureRequest, part: str) -> bool:
    try:
        request.getfixturevalue(part)
    except pytest.skip.Exception:
        return False
    return True


def test_an_incident_without_nginx_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no nginx, its incidents say how to get one."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(RealPartError, match="apt-get install nginx-light"):
        nginx_server(tmp_path / "nginx", 1, 2, Nginx())


def test_there_are_as_many_as_were_promised() -> None:
    """A user can choose among twelve faults or more, no two of which are told in the same words."""
    assert len(INCIDENTS) >= LEAST
    assert len({incident.says for incident in INCIDENTS.values()}) == len(INCIDENTS)


def test_the_faults_are_listed_with_what_they_are() -> None:
    """`--list-faults` names each fault and says what goes wrong, and what it needs."""
    listed = CliRunner().invoke(demo, ["--list-faults"], env={"COLUMNS": "200"})
    assert listed.exit_code == 0
    said = re.sub(r"\s+", " ", listed.output)
    for incident in INCIDENTS.values():
        assert f"{incident.name} {incident.says}" in said
    for name, needs in {
        "two-clicks": "Chromium",
        "front-timeout": "nginx",
        "tab-closed": "nginx and Chromium",
    }.items():
        assert f"{INCIDENTS[name].says} Needs {needs}." in said
    assert f"{INCIDENTS['throttled'].says} Needs" not in said


def _report_on(incident: Incident, folder: Path) -> Report:
    """Play an incident until a save fails in it: some faults are races, which nobody may lose for once."""
    for turn in range(TURNS):
        report = _report(_played(incident, folder / str(turn)))
        if report.saves.failed:
            break
    return report


def _played(incident: Incident, folder: Path) -> Path:
    """Play an incident with fewer saves than it has for a person who watches; return its spans' file."""
    if incident.name == WATCHED:
        return _watched(incident, folder)

    def fewer(chance: random.Random) -> tuple[Author, ...]:
        authors = incident.cast(chance)[: MOST_IN_BROWSERS if incident.in_browser else None]
        return tuple(dataclasses.replace(author, steps=author.steps[:MOST_STEPS]) for author in authors)

    # Its signals are the main thread's alone; here nobody interrupts.
    with Stage(Console(file=io.StringIO()), Interruption()) as stage:
        hosts = tuple(map(_with_one_worker, incident.hosts))
        return play(stage, dataclasses.replace(incident, cast=fewer, hosts=hosts), seed=1, keep=folder)


def _with_one_worker(host: Host) -> Host:
    """Let threads do what a host's two usual workers do: a worker takes a second of a core to start."""
    return (
        dataclasses.replace(host, gunicorn=("--threads", "4")) if host.gunicorn == Host().gunicorn else host
    )


def _watched(incident: Incident, folder: Path) -> Path:
    ended = subprocess.run(  # noqa: S603 - the command under test
        [SAVETRACE, "demo", "--fault", incident.name, "--keep", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert incident.says in re.sub(r"\s+", " ", ended.stdout)
    assert sentence(cause_in_words(incident.cause)) in re.sub(r"\s+", " ", ended.stdout)
    return folder / "spans.jsonl"


def _report(file: Path) -> Report:
    readings = sources.read_all(keeping.sources(file))
    spans = [span for reading in readings for span in reading.spans]
    held = saves(spans)
    return make_report(sources_seen(readings, held), held, episodes(held), lambda _: True, spans)


def _cause(report: Report) -> str | None:
    """Return the first verdict's cause if it is that of nearly all: a store that is stopped says 500."""
    first = report.verdicts[0] if report.verdicts else None
    return first.cause if first and first.share >= NEARLY_ALL else None
