"""The same saves, made once beside each thing that people have beside otel-savetrace."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from otel_savetrace.demo.journal import Seen
from otel_savetrace.spans.rows import Span
from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS, UNTRACED, Environment
from tests.fixture_app import MAPS, TO_A_FILE, starter
from tests.fixture_beside import Beside
from tests.fixture_postgresql import Postgresql

OPTIONS = ("--workers", "1", "--threads", "8")
_LOSES_ITS_CONNECTION = f"""
CREATE TABLE storymaps (id text PRIMARY KEY, saves integer NOT NULL DEFAULT 0);
INSERT INTO storymaps (id) VALUES ('{saves.LOST}'), ('well');
CREATE FUNCTION end_this_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_terminate_backend(pg_backend_pid());
    PERFORM pg_sleep(60);
    RETURN NEW;
END $$;
CREATE TRIGGER lose BEFORE UPDATE ON storymaps FOR EACH ROW WHEN (OLD.id = '{saves.LOST}')
    EXECUTE FUNCTION end_this_connection();
"""  # noqa: S608 - the name of a save of ours


@dataclasses.dataclass(frozen=True)
class Run:
    """An app that has been through the saves and has ended: what users got, and what was seen and written."""

    answers: Mapping[str, bytes]
    spans: list[Span]
    journal: list[Seen]
    log: list[str]


def traced_beside(environment: Environment, overlay: Path) -> dict[str, str]:
    """Return the variables that switch tracing on beside `environment`; `overlay` holds otel-savetrace."""
    ours = {"OTEL_SAVETRACE_SAVE_ROUTES": saves.SAVE_ROUTES, "PYTHONPATH": str(overlay)}
    return {**TO_A_FILE, **ours, **environment.tracing}


RunBeside = Callable[[str | None], Run]
"""Gives the run beside one of `ENVIRONMENTS`; beside None, without any tracing at all."""


@pytest.fixture(scope="session")
def maps_database(postgresql: Postgresql) -> str:
    """Make the app's table, of which one row ends the connection of whoever updates it; give the URL."""
    postgresql.run(_LOSES_ITS_CONNECTION)
    return postgresql.url


@pytest.fixture(scope="session")
def run_beside(
    request: pytest.FixtureRequest,
    beside: Beside,
    overlay: Path,
    store_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunBeside:
    """Give runs by name, each made once."""
    made: dict[str | None, Run] = {}

    def run(name: str | None) -> Run:
        if name not in made:
            environment = UNTRACED if name is None else ENVIRONMENTS[name]
            tracing = {} if name is None else traced_beside(environment, overlay)
            presses = list(saves.PRESSES)
            if environment.database:
                tracing["DATABASE_URL"] = request.getfixturevalue("maps_database")
                presses.append(saves.Press(saves.LOST, "save"))
            with starter(
                beside(environment.installed), store_port, tmp_path_factory.mktemp("beside")
            ) as start:
                app = start(tracing, plan=saves.PLAN, app=MAPS, options=OPTIONS)
                answers = saves.send(app, presses)
                app.stop()
            made[name] = Run(answers, app.spans(), app.journal(), app.log_lines())
        return made[name]

    return run
