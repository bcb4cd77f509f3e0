"""What lies in files that are too large to be read whole is reported as if they had been."""

from __future__ import annotations

import dataclasses
import gzip
import io
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.report import make_report, sources_seen
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.errors import SourceError
from otel_savetrace.loading import load as loading
from otel_savetrace.loading import waiting
from otel_savetrace.loading.archive import At
from otel_savetrace.loading.choosing import Bounds
from otel_savetrace.loading.load import Loaded, load
from otel_savetrace.loading.progress import Progress
from otel_savetrace.report.report_json import report_document
from otel_savetrace.spans.otlp_json import read_path
from otel_savetrace.spans.rows import AttributeValue, Span
from tests.analysis.made_incident import RESET, Fault, Moment, Rule, made_incident
from tests.analysis.made_witnesses import browser_span, nginx_span
from tests.loading.otlp_writing import otlp_lines, spans_of_saves

FEW = Bounds(in_full=0, failed=100_000, controls=400, overall=60)
"""So few are read in full that what is left out is most."""


def stale(moment: Moment) -> Fault | None:
    """Connections that idled long are closed."""
    return RESET if moment.reused and moment.idle > 9.0 else None


def one_worker(moment: Moment) -> Fault | None:
    """One worker fails now and then; the store slows down by chance."""
    if moment.pid == 4_702 and moment.chance.random() < 0.5:
        return Fault("KeyError", names.APP, 500)
    return Fault("SlowDown") if moment.chance.random() < 0.02 else None


def large_ones(moment: Moment) -> Fault | None:
    """What is large is refused, until it is not."""
    if moment.size > 40_000 and moment.chance.random() < 0.7:
        return Fault("EntityTooLarge", names.STORAGE, 400)
    return Fault("error_in_answer", names.APP, 200) if moment.chance.random() < 0.01 else None


INCIDENTS: Sequence[Rule] = (stale, one_worker, large_ones)

Write = Callable[[Sequence[Span]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write spans to a file."""

    def written(spans: Sequence[Span]) -> Path:
        path = tmp_path / "spans.jsonl"
        path.write_bytes(b"".join(otlp_lines(spans)))
        return path

    return written


def scaled(*paths: Path, bounds: Bounds = loading.BOUNDS, **options: Any) -> Loaded:
    """Load files as if they were large."""
    return load([str(path) for path in paths], bounds=bounds, large_bytes=0, **options)


def reported(held: Loaded) -> dict[str, Any]:
    """The report's document of what was loaded."""
    told = episodes(held.saves)
    made = make_report(held.sources, held.saves, told, lambda save: True, held.spans)
    return report_document(held.completed(made), told)


def reported_simply(path: Path) -> dict[str, Any]:
    """The report's document of all spans of a file, read into memory."""
    reading = read_path(path)
    found = saves(reading.spans)
    told = episodes(found)
    seen = sources_seen([reading], found)
    return report_document(make_report(seen, found, told, lambda save: True, reading.spans), told)


def without_chance(document: dict[str, Any]) -> dict[str, Any]:
    """What of a report does not depend on which saves that worked were looked at."""
    kept = {key: value for key, value in document.items() if key not in {"verdicts", "sample"}}
    told = ("cause", "confidence", "episodes", "saves", "share", "examples")
    return {**kept, "verdicts": [{name: one[name] for name in told} for one in document["verdicts"]]}


@pytest.mark.parametrize("rule", INCIDENTS)
def test_few_saves_are_reported_as_if_read_whole(rule: Rule, write: Write) -> None:
    """Where all saves are looked at, nothing tells a file read twice from one read into memory."""
    path = write(spans_of_saves(made_incident(7, rule, saves=250)))
    assert reported(scaled(path)) == reported_simply(path)


@pytest.mark.parametrize("rule", INCIDENTS)
def test_of_many_saves_all_are_counted(rule: Rule, write: Write) -> None:
    """With few saves read in full, counts, errors, episodes, patterns and causes are those of all."""
    made = made_incident(1, rule, saves=1_500, seconds=40_000.0)
    path = write(spans_of_saves(made))
    held = scaled(path, bounds=FEW)
    whole, sampled = reported_simply(path), reported(held)
    assert without_chance(sampled) == without_chance(whole)
    failed = sum(save.outcome == "failed" for save in made)
    sample = sampled["sample"]
    assert (sample["failed"], sample["failed_read"], sample["worked"]) == (failed, failed, len(made) - failed)
    assert 100 <= sample["worked_read"] < (len(made) - failed) * 0.8
    strongest = [document["verdicts"][0]["condition"] for document in (sampled, whole)]
    assert [one and one["attribute"] for one in strongest] == [strongest[1] and strongest[1]["attribute"]] * 2


def test_of_too_many_failures_some_of_each_error_are_looked_at(write: Write) -> None:
    """All are counted by their errors, and a rare one is not lost among a frequent one."""

    def rule(moment: Moment) -> Fault | None:
        chance = moment.chance.random()
        return (
            Fault("KeyError", names.APP, 500)
            if chance < 0.01
            else Fault("SlowDown")
            if chance < 0.4
            else None
        )

    made = made_incident(3, rule, saves=1_000)
    document = reported(scaled(write(spans_of_saves(made)), bounds=dataclasses.replace(FEW, failed=60)))
    failed = [save for save in made if save.outcome == "failed"]
    assert document["saves"]["failed"] == len(failed)
    assert document["sample"]["failed"] == len(failed) > document["sample"]["failed_read"] >= 60
    counted = Counter((save.error_code, save.stage) for save in failed)
    assert len(counted) == 2
    assert {(one["code"], one["stage"]): one["saves"] for one in document["errors"]} == counted
    assert sum(one["share"] for one in document["errors"]) == pytest.approx(1)


def test_the_order_of_lines_and_files_changes_nothing(tmp_path: Path, write: Write) -> None:
    """Spans of one trace may lie anywhere: in any order, in rotated parts, packed or not."""
    spans = spans_of_saves(made_incident(5, stale))
    expected = reported_simply(write(spans))
    chance = random.Random(5)  # noqa: S311 - no secret
    for number in range(2):
        chance.shuffle(spans)
        lines = otlp_lines(spans, batch=7)
        folder = tmp_path / str(number)
        folder.mkdir()
        third = len(lines) // 3
        (folder / "spans.jsonl.2.gz").write_bytes(gzip.compress(b"".join(lines[:third])))
        (folder / "spans.jsonl.1.zst").write_bytes(
            zstandard.ZstdCompressor().compress(b"".join(lines[third : 2 * third]))
        )
        (folder / "spans.jsonl").write_bytes(b"".join(lines[2 * third :]))
        document = reported(scaled(folder))
        assert document.pop("sources")[0]["spans"] == len(spans)
        assert document == {key: value for key, value in expected.items() if key != "sources"}


def test_what_two_sources_tell_is_counted_once(tmp_path: Path, write: Write) -> None:
    """An archive and a file of one's own hold the same spans: each is told by both, and is one save."""
    spans = spans_of_saves(made_incident(6, one_worker))
    path = write(spans)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(otlp_lines(spans[: len(spans) // 2], batch=3)) * 2)
    expected, document = reported_simply(path), reported(scaled(path, copy))
    first, second = document.pop("sources")
    assert [first] == expected.pop("sources")
    assert second["spans"] == len(spans) // 2
    assert second["saves"] == sum(span.kind == "server" for span in spans[: len(spans) // 2])
    assert document == expected


def test_what_is_refused_is_counted_with_its_reason(tmp_path: Path) -> None:
    """A torn line, a line of logs, half a record: the same account as of a file read into memory."""
    lines = otlp_lines(spans_of_saves(made_incident(8, stale, saves=60)), batch=20)
    broken = [
        lines[0][:300] + lines[0], b'{"resourceLogs":[]}\n', b"\x00\n", b"{}\n",
        lines[1].replace(b'"startTimeUnixNano":"1', b'"startTimeUnixNano":"x', 1), lines[2][:-200],
    ]  # fmt: skip
    path = tmp_path / "spans.jsonl"
    path.write_bytes(b"".join([*lines, *broken]))
    (told,) = scaled(path).sources
    assert {(one.why, one.count, one.where) for one in told.skipped} == {
        (one.why, one.count, one.where) for one in read_path(path).skipped
    }
    assert len(told.skipped) == len(broken)


def test_what_nobody_looks_at_is_refused_all_the_same(write: Write) -> None:
    """Of a span that no save is told by, damage is counted as it is where all are read."""
    path = write(spans_of_saves(made_incident(8, stale, saves=300)))
    beside = (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%b","spanId":"b7ad6b7169203331","kind":1,'
        b'"name":"GET /","startTimeUnixNano":"%b","endTimeUnixNano":"6","attributes":[{"key":"a","value":'
        b'{"stringValue":"%b"}}],"status":{}}]}]}]}\n'
    )
    whole = b"0af7651916cd43dd8448eb211c80319c"
    broken = [
        beside % (whole[:-2], b"5", b""), beside % (whole[:-1] + b"x", b"5", b""),
        beside % (whole, b"-5", b""), beside % (whole, b"99999999999999999999", b""),
        beside % (whole, b"5", b"\xff"), beside % (whole, b"5", b"\\x"),
        (beside % (whole, b"5", b"")).replace(b'"kind":1,', b'"kind":1,,'),
        (beside % (whole, b"5", b"")).replace(b'"attributes":[', b'"attributes":[}'),
    ]  # fmt: skip
    path.write_bytes(path.read_bytes() + b"".join([*broken, beside % (whole, b"5", b"")]))
    expected = read_path(path)
    (told,) = scaled(path, bounds=FEW).sources
    assert told.spans == len(expected.spans)
    assert {(one.why, one.count, one.where) for one in told.skipped} == {
        (one.why, one.count, one.where) for one in expected.skipped
    }
    assert sum(one.count for one in told.skipped) == len(broken)


def test_standard_input_is_read_as_a_file_is(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large for memory and can be read only once is kept until it has been read twice."""
    lines = otlp_lines(spans_of_saves(made_incident(7, stale, saves=120)))
    path = write([])
    path.write_bytes(b"".join([*lines, b"{\n"]))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    held, expected = scaled(Path("-")), reported_simply(path)
    document = reported(held)
    (source,), (of_file,) = document.pop("sources"), expected.pop("sources")
    assert document == expected
    assert source == {**of_file, "name": "standard input"}
    assert [one.where for one in held.sources[0].skipped] == [f"standard input, line {len(lines) + 1}"]


def test_what_holds_no_span_is_refused(tmp_path: Path) -> None:
    """A file that begins as one of spans and holds none is the wrong file, however large."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(b'{"resourceSpans":' * 3)
    with pytest.raises(SourceError, match="holds no spans in OTLP JSON"):
        scaled(path)


def plain(span: Span) -> Span:
    """A span as plain OpenTelemetry has it, with the old names, without any attribute of ours."""
    old = {"http.request.method": "http.method", "http.response.status_code": "http.status_code"}
    held: dict[str, AttributeValue] = {
        old.get(name, name): value
        for name, value in span.attributes.items()
        if name.startswith(("http.", "rpc."))
    }
    failed = span.attributes.get(names.ERROR_CODE) is not None
    if failed and span.kind == "server":
        held["http.status_code"] = 503
    return dataclasses.replace(span, attributes=held, status="error" if failed else "unset")


@pytest.mark.parametrize("most_traces", [1, waiting.MOST_TRACES])
def test_plain_traces_are_read_too(most_traces: int, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces without our attributes tell the same, whether their calls were still at hand or not."""
    monkeypatch.setattr(waiting, "MOST_TRACES", most_traces)
    spans = [
        plain(span) for span in spans_of_saves(made_incident(9, one_worker)) if span.name != "attempt: x"
    ]
    path = write(spans)
    document = reported(scaled(path))
    assert document["saves"]["failed"] > 10
    assert document == reported_simply(path)
    assert reported(scaled(path, bounds=FEW))["saves"] == document["saves"]


def test_saves_whose_own_span_is_missing_are_found(write: Write) -> None:
    """Of a worker that was killed only storage calls are there, or a request without an answer."""

    def cut(save: Save) -> list[Span]:
        own = save.span
        kept = {
            name: value for name, value in own.attributes.items() if name in {"http.route", "http.method"}
        }
        return [dataclasses.replace(own, attributes=kept)] if save.span.start_nanoseconds % 2 else []

    made = made_incident(10, stale, saves=200)
    killed = made[::17]
    spans = [span for span in spans_of_saves(made) if all(span is not save.span for save in killed)]
    spans += [span for save in killed for span in cut(save)]
    path = write(spans)
    document = reported(scaled(path))
    assert document["saves"]["failed"] + document["saves"]["unknown"] >= len(killed) // 2
    assert document == reported_simply(path)
    assert reported(scaled(path, bounds=FEW))["saves"] == document["saves"]


def test_what_browsers_and_front_servers_tell_is_heard(write: Write) -> None:
    """Who tells of failures that the app knows nothing of is heard as in a file read into memory."""
    made = made_incident(13, stale, saves=400)
    spans = spans_of_saves(made)
    chance = random.Random(13)  # noqa: S311 - no secret
    for save in made:
        kind = chance.choice(["well", "well", "timeout", "lost", "silent", "gateway"])
        spans += beside(save, kind)
    path = write(spans)
    document = reported(scaled(path))
    assert document == reported_simply(path)
    assert document["saves"]["failed"] > 150 + sum(save.outcome == "failed" for save in made)
    sampled = reported(scaled(path, bounds=FEW))
    assert (sampled["saves"], sampled["errors"]) == (document["saves"], document["errors"])


def beside(save: Save, kind: str) -> list[Span]:
    """Return what others tell of a save: that it went well, that the user gave up, of one that was lost."""
    own = save.span
    path: dict[str, AttributeValue] = {"url.path": own.attributes["http.route"]}
    if kind == "silent":
        return []
    if kind == "gateway":
        told = nginx_span("any", 504, answered=False)
        spoken: dict[str, AttributeValue] = {names.OUTCOME: names.FAILED}
    elif kind == "well":
        told, spoken = browser_span("any"), {}
    else:
        code = "offline" if kind == "lost" else kind
        told, spoken = browser_span("any", outcome=names.FAILED, code=code, status=None), {}
    trace_id = f"{own.trace_id[16:]}{own.trace_id[:16]}" if kind == "lost" else own.trace_id
    return [
        dataclasses.replace(
            told, trace_id=trace_id, span_id=f"b{own.span_id[1:]}",
            start_nanoseconds=own.start_nanoseconds, end_nanoseconds=own.end_nanoseconds + 1_000_000,
            attributes={**told.attributes, **path, **spoken},
        )
    ]  # fmt: skip


def test_only_those_asked_for_are_counted(write: Write) -> None:
    """Counts and times are of the saves that fit, also where most are not read in full."""
    made = made_incident(11, stale, saves=1_500)

    def fits(save: Save) -> bool:
        return "share" in save.route

    held = scaled(write(spans_of_saves(made)), bounds=FEW, fits=fits)
    report = held.completed(make_report(held.sources, held.saves, episodes(held.saves), fits, held.spans))
    meant = [save for save in made if fits(save)]
    assert report.sample is not None
    assert report.saves.total == len(meant) == len(held.moments)
    assert (report.start, report.end) == (meant[0].time, meant[-1].time)
    assert [moment.nanoseconds for moment in held.moments] == [save.span.start_nanoseconds for save in meant]
    codes = [save.error_code for save in meant]
    assert [moment.error_code for moment in held.moments] == codes


def test_an_interrupted_run_leaves_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: what was written down on the way is gone."""

    class Interrupted(Progress):
        def step(self, what: str, size: int) -> At | None:
            assert list(folder.iterdir())
            raise KeyboardInterrupt

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(KeyboardInterrupt):
        scaled(write(spans_of_saves(made_incident(12, stale, saves=20))), progress=Interrupted(shown=False))
    assert not list(folder.iterdir())
