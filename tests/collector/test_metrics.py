"""Prometheus gets the number of saves, failures and attempts, whatever the sampling throws away."""

from __future__ import annotations

import re
import time

from tests.collector.saves import ROUTE, sending_to
from tests.fixture_collector import Collector, StartCollector
from tests.fixture_jaeger import POLL_SECONDS, StartJaeger

CALLS = "traces_span_metrics_calls_total"


def counted(collector: Collector, **labels: str) -> int:
    """Sum of the calls counter over its series that bear all `labels`."""
    total = 0
    for line in collector.metrics().splitlines():
        series = re.fullmatch(rf"{CALLS}{{(.*)}} (\d+)", line)
        if series and all(f'{name}="{value}"' in series[1] for name, value in labels.items()):
            total += int(series[2])
    return total


def wait_for_count(collector: Collector, expected: int, **labels: str) -> None:
    """Return once the counter says `expected`; fail with what it says instead after a minute."""
    deadline = time.monotonic() + 60
    while (found := counted(collector, **labels)) != expected:
        assert time.monotonic() < deadline, (
            f"{labels}: {found} counted, not {expected}\n{collector.metrics()}"
        )
        time.sleep(POLL_SECONDS)


def test_saves_failures_and_attempts_are_counted_before_sampling(
    start_collector: StartCollector, start_jaeger: StartJaeger
) -> None:
    """Every save counts by outcome, route and code, and every attempt by outcome, though Jaeger gets few."""
    jaeger = start_jaeger("memory")
    collector = start_collector(jaeger=jaeger, COLLECTOR_KEEP_PERCENT="0")
    with sending_to(collector.grpc) as sender:
        plain = [sender.save() for _ in range(20)]
        failed = [sender.save(codes=("SlowDown", "SlowDown"), outcome="failed") for _ in range(3)]
        sender.save(codes=("InternalError",))
    jaeger.wait_for(dict.fromkeys(failed, 4))
    assert not any(jaeger.spans(trace_id) for trace_id in plain)
    wait_for_count(collector, 21, savetrace_outcome="succeeded", http_route=ROUTE)
    wait_for_count(
        collector, 3,
        savetrace_outcome="failed", http_route=ROUTE, savetrace_error_code="SlowDown",
        http_request_method="POST", http_response_status_code="200",
    )  # fmt: skip
    wait_for_count(collector, 6, span_name="attempt: 503 SlowDown")
    wait_for_count(collector, 21, span_name="attempt: 200")


def test_labels_say_nothing_of_a_person_and_their_number_is_bounded(start_collector: StartCollector) -> None:
    """No storymap, user or key becomes a label, and past the limit new series are counted together."""
    collector = start_collector(("00-receive.yaml", "10-redact.yaml", "20-metrics.yaml"))
    with sending_to(collector.grpc) as sender:
        sender.save(storymap_id="basic-plan", storymap_user_id="maria", aws_s3="storymapjs/maria/draft.json")
        for number in range(2100):
            sender.tracer.start_span(f"GET /unbounded/{number}").end()
    wait_for_count(collector, 1, savetrace_outcome="succeeded")
    wait_for_count(collector, 103, otel_metric_overflow="true")
    text = collector.metrics()
    assert "maria" not in text
    assert "basic-plan" not in text
