"""Jaeger gets every save that tells something, whole, and the share of the rest that was asked for."""

from __future__ import annotations

import pytest

from tests.collector.saves import SERVICE, sending_to
from tests.fixture_collector import StartCollector
from tests.fixture_jaeger import Jaeger, StartJaeger

SPANS_OF_PLAIN_SAVE = 3


@pytest.fixture
def jaeger(start_jaeger: StartJaeger) -> Jaeger:
    """Run a Jaeger in memory."""
    return start_jaeger("memory")


def test_what_tells_something_is_kept_whole(start_collector: StartCollector, jaeger: Jaeger) -> None:
    """With a share of nothing, failed, retried and slow saves come with all their spans, and no other."""
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT="0", COLLECTOR_SLOW="2s")
    with sending_to(collector.grpc) as sender:
        plain = [sender.save() for _ in range(20)]
        kept = {
            sender.save(codes=("SlowDown",), outcome="failed"): 3,
            sender.save(savetrace_previous_trace_id=plain[0]): SPANS_OF_PLAIN_SAVE,
            sender.save(codes=("SlowDown",)): 4,
            sender.save(seconds=2.5): SPANS_OF_PLAIN_SAVE,
        }
    jaeger.wait_for(kept)
    assert jaeger.search(SERVICE, {}) == set(kept)


def test_spans_that_came_before_their_save_are_kept_with_it(
    start_collector: StartCollector, jaeger: Jaeger
) -> None:
    """Calls and attempts that succeeded and were sent first still come with the save that is kept."""
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT="0")
    with sending_to(collector.grpc) as sender:
        trace_id = sender.save(savetrace_previous_trace_id="0" * 31 + "1", flush_before_end=True)
    jaeger.wait_for({trace_id: SPANS_OF_PLAIN_SAVE})


def test_an_episode_is_kept_whole_whichever_collector_took_each_half(
    start_collector: StartCollector, jaeger: Jaeger
) -> None:
    """With a share of nothing each retry is kept for what it says itself: the failure's Collector is gone."""
    earlier, later = (start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT="0") for _ in range(2))
    with sending_to(earlier.grpc) as sender:
        first = sender.save(codes=("SlowDown",), outcome="failed", seconds_ago=3000.0)
    jaeger.wait_for({first: 3})
    earlier.process.kill()
    with sending_to(later.grpc) as sender:
        second = sender.save(
            codes=("SlowDown",),
            outcome="failed",
            seconds_ago=1500.0,
            savetrace_save_attempt=2,
            savetrace_previous_trace_id=first,
        )
        third = sender.save(
            flush_before_end=True, savetrace_save_attempt=3, savetrace_previous_trace_id=second
        )
        sender.save(flush_before_end=True)
    jaeger.wait_for({first: 3, second: 3, third: SPANS_OF_PLAIN_SAVE})
    assert jaeger.search(SERVICE, {}) == {first, second, third}


def test_the_share_is_whole_traces_of_about_its_size(start_collector: StartCollector, jaeger: Jaeger) -> None:
    """Of 400 plain saves at 25 per cent about 100 come, whole, with nothing of the layer's own on them."""
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT="25")
    with sending_to(collector.grpc) as sender:
        for _ in range(400):
            sender.save()
        last = sender.save(codes=("SlowDown",), outcome="failed")
    jaeger.wait_for({last: 3})
    found = jaeger.search(SERVICE, {}) - {last}
    # Five standard deviations: one run in two million fails by chance.
    assert abs(len(found) - 100) < 44
    for trace_id in found:
        spans = jaeger.spans(trace_id)
        assert len(spans) == SPANS_OF_PLAIN_SAVE
        assert not any(tag["key"] == "savetrace.keep" for span in spans for tag in span.get("attributes", []))
