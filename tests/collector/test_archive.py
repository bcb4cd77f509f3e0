"""The archive holds every acknowledged span, over restarts and kills."""

from __future__ import annotations

from tests.collector.saves import sending_to
from tests.fixture_collector import RECEIVING, Collector, StartCollector

LAYERS = (*RECEIVING, "30-archive.yaml")
SAVES = 50


def send(collector: Collector) -> set[str]:
    """Send saves until they are acknowledged; their trace ids."""
    with sending_to(collector.grpc) as sender:
        return {sender.save() for _ in range(SAVES)}


def test_archive_survives_a_kill_and_a_restart(start_collector: StartCollector) -> None:
    """What was acknowledged is in the file after SIGKILL and after an orderly end, before what came later."""
    collector = start_collector(LAYERS)
    sent = send(collector)
    collector.process.kill()
    assert {span.trace_id for span in collector.archived()} == sent
    collector.process.start()
    sent |= send(collector)
    collector.process.restart()
    sent |= send(collector)
    assert len(sent) == 3 * SAVES
    assert {span.trace_id for span in collector.archived()} == sent


def test_archive_keeps_what_sampling_drops(start_collector: StartCollector) -> None:
    """All spans are archived, whatever share Jaeger gets."""
    collector = start_collector(COLLECTOR_KEEP_PERCENT="0")
    sent = send(collector)
    assert {span.trace_id for span in collector.archived()} == sent
