"""What a Jaeger holds is reported alike, whether it is kept in memory or on disk, and nothing of it stays."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.report import make_report
from otel_savetrace.errors import SourceError
from otel_savetrace.loading.load import load
from otel_savetrace.report.report_json import report_document
from otel_savetrace.spans.jaeger_search import LOOKED_AT
from otel_savetrace.spans.reading import Query
from tests.collector.saves import sending_to
from tests.fixture_jaeger import StartJaeger
from tests.spans.stub_jaeger import StubJaeger


def reported(source: str, **options: Any) -> dict[str, Any]:
    """The report's document of a source."""
    held = load([source], **options)
    told = episodes(held.saves)
    made = make_report(held.sources, held.saves, told, lambda save: True, held.spans, held.jaeger_address)
    return report_document(held.completed(made), told)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary files are made in."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_what_is_kept_on_disk_is_reported_as_what_is_kept_in_memory(
    start_jaeger: StartJaeger, temporary: Path
) -> None:
    """Failures, retries and counts are the same, and the file is gone at the end."""
    jaeger = start_jaeger("memory")
    with sending_to(jaeger.otlp) as sender:
        sent = {}
        for number in range(LOOKED_AT):
            user, began = f"map-{number % 9}", 3_000.0 - 10 * number
            code = {"codes": ("SlowDown",), "outcome": "failed"} if number % 7 == 0 else {}
            trace_id = sender.save(storymap_id=user, seconds_ago=began, **code)  # type: ignore[arg-type]  # mixed
            sent[trace_id] = 3
    jaeger.wait_for(sent)
    small, large = reported(jaeger.url), reported(jaeger.url, large_bytes=0)
    assert small == large
    assert (small["saves"]["total"], small["saves"]["failed"]) == (LOOKED_AT, 15)
    assert small["sources"][0]["kind"] == "jaeger"
    assert any(one["recovered_by"] for one in small["episode_list"])
    assert not list(temporary.iterdir())


def test_a_jaeger_that_fails_in_the_middle_leaves_nothing(temporary: Path) -> None:
    """Half a reading is no report, and its file is gone too."""
    asked = []

    def answer(path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        if path == "/api/v3/services":
            return 200, b'{"services":["storymap","shop"]}'
        if path != "/api/v3/traces":
            return 404, b'{"error":{"message":"none"}}'
        asked.append(parameters)
        if parameters["query.serviceName"] == "shop":
            assert list(temporary.iterdir())
            return 500, b'{"error":{"message":"the disk is full"}}'
        span = b'{"traceId":"%032x","spanId":"%016x","startTimeUnixNano":"5","endTimeUnixNano":"6"}' % (1, 1)
        return 200, b'{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}}' % span

    stub = StubJaeger(answer)
    try:
        with pytest.raises(SourceError, match="the disk is full"):
            load([stub.address], Query(0, 9), large_bytes=0)
    finally:
        stub.stop()
    assert asked[-1]["query.serviceName"] == "shop"
    assert not list(temporary.iterdir())
