"""What other instrumentations and distributions record of a key is hidden like all else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from otel_savetrace.capture.keys.hash import hash_of
from otel_savetrace.demo.faults import Plan
from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS
from tests.beside.saves import Press
from tests.fixture_app import MAPS, starter
from tests.fixture_beside import Beside
from tests.fixture_beside_runs import OPTIONS, traced_beside

PRESSES = [
    dataclasses.replace(press, name=f"plan-{number}-of-ada")
    for number, press in enumerate((*saves.PRESSES, Press("", "presigned")))
]
PLAN = Plan(tuple(press.rule for press in PRESSES if press.rule is not None))
PARTS = ("-of-ada", "of-ada", "draft.json", "published.json", "image.jpg")


@pytest.mark.parametrize(
    ("name", "mode"),
    [("urllib3", "plain"), ("urllib3", "hash"), ("elastic and all", "hash"), ("aws and all", "hash")],
)
def test_no_key_is_in_the_file_beside(
    name: str,
    mode: str,
    request: pytest.FixtureRequest,
    beside: Beside,
    overlay: Path,
    store_port: int,
    tmp_path: Path,
) -> None:
    """Beside them, too, no storymap and no file is named in the file of spans, but where keys are plain."""
    environment = ENVIRONMENTS[name]
    tracing = {**traced_beside(environment, overlay), "OTEL_SAVETRACE_KEYS": mode}
    if environment.database:
        tracing["DATABASE_URL"] = request.getfixturevalue("maps_database")
    with starter(beside(environment.installed), store_port, tmp_path) as start:
        app = start(tracing, plan=PLAN, app=MAPS, options=OPTIONS)
        saves.send(app, PRESSES)
        app.stop()
    raw = app.spans_file.read_text()
    assert any(part in raw for part in PARTS) == (mode == "plain")
    shown = {press.name if mode == "plain" else hash_of(press.name) for press in PRESSES}
    served = [span for span in app.spans() if span.kind == "server" and span.parent_span_id is None]
    assert {str(span.attributes["http.target"]).rpartition("/")[2] for span in served} - {""} == shown
