"""Whether a span arrives; with a real Jaeger it is told in tests/commands/test_doctor.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.doctor import arrival
from otel_savetrace.doctor.circumstances import Circumstances
from tests.doctor.asking import answered, asking, delivered, only
from tests.fixture_spans import SpanFile


def looking(source: str | None, **canary: Any) -> Circumstances:
    """Make an examination that looks in `source`, and does not wait."""
    asked = answered(canary={"deliveries": [delivered()], **canary})
    object.__setattr__(asked, "source", source)
    object.__setattr__(asked, "wait_seconds", 0.01)
    return asked


def test_the_canary_goes_the_way_of_the_file(tmp_path: Path) -> None:
    """With OTEL_SAVETRACE_FILE the span that was sent is a line of it, of the app's service."""
    file = tmp_path / "spans.jsonl"
    variables = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    asked = asking(
        {**variables, "OTEL_SAVETRACE_FILE": str(file), "OTEL_SERVICE_NAME": "maps"}, source=str(file)
    )
    found = only(arrival.arrival(asked))
    assert found.state == "ok"
    assert f"a span of maps is in {file}" in found.said
    assert asked.canary["trace_id"] in found.said
    assert file.read_text().count(asked.canary["trace_id"]) == 1


def test_what_does_not_arrive_is_a_failure(span_file: SpanFile) -> None:
    """A source without the canary is named with the exporter that took it."""
    span_file.save()
    failed = only(arrival.arrival(looking(str(span_file.path))))
    assert failed.state == "failure"
    assert "gRPC to collector:4317 took it, and it is not in" in failed.said
    assert "Collector's log" in failed.todo


def test_a_source_that_cannot_be_read_is_a_failure() -> None:
    """No Jaeger at the address is told with the reader's own words."""
    failed = only(arrival.arrival(looking(f"http://{LOOPBACK}:{free_port()}")))
    assert (failed.state, failed.said[:26]) == ("failure", "No Jaeger answers at http:")


def test_without_a_source_it_is_told_how_to_name_one() -> None:
    """Nothing fails, and the line says what to give."""
    noted = only(arrival.arrival(looking(None)))
    assert (noted.state, "SAVETRACE_SOURCE" in noted.todo) == ("note", True)


def test_what_no_exporter_took_is_not_waited_for() -> None:
    """The exporter's own failure is told elsewhere."""
    noted = only(arrival.arrival(looking("http://jaeger", deliveries=[delivered("connect")])))
    assert (noted.state, noted.said) == ("note", "not looked for: no exporter took it")
