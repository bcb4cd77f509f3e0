"""The documents of `--json`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

from otel_savetrace import attributes as names
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save
from otel_savetrace.report.as_json import compare_document, list_document
from otel_savetrace.spans.reading import Reading, Skipped
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile, Try

READING = Reading("jaeger", "http://j", (), (Skipped("a line that is not JSON", 2, "f, line 1"),), "http://j")

ReadSaves = Callable[[], list[Save]]


def test_the_list_has_saves_and_episodes(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Every word of a save and of an episode is there, times in RFC 3339, and survives JSON."""
    content: dict[str, Any] = {"savetrace__content_hash": "crc32:1", "savetrace__content_size": 5}
    failed = span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="no", **content)
    retry = span_file.save(5.762)
    found = read_saves()
    document = list_document(READING, found, episodes(found))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["schema"] == "savetrace.list/1"
    assert document["sources"] == [
        {"kind": "jaeger", "name": "http://j", "spans": 0,
         "skipped": [{"why": "a line that is not JSON", "count": 2, "where": "f, line 1"}]}
    ]  # fmt: skip
    assert document["saves"][0] == {
        "trace_id": failed, "span_id": found[0].span.span_id, "time": "2026-11-24T12:00:00.000000Z",
        "service": "storymap", "route": "POST /storymap/save/", "seconds": found[0].seconds,
        "outcome": "failed", "error_code": "SlowDown", "user_error": "no", "status_code": 200,
        "thing": {"storymap.user_id": "ada", "storymap.id": "my-map"},
        "content_hash": "crc32:1", "content_size": 5, "attempts": 3,
        "stage": None, "stored": None, "app_retries": 0, "notices": [],
    }  # fmt: skip
    (episode,) = document["episodes"]
    assert episode["state"] == "recovered"
    assert [one["trace_id"] for one in episode["failed"]] == [failed]
    assert episode["recovered_by"]["trace_id"] == retry
    assert (episode["same_content"], round(episode["seconds"], 3)) == (True, 4.1)


def test_the_comparison_has_what_the_picture_has(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Headline, both saves with their attempts and offsets, pairs, differences, equal ones, the address."""
    a = span_file.save(0.0, [FAILED_PUT, Put(file="x")], outcome="failed", process__pid=1)
    b = span_file.save(10.0, process__pid=2)
    document = compare_document([READING], compare(*read_saves()))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["schema"] == "savetrace.compare/1"
    assert document["headline"].startswith("The earlier save failed")
    (first, _), (second,) = document["a"]["calls"], document["b"]["calls"]
    assert [attempt["outcome"] for attempt in first["attempts"]] == ["503 SlowDown"] * 3
    assert [round(attempt["start_seconds"], 3) for attempt in first["attempts"]] == [0.001, 0.221, 1.641]
    assert [attempt["backoff_seconds"] for attempt in first["attempts"]] == [None, 0.2, 1.4]
    assert second["attempts"][0]["attributes"]["savetrace.header_bytes"] == 901
    assert document["pairs"] == [[0, 0], [1, None]]
    assert document["differences"][0] == {
        "attribute": "process.pid", "where": "save", "a": 1, "b": 2, "consequence": False,
    }  # fmt: skip
    assert document["equal"]["storymap.id"] == "my-map"
    assert document["compare_url"] == f"http://j/trace/{a}...{b}"


def test_the_documents_have_what_stands_out(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Stage, what is stored, the app's retries, a connection's history and notices are there for scripts."""
    facts: dict[str, Any] = {
        names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 61.0, names.CONNECTION_PID: 17,
        names.CONNECTION_AGE_SECONDS: 600.0, names.CONNECTION_REQUESTS: 12, names.ERRNO: "ECONNRESET",
    }  # fmt: skip
    broken = dataclasses.replace(RESET, facts=facts)
    puts = [Put([broken], facts={names.APP_RETRY_ATTEMPT: 1}), Put([], facts={names.SENT_BY: "crt"})]
    span_file.save(
        0.0, puts, outcome="failed", savetrace__stage="network", savetrace__stored="yes",
        savetrace__app_retry_attempts=1,
    )  # fmt: skip
    span_file.save(10.0)
    document = compare_document([READING], compare(*read_saves()))
    told = document["a"]
    assert (told["stage"], told["stored"], told["app_retries"]) == ("network", "yes", 1)
    assert told["notices"][0] == "the user was told of a failure, yet everything is stored"
    first, second = told["calls"]
    assert (first["app_retry"], first["sent_by"]) == (1, None)
    assert (second["app_retry"], second["sent_by"], second["attempts_made"]) == (0, "crt", None)
    (attempt,) = first["attempts"]
    assert {f"savetrace.{name}": held for name, held in attempt.items()}.items() >= facts.items()


def test_a_number_that_json_does_not_know_is_text(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Infinity and what is no number do not make the document invalid."""
    span_file.save(0.0, [Put([Try(facts={"odd": math.inf})])], odd=math.nan)
    span_file.save(1.0)
    document = compare_document([READING], compare(*read_saves()))
    json.dumps(document, allow_nan=False)
    assert document["a"]["calls"][0]["attempts"][0]["attributes"]["odd"] == "inf"
