"""What tells something stands on top, and what any two requests have is noise."""

from __future__ import annotations

from typing import Any

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.ranking import is_consequence, is_noise, rank


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        (names.REQUEST_ID, "A", "B"),
        (names.WORKER_AGE_SECONDS, 3, 30_000),
        (names.REQUESTS_SERVED, 3, 3_000),
        (names.REQUESTS_IN_FLIGHT, 1, 2),
        (names.POOL_IN_USE, 4, 3),
        (names.FIRST_BYTE_SECONDS, 0.5, 0.9),
        (names.TLS_SECONDS, 0.03, None),
        (names.CLOCK_SKEW_SECONDS, -1, 1),
        (names.CREDENTIAL_EXPIRES_IN_SECONDS, 3_000, 400),
        (names.CONNECTION_REQUESTS, 22, 26),
        (names.CONNECTION_REQUESTS, 3, 40),
        (names.CONNECTION_AGE_SECONDS, 3.0, 40.0),
        (names.CONNECTION_IDLE_SECONDS, 0.9, 0.02),
    ],
)
def test_noise(name: str, a: Any, b: Any) -> None:
    """Ids, ages, one more at the same moment and times near each other differ between any two requests."""
    assert is_noise(name, a, b)
    assert is_noise(name, b, a)


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        (names.REQUESTS_SERVED, 0, 3_000),
        (names.REQUESTS_IN_FLIGHT, 1, 8),
        (names.FIRST_BYTE_SECONDS, 0.5, 20.0),
        (names.TLS_SECONDS, 3.0, None),
        (names.CLOCK_SKEW_SECONDS, -1_200, 0),
        (names.CREDENTIAL_EXPIRES_IN_SECONDS, -5, 3_000),
        (names.CREDENTIAL_EXPIRES_IN_SECONDS, 3_000, None),
        (names.CONNECTION_REQUESTS, 8, 0),
        (names.CONNECTION_REQUESTS, 3, 99),
        (names.CONNECTION_AGE_SECONDS, 3.0, 350.0),
        (names.CONNECTION_IDLE_SECONDS, 0.9, 6.0),
        (names.CONNECTION_IDLE_SECONDS, 61.0, None),
        (names.READ_TIMEOUT_SECONDS, 60.0, 59.0),
        (names.CONNECTION_PID, 17, None),
        (names.HEADER_BYTES, 901, 902),
        ("user.plan", {"a": 1}, {"a": 2}),
        (names.REQUESTS_SERVED, {"a": 1}, 0),
    ],
)
def test_what_tells_something(name: str, a: Any, b: Any) -> None:
    """A first request, a crowd, a wrong clock, ended credentials, a setting: those are told."""
    assert not is_noise(name, a, b)
    assert not is_noise(name, b, a)


def test_the_order() -> None:
    """Another's socket before sizes, sizes before connections, processes last, the rest between."""
    told = [
        names.CONNECTION_PID, names.KEY_LEN, names.CONTENT_SIZE, names.HEADER_SECTION_BYTES, names.CONNECTION,
        names.CONNECTION_IDLE_SECONDS, names.CLOCK_SKEW_SECONDS, names.READ_TIMEOUT_SECONDS,
        "user_agent.original", names.PEER_ADDRESS, names.PROCESS_ID,
    ]  # fmt: skip
    backwards = told[::-1]
    assert sorted(backwards, key=rank) == told


@pytest.mark.parametrize("name", [names.STORED, names.STAGE, names.ERRNO, names.APP_RETRY_ATTEMPTS])
def test_what_an_outcome_brings(name: str) -> None:
    """What became of a save is no cause of it."""
    assert is_consequence(name, "a", "b")


def test_a_refused_head_is_a_consequence_and_an_unanswered_one_is_not() -> None:
    """A store that refuses a head says so in place of 100 Continue; one that says nothing is a cause."""
    assert is_consequence(names.CONTINUE, names.FINAL, "continued")
    assert not is_consequence(names.CONTINUE, names.UNANSWERED, "continued")
