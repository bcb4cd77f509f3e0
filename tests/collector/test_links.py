"""The links of Jaeger's page, filled in and followed as the page does: each leads to the right traces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collector.saves import Sender, sending_to
from tests.fixture_collector import StartCollector
from tests.fixture_jaeger import Jaeger, StartJaeger, Storage
from tests.jaeger_page import (
    ALL_OF_STORYMAP,
    COMPARE,
    FIND_ALL_RETRIES,
    FIND_RETRY,
    OPEN_FIRST,
    Page,
    assert_walkable,
)

SPANS_OF_SAVE = 3
MINUTE = 60.0
DAY = 24 * 60 * MINUTE
LONGEST_COOKIE = DAY
"""What OTEL_SAVETRACE_COOKIE_SECONDS can be at most."""


def tell_episode(
    sender: Sender, storymap_id: str, *, failures: int, began: float = 30 * MINUTE, pause: float = MINUTE
) -> list[str]:
    """Send saves that fail so often and then work, with a pause between; give their trace ids in order.

    `began` is how many seconds ago the first one ended.
    """
    told: list[str] = []
    for number in range(failures + 1):
        failed = number < failures
        retried: dict[str, Any] = {
            "savetrace_previous_trace_id": told[-1],
            "savetrace_previous_span_id": f"{number:016x}",
            "savetrace_first_trace_id": told[0],
        } if told else {}  # fmt: skip
        told.append(
            sender.save(
                codes=("SlowDown",) if failed else (),
                outcome="failed" if failed else None,
                seconds_ago=began - number * pause,
                storymap_id=storymap_id,
                **retried,
            )
        )
    return told


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_an_episode_is_walked_both_ways_and_no_other_is_met(
    start_jaeger: StartJaeger, start_collector: StartCollector, storage: Storage
) -> None:
    """From each of four saves the links lead to the one before, the one after, the first, and all of them."""
    jaeger = start_jaeger(storage)
    with sending_to(start_collector(jaeger=jaeger).grpc) as sender:
        told = tell_episode(sender, "rivers", failures=3)
        others = [*tell_episode(sender, "trains", failures=1), sender.save(storymap_id="rivers")]
    jaeger.wait_for(dict.fromkeys((*told, *others), SPANS_OF_SAVE))
    assert_walkable(jaeger, told)
    for trace_id in told:
        assert Page(jaeger, trace_id).follow(ALL_OF_STORYMAP) == {*told, others[-1]}


@pytest.fixture
def jaeger(start_jaeger: StartJaeger) -> Jaeger:
    """Run a Jaeger in memory."""
    return start_jaeger("memory")


@pytest.mark.parametrize("additions", [1, 2])
def test_an_episode_of_last_week_is_walked_whatever_the_searches_look_back(
    start_collector: StartCollector, jaeger: Jaeger, additions: int
) -> None:
    """Of saves a week old, the second as late as a cookie allows, each is reached from each other one."""
    with sending_to(start_collector(jaeger=jaeger).grpc) as sender:
        first, second = tell_episode(
            sender, "rivers", failures=1, began=7 * DAY, pause=LONGEST_COOKIE - MINUTE
        )
    jaeger.wait_for(dict.fromkeys((first, second), SPANS_OF_SAVE))
    page = Page(jaeger, first, additions)
    assert page.follow(FIND_RETRY) == {second}
    assert page.follow(FIND_ALL_RETRIES) == {second}
    assert Page(jaeger, second).follow(OPEN_FIRST) == {first}
    assert Page(jaeger, second).follow(COMPARE) == {first, second}


def test_a_retry_that_beats_the_end_of_its_failure_is_found(
    start_collector: StartCollector, jaeger: Jaeger
) -> None:
    """A retry that began while spans of the failed save were still being made is found all the same."""
    with sending_to(start_collector(jaeger=jaeger).grpc) as sender:
        failed = sender.save(codes=("SlowDown",), outcome="failed", seconds=20.0)
        retry = sender.save(seconds=1.0, savetrace_previous_trace_id=failed, seconds_ago=5.0)
    jaeger.wait_for(dict.fromkeys((failed, retry), SPANS_OF_SAVE))
    assert Page(jaeger, failed).follow(FIND_RETRY) == {retry}
