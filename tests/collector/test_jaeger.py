"""A person finds a save in Jaeger by what is known of it, and comes from it to the other one."""

from __future__ import annotations

import json
import re

import pytest

from otel_savetrace.demo.binaries import collector_folder
from tests.collector.saves import SERVICE, sending_to
from tests.fixture_collector import StartCollector
from tests.fixture_jaeger import Jaeger, StartJaeger, Storage


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_saves_are_found_by_storymap_outcome_and_code(
    start_jaeger: StartJaeger, start_collector: StartCollector, storage: Storage
) -> None:
    """On either storage each of these searches finds the saves it describes, and no other."""
    jaeger = start_jaeger(storage)
    collector = start_collector(jaeger=jaeger)
    with sending_to(collector.grpc) as sender:
        slowed = sender.save(codes=("SlowDown",), outcome="failed", storymap_id="one")
        broken = sender.save(codes=("InternalError",), outcome="failed", storymap_id="two")
        retry = sender.save(storymap_id="one", savetrace_previous_trace_id=slowed)
    jaeger.wait_for(dict.fromkeys((slowed, broken, retry), 3))
    assert jaeger.search(SERVICE, {"storymap.id": "one"}) == {slowed, retry}
    assert jaeger.search(SERVICE, {"savetrace.outcome": "failed"}) == {slowed, broken}
    assert jaeger.search(SERVICE, {"savetrace.error_code": "SlowDown"}) == {slowed}
    assert jaeger.search(SERVICE, {"savetrace.previous_trace_id": slowed}) == {retry}
    both = {"storymap.id": "one", "savetrace.outcome": "failed"}
    assert jaeger.search(SERVICE, both) == {slowed}


def test_jaeger_serves_the_shipped_configuration_to_its_page(jaeger: Jaeger) -> None:
    """Links and order of attributes reach the page as they stand in ui.json."""
    page = jaeger.get("/")
    assert page is not None
    served = re.search(r"JAEGER_CONFIG = (\{.*?\});", page.decode(), re.DOTALL)
    assert served, page
    assert json.loads(served[1]) == json.loads((collector_folder() / "jaeger" / "ui.json").read_text())
