"""`savetrace episodes`: failures with their retries, for a person and for a script."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.spans.reading import Heard, Query, Reading
from tests.collector.saves import failed_and_retried
from tests.commands.test_list_saves import run
from tests.fixture_jaeger import StartJaeger
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile

HEX = re.compile(r"[0-9a-f]{32}")
IDENTIFIED = {"trace_id": str, "span_id": str, "time": str}
FAILED = {**IDENTIFIED, "code": (str, type(None)), "user_saw": (str, type(None))}
DIFFERENCE = {"attribute": str, "failed": object, "succeeded": object}
EPISODE = {
    "storymap": dict, "target": (str, type(None)), "state": str, "failed": list,
    "recovered_by": (dict, type(None)), "same_content": (bool, type(None)), "paired_by": (str, type(None)),
    "seconds": (float, type(None)), "differences": list, "compare_url": (str, type(None)),
}  # fmt: skip
"""Names and types of an episode, as scripts rely on them."""


def told(*words: str | Path) -> dict[str, Any]:
    """Run with --json, and hold every episode to its shape."""
    ran = run("episodes", "--json", *words)
    assert ran.exit_code == 0, ran.output
    document: dict[str, Any] = json.loads(ran.stdout)
    for episode in document["episode_list"]:
        _holds(episode, EPISODE)
        assert episode["state"] in {"recovered", "abandoned", "open"}
        assert episode["paired_by"] in {"cookie", "memory", "inferred", None}
        for save in episode["failed"]:
            _holds(save, FAILED)
        ended = [episode["recovered_by"]] if episode["recovered_by"] else []
        for save in ended:
            _holds(save, IDENTIFIED)
        for save in (*episode["failed"], *ended):
            assert HEX.fullmatch(save["trace_id"])
            datetime.datetime.fromisoformat(save["time"].replace("Z", "+00:00"))
        for difference in episode["differences"]:
            _holds(difference, DIFFERENCE)
    return document


def _holds(held: Mapping[str, object], shape: Mapping[str, Any]) -> None:
    assert held.keys() == shape.keys()
    for name, kind in shape.items():
        assert isinstance(held[name], kind), name


@pytest.fixture
def chain(span_file: SpanFile) -> list[str]:
    """Write a failure, its failed retry and the save that worked; somebody else's that nobody retried."""
    return [
        span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="Unable to save"),
        span_file.save(10.0, [Put([RESET])], outcome="failed"),
        span_file.save(30.0, [Put(content=("crc32:2", 5))]),
        span_file.save(4_000.0, [FAILED_PUT], outcome="failed", user="bob", storymap="lost"),
    ]


def test_the_document_has_every_episode_whole(span_file: SpanFile, chain: list[str]) -> None:
    """Failures in order with code and text, what ended them, how it is known, what differed, and the sums."""
    document = told(span_file.path)
    assert document["schema"] == "savetrace.episodes/1"
    assert document["saves"] == {"total": 4, "succeeded": 1, "failed": 3, "unknown": 0}
    assert document["episodes"] == {"total": 2, "recovered": 1, "abandoned": 0, "open": 1}
    assert document["pairs"] == {
        "cookie": 0, "memory": 0, "inferred": 2, "memory_refuted": 0, "cookie_against_inference": 0,
    }  # fmt: skip
    first, lost = document["episode_list"]
    assert [save["trace_id"] for save in first["failed"]] == chain[:2]
    assert [(save["code"], save["user_saw"]) for save in first["failed"]] == [
        ("SlowDown", "Unable to save"), ("ConnectionResetError", None),
    ]  # fmt: skip
    assert first["recovered_by"]["trace_id"] == chain[2]
    assert (first["same_content"], first["paired_by"]) == (False, "inferred")
    assert first["seconds"] == pytest.approx(30.0 - 1.662)
    assert first["storymap"] == {"storymap.user_id": "ada", "storymap.id": "my-map"}
    assert first["target"] == "maps/storymapjs/ada/my-map/draft.json"
    assert {"attribute": "savetrace.content_size", "failed": 12_000, "succeeded": 5} in first["differences"]
    assert (lost["state"], lost["recovered_by"], lost["paired_by"]) == ("open", None, None)


def test_the_picture_tells_the_way_from_failure_to_success(span_file: SpanFile, chain: list[str]) -> None:
    """Each save has its line: what happened, how long after, content, how it is known, what the user saw."""
    ran = run("episodes", span_file.path, COLUMNS="150")
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[0] == "2 episodes on 2026-11-24, UTC: 1 recovered, 1 open"
    assert "recovered after 28 s" in lines[2]
    assert "my-map / ada" in lines[2]
    assert [line.split()[0] for line in lines[3:6]] == ["12:00:00", "12:00:10", "12:00:30"]
    assert "✗ SlowDown" in lines[3]
    assert "“Unable to save”" in lines[3]
    assert "8.3 s later" in lines[4]
    assert "same content" in lines[4]
    assert "other content" in lines[5]
    assert [line.split()[-1] for line in lines[3:6]] == [trace[:8] for trace in chain[:3]]
    assert f"savetrace compare {span_file.path} --episode {chain[0][:12]}" in lines
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("width", ["24", "60", "80", "140"])
def test_nothing_is_lost_however_narrow(span_file: SpanFile, chain: list[str], width: str) -> None:
    """Codes, times and the command to go on with are whole at any width."""
    ran = run("episodes", span_file.path, COLUMNS=width)
    assert ran.exit_code == 0
    for said in ("SlowDown", "ConnectionResetError", "12:00:00", "12:00:30", f"--episode {chain[0][:12]}"):
        assert said in ran.stdout


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (["--state", "open"], ["open"]),
        (["--code", "ConnectionResetError"], ["recovered"]),
        (["--storymap", "lost"], ["open"]),
        (["--where", "storymap.user_id=ada"], ["recovered"]),
        (["--since", "2026-11-24T13:00"], ["open"]),
        (["--limit", "1"], ["open"]),
        (["--window", "5s"], ["abandoned", "abandoned", "open"]),
        (["--service", "another"], []),
    ],
)
def test_only_episodes_that_fit_are_told(
    span_file: SpanFile, chain: list[str], words: list[str], states: list[str]
) -> None:
    """Every condition holds for some failed save of the episode; the window is as long as it is said."""
    assert [one["state"] for one in told(span_file.path, *words)["episode_list"]] == states


def test_several_sources_are_one(span_file: SpanFile, tmp_path: Path) -> None:
    """A failure in one file and its retry in another are one episode, and a save in both is one save."""
    failed = span_file.save(0.0, [FAILED_PUT], outcome="failed")
    one = tmp_path / "one.jsonl"
    one.write_text(span_file.path.read_text())
    span_file.save(10.0)
    (episode,) = told(one, span_file.path)["episode_list"]
    assert ([save["trace_id"] for save in episode["failed"]], episode["state"]) == ([failed], "recovered")
    said = run("episodes", one, span_file.path).stdout.splitlines()
    assert f"savetrace compare {one} {span_file.path} --episode {failed[:12]}" in said


@pytest.mark.parametrize("turn", [1, -1])
def test_a_save_that_another_process_told_of_too_is_the_whole_one(
    span_file: SpanFile, tmp_path: Path, turn: int
) -> None:
    """Of a save in one file, and in another from a dead process's record, the first knows more."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0)
    record = tmp_path / "record.jsonl"
    from_record = '"attributes":[{"key":"savetrace.from_record","value":{"boolValue":true}},'
    record.write_text(
        span_file.path.read_text().replace('"attributes":[', from_record).replace("SlowDown", "Other")
    )
    (episode,) = told(*(span_file.path, record)[::turn])["episode_list"]
    assert [save["code"] for save in episode["failed"]] == ["SlowDown"]


def test_what_was_dropped_or_overruled_is_said(span_file: SpanFile) -> None:
    """A memory's hint that the rows refute, and a cookie that names another failure, are counted in words."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    first = _key(span_file.path)
    span_file.save(10.0, [FAILED_PUT], outcome="failed")
    for at, paired_by in ((20.0, "cookie"), (30.0, "memory")):
        span_file.save(
            at, savetrace__previous_trace_id=first[0], savetrace__previous_span_id=first[1],
            savetrace__paired_by=paired_by,
        )  # fmt: skip
    document = told(span_file.path)
    assert (document["pairs"]["memory_refuted"], document["pairs"]["cookie_against_inference"]) == (1, 1)
    said = run("episodes", span_file.path).stdout
    assert "1 hint of a process's memory dropped" in said
    assert "1 cookie names another failed save" in said


def test_a_jaeger_gives_the_address_of_its_page(start_jaeger: StartJaeger) -> None:
    """From a real Jaeger each episode that recovered has the page that shows both, in one piece."""
    jaeger = start_jaeger("memory")
    failed, retry = failed_and_retried(jaeger)
    page = f"{jaeger.url}/trace/{failed}...{retry}"
    (episode,) = told(jaeger.url)["episode_list"]
    assert episode["compare_url"] == page
    assert f"  {page}" in run("episodes", jaeger.url, COLUMNS="60").stdout.splitlines()
    ran = run("compare", jaeger.url, "--episode", retry, "--json")
    assert json.loads(ran.stdout)["a"]["trace_id"] == failed


def test_nothing_that_failed_is_said(span_file: SpanFile) -> None:
    """No episode is no error, and not silence either."""
    span_file.save(0.0)
    ran = run("episodes", span_file.path)
    assert (ran.exit_code, ran.stdout) == (0, f"No failed save fits among the 1 saves of {span_file.path}.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["/nowhere"], 3, "There is no file or folder /nowhere"),
        (["x", "--window", "soon"], 2, "--window soon is no length of time, such as 90s, 30m or 2h."),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_an_exit_code(words: list[str], code: int, said: str) -> None:
    """No traceback: a sentence on standard error that says what was wrong."""
    ran = run("episodes", *words)
    assert (ran.exit_code, ran.stdout) == (code, "")
    assert ran.stderr.startswith(f"Error: {said}")


def test_every_source_is_asked_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source may leave out is what no retry has either."""
    asked: list[tuple[str, Query]] = []

    def read(source: str, query: Query, heard: Heard | None) -> Reading:
        asked.append((source, query))
        return Reading("jaeger", source, (), (), source)

    monkeypatch.setattr("otel_savetrace.spans.sources.read_jaeger", read)
    run("episodes", "http://a", "http://b", "--where", "storymap.id=m", "--where", "storymap.file=x")
    assert asked == [(name, Query(attributes={"storymap.id": "m"})) for name in ("http://a", "http://b")]


def test_an_episode_is_compared_from_its_first_failure(span_file: SpanFile, chain: list[str]) -> None:
    """Whichever of its traces is named, the first failure stands against the success, the chain above."""
    for trace in chain[:3]:
        ran = run("compare", span_file.path, "--episode", trace[:12], "--json")
        document = json.loads(ran.stdout)
        assert (document["a"]["trace_id"], document["b"]["trace_id"]) == (chain[0], chain[2])
        assert [save["trace_id"] for save in document["episode"]["failed"]] == chain[:2]
    shown = run("compare", span_file.path, "--episode", chain[1]).stdout.splitlines()
    assert "recovered after 28 s" in shown[0]
    lines = [line for line in shown[1:10] if line.strip().startswith("12:00:")]
    assert [line.split()[-1] for line in lines] == [trace[:8] for trace in chain[:3]]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (3, r"No save that worked followed trace [0-9a-f]{32} in .*: give two traces"),
        (4, r"The save of trace [0-9a-f]{32} succeeded, and no failed save came before it"),
    ],
)
def test_what_is_no_pair_is_said(span_file: SpanFile, chain: list[str], place: int, said: str) -> None:
    """An episode without an end and a save without a failure have nothing to compare."""
    traces = [*chain, span_file.save(5_000.0, user="eve", storymap="fine")]
    ran = run("compare", span_file.path, "--episode", traces[place])
    assert ran.exit_code == 2
    assert re.match(f"Error: {said}", ran.stderr), ran.stderr


def _key(path: Path) -> tuple[str, str]:
    """Give trace and span id of the save that was written last."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    span = lines[-1]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return span["traceId"], span["spanId"]
