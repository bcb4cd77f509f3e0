"""A database that is lost after the PUT: the save has failed, and is stored."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.demo.faults import key_of
from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS
from tests.fixture_beside_runs import Run, RunBeside

WITH_DATABASE = [name for name, environment in ENVIRONMENTS.items() if environment.database]


@pytest.fixture(params=WITH_DATABASE)
def run(request: pytest.FixtureRequest, run_beside: RunBeside) -> Run:
    """The saves beside an instrumentation of the app's database."""
    return run_beside(request.param)


def test_a_database_lost_after_the_put(run: Run) -> None:
    """The user was told of an error, the store has the object: stage, code and `stored` say so."""
    assert b'"error"' in run.answers[saves.LOST]
    (seen,) = [seen for seen in run.journal if saves.LOST in key_of(seen.target)]
    assert (seen.method, seen.answered) == ("PUT", 200)
    facts = saves.saves(run.spans)[saves.LOST].attributes
    assert {name: facts[name] for name in EXPECTED} == EXPECTED


EXPECTED = {
    attribute.OUTCOME: attribute.FAILED,
    attribute.STAGE: "dependency",
    attribute.STORED: attribute.YES,
    attribute.ERROR_CODE: "OperationalError",
    attribute.CAUGHT_EXCEPTIONS: "OperationalError",
}


def test_the_databases_spans_stand_in_the_trace_of_the_save(run: Run) -> None:
    """A save that came to its UPDATE has a span of it right below its own; another cursor's SELECT, none."""
    found = saves.saves(run.spans)
    of_save = {save.span_id: name for name, save in found.items()}
    assert not [span for span in run.spans if span.name == "SELECT"]
    updating = {of_save[span.parent_span_id or ""] for span in run.spans if span.name == "UPDATE"}
    succeeded = {
        name
        for name, save in found.items()
        if save.attributes["http.route"] == "/save/<storymap_id>"
        and save.attributes[attribute.OUTCOME] == attribute.SUCCEEDED
    }
    assert updating == {*succeeded, saves.LOST}
