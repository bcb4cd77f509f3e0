"""What a save tells of waiting for its worker and of that one's age, as conditions of failing."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.advice_condition import look_first
from otel_savetrace.analysis.findings import Condition
from tests.analysis.made_incident import Fault, Moment
from tests.analysis.planted import DAY, Planted, bound, is_right, verdicts

STOPPED = Fault(
    "worker_timeout",
    names.PROCESS,
    None,
    of_save={names.DOING: "backing off before attempt 3 of 6 of PutObject"},
)
TOO_LONG_SECONDS = 12.0


def _waited(moment: Moment) -> float:
    return float(moment.of_save[names.QUEUE_SECONDS])  # type: ignore[arg-type]  # as prepared


def _prepare(moment: Moment) -> None:
    moment.of_save[names.QUEUE_SECONDS] = round(moment.chance.expovariate(1 / 6.0), 3)


def test_waiting_for_a_worker_may_be_the_condition() -> None:
    """Saves that fail once they have waited too long are told by how long they did, not by their doing."""
    planted = Planted(
        "long waits", lambda moment: _waited(moment) > TOO_LONG_SECONDS, 0.14, {names.QUEUE_SECONDS},
        bound(">=", TOO_LONG_SECONDS), STOPPED, _prepare, seconds=DAY,
    )  # fmt: skip
    made = planted.incident(5, 60)
    (verdict,) = verdicts(made)
    assert verdict.cause == "process.killed"
    assert is_right(planted, verdict.condition, made), verdict.condition
    assert names.DOING not in {evidence.attribute for evidence in verdict.because}


@pytest.mark.parametrize("cause", ["process.killed", "front.timeout"])
def test_waits_are_for_workers(cause: str) -> None:
    """Where saves fail that waited long, workers are too few or held up, whoever gave up first."""
    (step,) = look_first(cause, Condition(names.QUEUE_SECONDS, ">=", 12.0, 0.8, 0.02))
    assert step == (
        "See what keeps all workers busy, or run more of them (gunicorn --workers, --threads): 80 % of the"
        " failed saves had waited 12 s or more for one, and 2 % of those that worked."
    )
    assert not list(look_first(cause, Condition(names.QUEUE_SECONDS, "<", 1.0, 0.8, 0.02)))


@pytest.mark.parametrize(
    ("name", "who"),
    [
        (names.WORKER_AGE_SECONDS, "a new worker"),
        (names.RELOAD_AGE_SECONDS, "a server that was reloaded"),
        (names.SERVER_AGE_SECONDS, "a server that was started"),
    ],
)
def test_what_is_young_is_not_ready(name: str, who: str) -> None:
    """Where saves fail soon after a beginning, what began was not ready."""
    (step,) = look_first("app.exception", Condition(name, "<=", 20, 0.9, 0.1))
    assert step == (
        f"Let {who} be ready before it gets requests: 90 % of the failed saves came within 20 s of its"
        " beginning, and 10 % of those that worked."
    )
