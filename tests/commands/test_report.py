"""`savetrace report`: what it prints, where, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from click.testing import CliRunner, Result

from otel_savetrace.commands.group import savetrace
from otel_savetrace.commands.refusal import DEFECT, FAIL_ON_MET, INTERRUPTED, READER_GONE
from otel_savetrace.demo.processes import LOOPBACK, base_environment
from otel_savetrace.loading.gathering import LARGE_BYTES
from otel_savetrace.report.report_json import schema
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile
from tests.spans.stub_jaeger import NOTHING_FOUND, Answer, StubJaeger

ENVIRONMENT = {
    "SAVETRACE_SOURCE": None, "OTEL_SAVETRACE_FILE": None, "COLUMNS": "100", "NO_COLOR": None,
    "FORCE_COLOR": None,
}  # fmt: skip
"""None of this process's own."""

ESCAPE = "\x1b"


def run(*words: str | Path, **environment: str) -> Result:
    """Run `savetrace report` in this process."""
    runner = CliRunner(env={**ENVIRONMENT, **environment})
    return runner.invoke(savetrace, ["report", *map(str, words)], color=True)


@pytest.fixture
def failures(span_file: SpanFile) -> Path:
    """Write ten saves: two of one map failed and worked at the third try, one of another has no end."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="Unable to save")
    span_file.save(10.0, [FAILED_PUT], outcome="failed", savetrace__user_error="Unable to save")
    span_file.save(20.0)
    for number in range(6):
        span_file.save(30.0 + number, storymap=f"map-{number}")
    span_file.save(40.0, [Put([RESET])], outcome="failed", storymap="lost")
    return span_file.path


def test_the_first_three_lines_are_the_answer(failures: Path) -> None:
    """How many failed and what became of it, why, what to do; a line each, then a blank one, in a pipe."""
    what, why, do, blank, *_ = run(failures).stdout.splitlines()
    assert what.startswith("3 of 10 saves failed (30 %, likely 11 to 60 %). A later save")
    assert why.startswith("Why  ")
    assert do.startswith("Do   ")
    assert blank == ""


def test_a_pipe_gets_no_colours_and_a_terminal_does_unless_told_otherwise(failures: Path) -> None:
    """Plain text in a pipe; FORCE_COLOR makes it coloured, and NO_COLOR takes every colour off again."""
    assert ESCAPE not in run(failures).stdout
    coloured = run(failures, FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert f"{ESCAPE}[1;31m3 of 10 saves failed" in coloured
    plain = run(failures, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").stdout
    assert not re.search(rf"{ESCAPE}\[[0-9;]*(3[0-9]|9[0-7])m", plain)


@pytest.mark.parametrize("words", [["--json"], ["--json-episodes"], ["--json", "--json-episodes"]])
def test_json_is_the_documents_own(failures: Path, words: list[str]) -> None:
    """One document that its schema accepts is printed, with the episodes only where they are meant."""
    ran = run(failures, *words)
    document = json.loads(ran.stdout)
    jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)
    assert document["saves"] == {"total": 10, "succeeded": 7, "failed": 3, "unknown": 0}
    assert document["episodes"]["total"] == 2
    assert ("--json-episodes" in words) == ("episode_list" in document)
    if "episode_list" in document:
        assert sorted(len(episode["failed"]) for episode in document["episode_list"]) == [1, 2]


def test_json_is_ascii(span_file: SpanFile) -> None:
    """Whatever a name holds, any encoding can print the document, and nothing in it moves a cursor."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="nö \x9b2J \u202e ✓")
    ran = run(span_file.path, "--json")
    assert ran.stdout.isascii()
    assert ESCAPE not in ran.stdout
    assert json.loads(ran.stdout)["errors"][0]["user_saw"] == ["nö \x9b2J \u202e ✓"]


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        (["failed>29%"], ["--fail-on 'failed>29%' is met: 3 of 10 saves failed (30 %)."]),
        (["failed>30%"], []),
        (["failed>=30%"], ["--fail-on 'failed>=30%' is met: 3 of 10 saves failed (30 %)."]),
        ([" failed >= 3 "], ["--fail-on ' failed >= 3 ' is met: 3 of 10 saves failed (30 %)."]),
        (["failed>3"], []),
        (["saves<11"], ["--fail-on 'saves<11' is met: there are 10 saves."]),
        (["saves<10"], []),
        (["saves<=10"], ["--fail-on 'saves<=10' is met: there are 10 saves."]),
        (["unknown>0"], []),
        (["episodes>=2"], ["--fail-on 'episodes>=2' is met: there are 2 episodes."]),
        (["abandoned>0"], []),
        (["open>=50%"], ["--fail-on 'open>=50%' is met: 1 of 2 episodes still open (50 %)."]),
        (
            ["open>0", "failed>99%", "failed>1.5%"],
            [
                "--fail-on 'open>0' is met: 1 of 2 episodes still open (50 %).",
                "--fail-on 'failed>1.5%' is met: 3 of 10 saves failed (30 %).",
            ],
        ),
    ],
)
def test_a_bound_that_is_met_is_told_and_ends_with_1(
    failures: Path, bounds: list[str], met: list[str]
) -> None:
    """Each that is met is a line on standard error; where none is, it ends with 0; the report comes too."""
    ran = run(failures, *(word for bound in bounds for word in ("--fail-on", bound)))
    assert (ran.exit_code, ran.stderr.splitlines()) == (1 if met else 0, met)
    assert "3 of 10 saves failed" in ran.stdout


def test_of_nothing_no_share_is_exceeded_but_that_nothing_came_can_be_told(tmp_path: Path) -> None:
    """With no save at all, `failed>0%` is not met and `saves<1` is."""
    (tmp_path / "spans.jsonl").write_text("")
    assert run(tmp_path / "spans.jsonl", "--fail-on", "failed>0%").exit_code == 0
    assert run(tmp_path / "spans.jsonl", "--fail-on", "saves<1").exit_code == 1


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("failed", "--fail-on 'failed' is no bound: write one of saves, failed,"),
        ("failed=1", "--fail-on 'failed=1' is no bound: write"),
        ("failed>1e9", "--fail-on 'failed>1e9' is no bound: write"),
        ("failed>-1", "--fail-on 'failed>-1' is no bound: write"),
        ("failed>1%%", "--fail-on 'failed>1%%' is no bound: write"),
        ("lost>1", "--fail-on 'lost>1' is no bound: write"),
        ("", "--fail-on '' is no bound: write"),
        ("failed>\u0661", "--fail-on 'failed>\u0661' is no bound: write"),
        ("saves<5%", "--fail-on 'saves<5%': saves are bounded by number, such as 'saves<1'."),
        ("failed>101%", "--fail-on 'failed>101%': no share is larger than 100%."),
    ],
)
def test_what_is_no_bound_is_refused_before_the_work(bound: str, said: str) -> None:
    """One sentence and exit code 2, though the source does not exist either."""
    ran = run("/nowhere", "--fail-on", bound)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"Error: {said}")
    assert ran.stderr.count("\n") == 1


def test_the_help_tells_the_bounds_and_the_exit_codes() -> None:
    """A person who asks what a script may rely on finds it."""
    told = " ".join(run("--help").stdout.split())
    for said in (
        "The exit code is 0 where the report was made, 1 where a BOUND is met and only then, 2 where",
        "3 where a source cannot be read, 130 where it was interrupted.",
        "The words are saves, failed, unknown, episodes, abandoned, open.",
        "--fail-on 'failed>1%' --fail-on 'saves<1'",
        "NO_COLOR",
    ):
        assert said in told


def test_only_saves_of_a_route_are_told_of(span_file: SpanFile) -> None:
    """By its path, or by its method and path, as the report itself prints it."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0, [FAILED_PUT], outcome="failed", storymap="other", http__route="/publish/")
    for route in ("/publish/", "POST /publish/"):
        document = json.loads(run(span_file.path, "--json", "--route", route).stdout)
        assert document["saves"]["total"] == 1
    assert run(span_file.path, "--route", "/nowhere/").stdout.startswith("No saves were found.")


@pytest.fixture
def jaeger(failures: Path) -> Iterator[StubJaeger]:
    """Answer as Jaeger would that has the ten saves, below a path of its own."""
    spans = [json.loads(line)["resourceSpans"] for line in failures.read_text().splitlines()]
    whole = json.dumps({"result": {"resourceSpans": [one for held in spans for one in held]}}).encode()

    def answer(path: str, parameters: dict[str, str]) -> Answer:
        if path == "/base/api/v3/services":
            return 200, b'{"services":["storymap"]}'
        return (200, whole) if path == "/base/api/v3/traces" else NOTHING_FOUND

    stub = StubJaeger(answer)
    yield stub
    stub.stop()


def test_a_failed_save_and_its_retry_are_opened_in_jaeger(jaeger: StubJaeger) -> None:
    """The address is Jaeger's own page of both traces, `/trace/FAILED...RETRY` below where Jaeger stands."""
    source = f"{jaeger.address}/base/search?service=storymap"
    document = json.loads(run(source, "--json-episodes", "--since", "2026-11-24").stdout)
    printed = run(source, "--since", "2026-11-24", COLUMNS="60").stdout
    (recovered,) = (one for one in document["episode_list"] if one["recovered_by"])
    failed, retry = recovered["failed"][-1]["trace_id"], recovered["recovered_by"]["trace_id"]
    examples = [example for verdict in document["verdicts"] for example in verdict["examples"]]
    page = f"{jaeger.address}/base/trace/{failed}...{retry}"
    assert {"failed": failed, "retry": retry, "compare_url": page} in examples
    assert page in printed.split()


def test_where_a_jaeger_has_no_save_it_is_told_of_which_time(jaeger: StubJaeger) -> None:
    """Nobody takes the silence of a day for that of a week; a bound can still be met, which is the answer."""
    told = run(f"{jaeger.address}/base", "--storymap", "nobody-s", "--fail-on", "saves<1")
    assert told.exit_code == FAIL_ON_MET
    assert told.stdout.startswith("No saves were found.")
    first = told.stderr.splitlines()[0]
    hint = "of the last 24 hours (--since reads further back)."
    assert first == f"No save that fits is in {jaeger.address}/base {hint}"
    assert "No save" not in run(f"{jaeger.address}/base", "--storymap", "nobody-s", "--since", "9d").stderr


def read_to_the_end(terminal: int) -> bytes:
    """Read what is written to a terminal until nobody holds it any more, which Linux tells by an error."""
    told = b""
    with os.fdopen(terminal, "rb", buffering=0) as shown, contextlib.suppress(OSError):
        while piece := shown.read(4_096):
            told += piece
    return told


def test_only_a_terminal_is_told_how_far_a_jaeger_is_read(jaeger: StubJaeger) -> None:
    """A bar with the traces that have come stands there while it is read; in a pipe there is none of it."""
    words = command(f"{jaeger.address}/base", "--json", "--since", "2026-11-24")
    ours, terminal = pty.openpty()
    environment = {**base_environment(), "TERM": "xterm"}
    ran = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=terminal, env=environment)  # noqa: S603 - ours
    os.close(terminal)
    told = read_to_the_end(ours).decode()
    assert ran.wait(timeout=30) == 0
    assert f"reading {jaeger.address}/base" in told
    assert "10 traces" in told
    piped = subprocess.run(words, capture_output=True, check=True)  # noqa: S603 - ours
    assert piped.stderr == b""


def command(*words: str | Path) -> list[str]:
    """Return the command line that runs `savetrace report` in a process of its own."""
    return [sys.executable, "-c", "from otel_savetrace.cli import main; main()", "report", *map(str, words)]


def test_who_reads_only_the_beginning_gets_no_traceback(span_file: SpanFile) -> None:
    """`savetrace report … | head -1` ends without a word on standard error, however much is left."""
    for number in range(150):
        span_file.save(number * 10.0, [FAILED_PUT], outcome="failed", storymap=f"map-{number}")
    ran = subprocess.Popen(  # noqa: S603 - ours
        command(span_file.path, "--json-episodes"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert ran.stdout is not None
    assert ran.stderr is not None
    assert ran.stdout.readline() == b"{\n"
    ran.stdout.close()
    assert ran.stderr.read() == b""
    ran.stderr.close()
    # All may have gone into the pipe before it was closed.
    assert ran.wait(timeout=30) in {0, READER_GONE}


def test_a_defect_is_not_taken_for_a_bound_that_is_met(
    failures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw ends with a code of its own and its traceback, not with that of `--fail-on`."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("otel_savetrace.commands.report.make_report", broken)
    ran = run(failures, "--fail-on", "failed>0")
    assert (ran.exit_code, ran.stdout) == (DEFECT, "")
    assert ran.stderr.startswith("Traceback")
    assert ran.stderr.endswith("ZeroDivisionError: nobody foresaw this\n")


def test_ctrl_c_is_one_word() -> None:
    """Ctrl-C while a source is waited for ends it at once, without a traceback."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        silent.settimeout(30)
        address = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
        ran = subprocess.Popen(command(address), stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours
        asking, _ = silent.accept()
        with asking:
            assert asking.recv(3) == b"GET"
            ran.send_signal(signal.SIGINT)
            _, told = ran.communicate(timeout=20)
    assert ran.returncode == INTERRUPTED
    assert told.strip() == "Aborted!"


def test_ctrl_c_amid_large_input_leaves_nothing(failures: Path, tmp_path: Path) -> None:
    """Ctrl-C while gigabytes are read ends it at once: one word, no traceback, no file left behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    lines = failures.read_bytes()
    more = lines * (LARGE_BYTES // len(lines) + 20)
    ran = subprocess.Popen(  # noqa: S603 - ours
        command("-", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    assert ran.stdin is not None
    # The pipe takes 64 KB: once all is written, what it held before is kept on disk, and more is awaited.
    ran.stdin.write(more)
    ran.stdin.flush()
    assert list(folder.glob("*/*"))
    ran.send_signal(signal.SIGINT)
    told, complaint = ran.communicate(timeout=30)
    assert (ran.returncode, told, complaint.strip()) == (INTERRUPTED, b"", b"Aborted!")
    assert not list(folder.iterdir())
