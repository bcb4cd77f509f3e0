"""`savetrace compare`: two saves by their traces, or the latest failure of a thing and its retry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from tests.collector.saves import failed_and_retried, sending_to
from tests.commands.test_list_saves import run
from tests.fixture_jaeger import StartJaeger
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile


def compared(*words: str | Path, **environment: str) -> dict[str, Any]:
    """Compare as JSON."""
    ran = run("compare", "--json", *words, **environment)
    assert ran.exit_code == 0, ran.output
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def traces(document: dict[str, Any]) -> tuple[str, str]:
    """Say which traces were compared."""
    return document["a"]["trace_id"], document["b"]["trace_id"]


def test_traces_are_named_whole_or_by_their_beginning(span_file: SpanFile) -> None:
    """Two trace ids, whole or as far as they tell a trace apart, in either case, in the order given."""
    a, b = span_file.save(0.0, [FAILED_PUT], outcome="failed"), span_file.save(10.0)
    assert traces(compared(span_file.path, a, b)) == (a, b)
    assert traces(compared(span_file.path, b[:12].upper(), a[:12])) == (b, a)
    assert traces(compared(a, b, SAVETRACE_SOURCE=str(span_file.path))) == (a, b)


def test_several_sources_are_read_as_one(span_file: SpanFile, tmp_path: Path) -> None:
    """What a front server's log says of a save stands in the comparison, and each source in the document."""
    a, b = span_file.save(0.0), span_file.save(10.0)
    log = tmp_path / "front.log"
    log.write_text(
        '10.0.0.9 - - [24/Nov/2026:12:00:00 +0000] "POST /storymap/save/ HTTP/1.1" 499 0 "-" "-"'
        f" rt=0.300 00-{a}-b7ad6b7169203331-01\n"
    )
    document = compared(span_file.path, log, a, b)
    assert traces(document) == (a, b)
    assert [one["name"] for one in document["sources"]] == [str(span_file.path), str(log)]
    assert (document["a"]["outcome"], document["b"]["outcome"]) == ("failed", "succeeded")
    log.write_text(f"{log.read_text()}no line of a server\n")
    assert "Skipped 1 x a line that tells of no save" in run("compare", span_file.path, log, a, b).stderr


def test_the_picture_is_printed(span_file: SpanFile) -> None:
    """Without --json it is the two saves side by side, with the sentence on top."""
    a, b = span_file.save(0.0, [FAILED_PUT], outcome="failed"), span_file.save(10.0)
    ran = run("compare", span_file.path, a, b)
    assert ran.exit_code == 0
    assert ran.stdout.startswith("The earlier save failed: SlowDown after 3 of 3 attempts;")
    assert ran.stdout.count("503 SlowDown") == 3


@pytest.mark.parametrize(
    "words",
    [
        ["--storymap", "my-map"],
        ["--where", "storymap.id=my-map"],
        ["--where", "savetrace.error_code=ConnectionResetError", "--where", "storymap.id=my-map"],
    ],
)
def test_the_latest_failure_of_a_storymap_and_its_retry(span_file: SpanFile, words: list[str]) -> None:
    """Of several failures of it the last is taken, with the save that ended it; other things do not count."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0)
    failed = span_file.save(20.0, [Put([RESET])], outcome="failed")
    span_file.save(25.0, [Put([RESET])], outcome="failed", storymap="other")
    retry = span_file.save(30.0)
    span_file.save(40.0)
    assert traces(compared(span_file.path, *words)) == (failed, retry)


def test_an_episode_of_long_ago_is_found_in_a_real_jaeger(
    start_jaeger: StartJaeger, span_file: SpanFile
) -> None:
    """Named by a whole trace id it is looked for around that trace, whatever other source is read with it."""
    jaeger = start_jaeger("memory")
    with sending_to(jaeger.otlp) as sender:
        ago = 3 * 24 * 3600.0
        failed = sender.save(codes=("SlowDown",), outcome="failed", storymap_id="my-map", seconds_ago=ago)
        retry = sender.save(storymap_id="my-map", seconds_ago=ago - 5.0)
    jaeger.wait_for({failed: 3, retry: 3})
    span_file.save(0.0)
    assert traces(compared(jaeger.url, span_file.path, "--episode", retry)) == (failed, retry)


def test_a_real_jaeger_is_a_source(start_jaeger: StartJaeger) -> None:
    """From a real Jaeger the same comparison comes, with the address of its own page."""
    jaeger = start_jaeger("memory")
    failed, retry = failed_and_retried(jaeger)
    page = f"{jaeger.url}/trace/{failed}...{retry}"
    by_ids = compared(jaeger.url, failed, retry)
    assert (traces(by_ids), by_ids["compare_url"]) == ((failed, retry), page)
    assert traces(compared(jaeger.url, failed[:10], retry[:10])) == (failed, retry)
    assert traces(compared(f"{jaeger.url}/search", "--storymap", "my-map", "--since", "1h")) == (
        failed,
        retry,
    )
    assert page in run("compare", jaeger.url, failed, retry, COLUMNS="80").stdout.splitlines()


def test_a_trace_of_several_saves_asks_which(span_file: SpanFile) -> None:
    """Where a trace holds two saves, each is named with its span id, and is found by it."""
    front = span_file.span("GET /page", 0.0)
    for path in ("/one", "/two"):
        save = span_file.span(path, 1.0, front, SpanKind.SERVER)
        save.set_attribute("savetrace.outcome", "succeeded")
        save.end()
    front.end()
    trace = f"{front.get_span_context().trace_id:032x}"
    ran = run("compare", span_file.path, trace, trace)
    assert ran.exit_code == 2
    one, two = re.findall(rf"{trace}:[0-9a-f]{{16}}", ran.stderr)
    document = compared(span_file.path, one, two)
    assert {document["a"]["route"], document["b"]["route"]} == {"/one", "/two"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ffffffff", "TRACE"], r"No trace ffffffff is in .*spans\.jsonl: `savetrace list` shows"),
        (["zz", "TRACE"], "'zz' is no trace id: give 32 hex digits"),
        (["TRACE"], r"'.*spans\.jsonl' is no trace id"),
        (["TRACE", "TRACE"], r"Both are the same save, of trace [0-9a-f]{32}: give two"),
        ([], "Give two traces, or --storymap ID, or --where NAME=VALUE"),
        (["OTHER", "TRACE"], r"Trace [0-9a-f]{32} is in .*, but no save is in it"),
        (["TRACE:0000000000000001", "TRACE"], r"Trace [0-9a-f]{32} is in .*, but no save 0000000000000001"),
        (["--storymap", "nothing"], "No failed save with an .id of nothing is in"),
        (["--storymap", "my-map", "TRACE"], "With --episode, --storymap or --where give sources"),
        (["--where", "storymap.id=my-map"], r"The latest failed save with storymap\.id=my-map .* no succ"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_sentence_and_exit_code_2(
    span_file: SpanFile, words: list[str], said: str
) -> None:
    """Unknown traces, no retry, wrong words: what was wrong, where, and what to do."""
    trace = span_file.save(0.0, [FAILED_PUT], outcome="failed")
    other = span_file.span("no save", 1.0)
    other.end()
    named = {"TRACE": trace, "OTHER": f"{other.get_span_context().trace_id:032x}"}
    given = [named.get(word.partition(":")[0], word) + "".join(word.partition(":")[1:]) for word in words]
    ran = run("compare", span_file.path, *given)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert re.match(f"Error: {said}", ran.stderr), ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_beginning_of_several_traces_asks_for_more(span_file: SpanFile) -> None:
    """Where two traces begin alike, the sentence names two of them."""
    first, second = span_file.save(0.0), span_file.save(1.0)
    alike = span_file.path.read_text().replace(first, f"abcd{first[4:]}").replace(second, f"abcd{second[4:]}")
    span_file.path.write_text(alike)
    ran = run("compare", span_file.path, "abcd", f"abcd{first[4:]}")
    assert ran.exit_code == 2
    assert f"abcd begins 2 traces in {span_file.path}" in ran.stderr
    for trace in (first, second):
        assert f"abcd{trace[4:]}" in ran.stderr
