"""What a save tells of waiting for its worker and of that one's age, as conditions of failing."""

from __future__ import annotations

from otel_savetrace import attributes as names
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
    moment.of_save[names.SERVER_AGE_SECONDS] = int(moment.at) + 100


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


def test_the_age_of_a_server_is_no_condition_of_what_is_tried_again() -> None:
    """A retry comes later, on a server that is older: that it works is not by its age."""
    planted = Planted(
        "by chance", lambda moment: moment.chance.random() < 0.15, 0.15, (), bound(">", 0.0), STOPPED,
        _prepare, seconds=DAY,
    )  # fmt: skip
    for seed in range(3):
        for verdict in verdicts(planted.incident(seed, 60)):
            assert verdict.condition is None, verdict.condition
