"""A real fork: a client that was used before it shares a socket with the parent, and the trace says so."""

from __future__ import annotations

from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from tests.fixture_script import RunScript


@pytest.fixture(scope="module")
def forked(run_script: RunScript) -> Any:
    """What a process and the child it forked recorded, and what their store saw."""
    return run_script("tests.ways_in.scripts.forked")


def test_a_client_used_before_a_fork_tells_whose_socket_it_is(forked: Any) -> None:
    """In the child every attempt on the parent's socket names the parent's pid; the store saw one socket."""
    assert forked["status"] == 0
    connections = forked["connections"]
    for key in ("child, used before", "child, used before, again"):
        told = forked["recorded"][key]
        assert connections[key] == connections["before the fork"]
        assert told[attribute.CONNECTION_PID] == forked["parent"]
        assert told[attribute.CONNECTION] == attribute.REUSED


@pytest.mark.parametrize(
    "key",
    [
        "child, made before",
        "child, made before, again",
        "child, made after",
        "before the fork",
        "parent again",
    ],
)
def test_a_processs_own_socket_names_no_other_process(forked: Any, key: str) -> None:
    """A socket that the process itself opened is told without a pid, in parent and child."""
    assert forked["recorded"][key][attribute.CONNECTION_PID] is None


def test_new_and_reused_are_as_the_store_saw_them_on_either_side(forked: Any) -> None:
    """New or reused, of parent and child, agrees with the store's count of requests on each socket."""
    seen: set[int] = set()
    truth = {}
    for key, connection in forked["connections"].items():
        truth[key] = attribute.REUSED if connection in seen else attribute.NEW
        seen.add(connection)
    del truth["before capture"]
    assert {key: told[attribute.CONNECTION] for key, told in forked["recorded"].items()} == truth


def test_heads_are_counted_right_on_either_side(forked: Any) -> None:
    """Header bytes of parent and child are the store's own counts."""
    del forked["heads"]["before capture"]
    told = {key: attempt[attribute.HEADER_BYTES] for key, attempt in forked["recorded"].items()}
    assert told == forked["heads"]


def test_a_save_tells_the_process_that_it_ran_in(forked: Any) -> None:
    """Each side names itself, and the child has served nothing when its first request comes."""
    told = [
        [(save[attribute.PROCESS_ID], save[attribute.REQUESTS_SERVED]) for save in saves]
        for saves in forked["saves"]
    ]
    assert told == [[(forked[side], number) for number in range(2)] for side in ("parent", "child")]
    assert {save[attribute.REQUESTS_IN_FLIGHT] for saves in forked["saves"] for save in saves} == {1}
