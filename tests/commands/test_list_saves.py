"""`savetrace list`: which saves are shown, and what is said of those that are not."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.commands.group import savetrace
from otel_savetrace.commands.refusal import BAD_USE, DEFECT, UNREADABLE
from otel_savetrace.spans.reading import Query, Reading
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile

ENVIRONMENT = {"SAVETRACE_SOURCE": None, "OTEL_SAVETRACE_FILE": None, "COLUMNS": "140"}
"""None of this process's own, and room for a line each."""


def run(*words: str | Path, **environment: str) -> Result:
    """Run `savetrace` in this process."""
    return CliRunner(env={**ENVIRONMENT, **environment}).invoke(savetrace, [str(word) for word in words])


def listed(*words: str | Path) -> list[str]:
    """List as JSON and give the trace ids of the saves."""
    ran = run("list", "--json", *words)
    assert ran.exit_code == 0, ran.output
    return [save["trace_id"] for save in json.loads(ran.stdout)["saves"]]


@pytest.fixture
def four(span_file: SpanFile) -> dict[str, str]:
    """Write four saves: one that failed, its retry, another code, another storymap."""
    return {
        "failed": span_file.save(0.0, [FAILED_PUT], outcome="failed"),
        "retry": span_file.save(10.0),
        "reset": span_file.save(20.0, [Put([RESET])], outcome="failed", storymap="lost", user="bob"),
        "other": span_file.save(30.0, storymap="other", http__route="/storymap/publish/"),
    }


@pytest.mark.parametrize(
    ("words", "fitting"),
    [
        ([], ["failed", "retry", "reset", "other"]),
        (["--outcome", "failed"], ["failed", "reset"]),
        (["--code", "SlowDown"], ["failed"]),
        (["--storymap", "my-map"], ["failed", "retry"]),
        (["--where", "storymap.id=other"], ["other"]),
        (["--where", "storymap.user_id=ada", "--where", "http.route=/storymap/publish/"], ["other"]),
        (["--where", "http.status_code=200", "--outcome", "succeeded"], ["retry", "other"]),
        (["--where", "savetrace.app_retry_attempts=0", "--code", "SlowDown"], ["failed"]),
        (["--where", "savetrace.app_retry_attempts=1"], []),
        (["--where", "savetrace.stored=None"], []),
        (["--storymap", "ada"], []),
        (["--since", "2026-11-24T12:00:10"], ["retry", "reset", "other"]),
        (["--since", "2026-11-24T13:00:15+01:00"], ["reset", "other"]),
        (["--until", "2026-11-24T12:00:20"], ["failed", "retry"]),
        (["--since", "2026-11-24T12:00:10", "--until", "2026-11-24T12:00:21"], ["retry", "reset"]),
        (["--limit", "1"], ["other"]),
    ],
)
def test_only_saves_that_fit_are_listed(
    span_file: SpanFile, four: dict[str, str], words: list[str], fitting: list[str]
) -> None:
    """Every condition given holds for every save listed; the oldest is first, the latest are kept."""
    assert listed(span_file.path, *words) == [four[name] for name in fitting]


def test_a_length_of_time_counts_back_from_now(span_file: SpanFile) -> None:
    """`--since 2h` leaves out what began three hours ago and keeps what began one hour ago."""
    now = datetime.datetime.now(datetime.timezone.utc)
    noon = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.timezone.utc)
    ago = [(now - datetime.timedelta(hours=hours) - noon).total_seconds() for hours in (3, 1)]
    _, recent = (span_file.save(at) for at in ago)
    assert listed(span_file.path, "--since", "2h") == [recent]


def test_what_became_of_the_failed_ones_is_shown(span_file: SpanFile, four: dict[str, str]) -> None:
    """The picture has the saves, their episodes, and the command that compares the latest pair."""
    ran = run("list", span_file.path)
    assert ran.exit_code == 0
    assert "4 saves on 2026-11-24: 2 failed, 2 succeeded" in ran.stdout
    assert "2 failures and their retries on 2026-11-24: 1 recovered, 1 open" in ran.stdout
    assert f"savetrace compare {span_file.path} {four['failed'][:12]} {four['retry'][:12]}" in ran.stdout


def test_a_failures_retry_is_known_though_it_is_not_listed(span_file: SpanFile, four: dict[str, str]) -> None:
    """With `--outcome failed` the episodes still tell which save ended them."""
    document = json.loads(run("list", "--json", span_file.path, "--outcome", "failed").stdout)
    assert [episode["state"] for episode in document["episodes"]] == ["recovered", "open"]
    assert document["episodes"][0]["recovered_by"]["trace_id"] == four["retry"]


def test_a_condition_that_the_retry_does_not_meet_hides_no_retry(
    span_file: SpanFile, four: dict[str, str]
) -> None:
    """What became of a failure is told from all saves, not from those alone that fit."""
    ran = run("list", "--json", span_file.path, "--where", "savetrace.error_code=SlowDown")
    (episode,) = json.loads(ran.stdout)["episodes"]
    assert episode["recovered_by"]["trace_id"] == four["retry"]


def test_that_there_are_more_is_told_beside_the_list(span_file: SpanFile, four: dict[str, str]) -> None:
    """A list cut short says so on standard error, of how many; a whole one says nothing."""
    ran = run("list", span_file.path, "--limit", "3", "--json")
    assert ran.stderr == "The latest 3 of 4 saves; --limit shows more.\n"
    assert run("list", span_file.path, "--limit", "4").stderr == ""


def test_a_service_may_be_named(span_file: SpanFile, four: dict[str, str]) -> None:
    """`--service` leaves out the saves of any other."""
    assert len(listed(span_file.path, "--service", "storymap")) == 4
    assert listed(span_file.path, "--service", "another") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--service", "maps"], Query(service="maps")),
        (["--where", "storymap.id=m", "--where", "storymap.file=x"], Query(attributes={"storymap.id": "m"})),
        (["--where", "savetrace.error_code=SlowDown", "--where", "service.instance.id=1"], Query()),
        (["--storymap", "m"], Query(thing_id="m")),
    ],
)
def test_only_what_a_retry_has_too_is_asked_of_a_source(
    monkeypatch: pytest.MonkeyPatch, words: list[str], expected: Query
) -> None:
    """A source that filters by itself is asked for the thing's own ids alone: it would leave out retries."""
    asked: list[Query] = []

    def read(source: str, query: Query) -> Reading:
        asked.append(query)
        return Reading("jaeger", source, (), (), source)

    monkeypatch.setattr("otel_savetrace.commands.list_saves.read_source", read)
    ran = run("list", "http://jaeger", *words)
    assert asked == [expected]
    assert ran.stdout == (
        "No save fits among the 0 spans of http://jaeger of the last 24 hours (--since reads further back).\n"
    )


def test_the_time_is_asked_of_a_source_with_that_of_the_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed just before --until may have been retried after it."""
    asked: list[Query] = []

    def read(source: str, query: Query) -> Reading:
        asked.append(query)
        return Reading("jaeger", source, (), (), source)

    monkeypatch.setattr("otel_savetrace.commands.list_saves.read_source", read)
    run("list", "http://jaeger", "--since", "1970-01-01T00:00:10", "--until", "1970-01-01T00:01")
    half_an_hour = round(WINDOW_SECONDS)
    assert asked == [Query(10 * 10**9, (60 + half_an_hour) * 10**9)]
    told = run("list", "http://jaeger", "--until", "1970-01-01T00:01").stdout
    assert "of the 24 hours before --until (--since reads further back)" in told


def test_broken_lines_are_named_on_standard_error(span_file: SpanFile, four: dict[str, str]) -> None:
    """What was skipped is told with count, reason and place; standard output stays JSON."""
    with span_file.path.open("a") as file:
        file.write("{half\n{half")
    ran = run("list", "--json", span_file.path)
    assert len(json.loads(ran.stdout)["saves"]) == 4
    lines = len(span_file.path.read_text().splitlines())
    assert ran.stderr.splitlines() == [
        f"Skipped 1 x a line that is not JSON (at {span_file.path}, line {lines - 1}).",
        f"Skipped 1 x a line only half written (at {span_file.path}, line {lines}).",
    ]


def test_nothing_that_fits_is_said(span_file: SpanFile, four: dict[str, str]) -> None:
    """No save is no error, and not silence either."""
    ran = run("list", span_file.path, "--code", "Nothing")
    assert (ran.exit_code, ran.stdout) == (0, f"No save fits among the 14 spans of {span_file.path}.\n")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"SAVETRACE_SOURCE": "spans.jsonl", "OTEL_SAVETRACE_FILE": "/nowhere"}, 0),
        ({"OTEL_SAVETRACE_FILE": "spans.jsonl"}, 0),
        ({}, 2),
    ],
)
def test_the_environment_may_name_the_source(
    span_file: SpanFile, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: int
) -> None:
    """Without SOURCE the two variables are asked, in that order."""
    span_file.save()
    monkeypatch.chdir(span_file.path.parent)
    assert run("list", **environment).exit_code == expected


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list"], BAD_USE, "No source is given: name a Jaeger address"),
        (["list", "/nowhere"], UNREADABLE, "There is no file or folder /nowhere"),
        (["list", "http://127.0.0.1:1"], UNREADABLE, "No Jaeger answers at http://127.0.0.1:1"),
        (["list", "x", "--since", "soon"], BAD_USE, "--since soon is neither a length"),
        (["list", "x", "--where", "storymap"], BAD_USE, "--where storymap is not NAME=VALUE"),
        (["list", "x", "--where", "=a"], BAD_USE, "--where =a is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_an_exit_code(words: list[str], code: int, said: str) -> None:
    """No traceback, no usage text: a sentence on standard error that says what was wrong."""
    ran = run(*words)
    assert (ran.exit_code, ran.stdout) == (code, "")
    assert ran.stderr.startswith(f"Error: {said}")
    assert ran.stderr.count("\n") == 1


def test_a_broken_command_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a missing extra is excused: an error of our own comes out whole, with an exit code of its own."""

    def broken(_: str) -> Any:
        raise ModuleNotFoundError("no such part of ours", name="otel_savetrace.part")

    monkeypatch.setattr("importlib.import_module", broken)
    ran = run("demo")
    assert ran.exit_code == DEFECT
    assert "ModuleNotFoundError: no such part of ours" in ran.stderr
