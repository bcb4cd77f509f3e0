"""Each verdict carries the values that it was found in."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from tests.analysis.made_incident import RESET, Fault, Moment, made_incident
from tests.fixture_page import INCIDENTS, exhibited


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_verdict_has_something_to_draw(incident: str) -> None:
    """The condition's attribute comes first, and without any evidence there is still when the saves began."""
    report, _ = exhibited(INCIDENTS[incident]())
    for verdict in report.verdicts:
        assert verdict.distributions
        first = verdict.distributions[0]
        assert any(held is not None for held in first.failed)
        if verdict.condition is not None:
            assert first.attribute == verdict.condition.attribute


def test_the_values_bear_out_the_shares_of_the_condition() -> None:
    """What the page draws is what the condition was found in: counted again, it gives the same shares."""
    report, _ = exhibited(INCIDENTS["two faults"]())
    verdict = next(one for one in report.verdicts if one.cause == "network.read_timeout")
    assert verdict.condition is not None
    assert verdict.condition.attribute == names.PEER_ADDRESS
    drawn = verdict.distributions[0]
    for values, share in (
        (drawn.failed, verdict.condition.failed_share),
        (drawn.succeeded, verdict.condition.succeeded_share),
    ):
        assert sum(held == verdict.condition.value for held in values) / len(values) == pytest.approx(share)
    assert all(len(pair) == 2 for pair in drawn.pairs)
    assert drawn.pairs


def test_no_pairs_of_what_a_second_save_finds_otherwise() -> None:
    """An idle time within an episode is no fair comparison, and is not drawn as one."""
    report, _ = exhibited(made_incident(7, idle_too_long, 300))
    shown = [one for verdict in report.verdicts for one in verdict.distributions]
    assert names.CONNECTION_IDLE_SECONDS in {one.attribute for one in shown}
    assert not [one for one in shown if one.pairs and one.attribute in candidates.IN_ORDER]


def idle_too_long(moment: Moment) -> Fault | None:
    """Fail on connections that idled for long."""
    return RESET if moment.reused and moment.idle > 9.0 else None
