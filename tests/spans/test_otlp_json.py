"""OTLP JSON lines: read whole, told apart, counted where they cannot be read."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import zstandard
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.otlp_json import read_lines, read_path
from otel_savetrace.spans.reading import Skipped
from tests.collector.saves import sending_to
from tests.fixture_collector import RECEIVING, StartCollector
from tests.fixture_spans import FAILED_PUT, NOON, SpanFile

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


def line(**span: Any) -> str:
    """One OTLP JSON line with one span."""
    whole = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "s",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        **span,
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}) + "\n"


def test_every_field_of_a_span_is_read(span_file: SpanFile) -> None:
    """What the SDK knows of a span is in the row: ids, times, kind, scope, status, values of every kind."""
    parent = span_file.span("parent", 1.0, kind=SpanKind.SERVER)
    linked = SpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), is_remote=True, trace_flags=TraceFlags(1))
    child = span_file.span("child", 2.0, parent)
    child.set_attributes(
        {"text": "ü", "int": 2**62, "double": 0.5, "boolean": True, "list": ["a", "b"], "none": []}
    )
    child.set_attribute("nan", math.nan)
    child.add_event("exception", {"exception.type": "ValueError"}, timestamp=NOON)
    child.add_link(linked, {"why": "retry"})
    child.set_status(Status(StatusCode.ERROR, "broken"))
    child.end(NOON + 5)
    parent.end(NOON + 6)
    first, second = read_path(span_file.path).spans
    assert (first.name, first.kind, first.scope, first.scope_version) == ("child", "internal", "other", "1.0")
    assert (first.start_nanoseconds, first.end_nanoseconds) == (NOON + 2 * 10**9, NOON + 5)
    assert (first.status, first.status_message, first.service) == ("error", "broken", "storymap")
    assert (first.trace_id, first.parent_span_id) == (second.trace_id, second.span_id)
    assert (second.kind, second.parent_span_id, second.status) == ("server", None, "unset")
    held = dict(first.attributes)
    assert math.isnan(float(str(held.pop("nan"))))
    assert held == {"text": "ü", "int": 2**62, "double": 0.5, "boolean": True, "list": ("a", "b"), "none": ()}
    assert [(event.name, event.time_nanoseconds, event.attributes) for event in first.events] == [
        ("exception", NOON, {"exception.type": "ValueError"})
    ]
    assert [(link.trace_id, link.span_id, link.attributes) for link in first.links] == [
        (TRACE_ID, SPAN_ID, {"why": "retry"})
    ]


def test_a_collectors_archive_is_read_whole(start_collector: StartCollector) -> None:
    """The folder that a real Collector's file exporter writes gives every save, with nothing skipped."""
    collector = start_collector((*RECEIVING, "30-archive.yaml"))
    with sending_to(collector.grpc) as sender:
        sent = {sender.save(codes=("SlowDown",)) for _ in range(20)}
    reading = read_path(collector.archive)
    assert {span.trace_id for span in reading.spans} == sent
    assert len(reading.spans) == 4 * len(sent)
    assert (reading.kind, reading.skipped) == ("folder", ())


def test_broken_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    """A line that cannot be read is named by file, number and reason, and costs no other line."""
    file = tmp_path / "spans.jsonl"
    file.write_text(
        "not json\n" + line() + '[1]\n{"a":1}\n' + "not json either\n" + line(spanId="b7ad6b7169203332")[:-9]
    )
    reading = read_path(file)
    assert [span.span_id for span in reading.spans] == [SPAN_ID]
    assert reading.skipped == (
        Skipped("a line that is not JSON", 2, f"{file}, line 1"),
        Skipped("a line that is not OTLP", 2, f"{file}, line 3"),
        Skipped("a line only half written", 1, f"{file}, line 6"),
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"traceId": "xyz"}, "a span whose traceId is not 16 bytes in hex"),
        ({"spanId": None}, "a span whose spanId is not 8 bytes in hex"),
        ({"startTimeUnixNano": "soon"}, "a span whose startTimeUnixNano is not a whole number"),
        ({"endTimeUnixNano": str(2**64)}, "a span whose endTimeUnixNano is beyond what 64 bits hold"),
        ({"startTimeUnixNano": math.inf}, "a span whose startTimeUnixNano is not a whole number"),
        (
            {"attributes": [{"key": "a", "value": {"boolValue": "false"}}]},
            "a span with an attribute whose boolValue cannot be read",
        ),
        ({"name": 7}, "a name that is not text"),
        ({"attributes": {"a": 1}}, "attributes that is not a list of objects"),
        ({"status": [1]}, "a status that is not an object"),
        (
            {"attributes": [{"key": "a", "value": {"intValue": "x"}}]},
            "a span with an attribute whose intValue cannot be read",
        ),
        (
            {"attributes": [{"key": "a", "value": {"newValue": 1}}]},
            "a span with an attribute whose kind of value is unknown",
        ),
    ],
)
def test_a_broken_span_costs_no_other(tmp_path: Path, wrong: dict[str, Any], why: str) -> None:
    """A span that cannot be read is counted with its reason; its neighbours are read."""
    file = tmp_path / "spans.jsonl"
    file.write_text(line(**wrong) + line())
    reading = read_path(file)
    assert len(reading.spans) == 1
    assert reading.skipped == (Skipped(why, 1, f"{file}, line 1"),)


def test_other_signals_are_counted_as_such(tmp_path: Path) -> None:
    """Logs and metrics in the same file are no broken lines, and are told apart."""
    file = tmp_path / "all.jsonl"
    file.write_text('{"resourceLogs":[]}\n{"resourceMetrics":[]}\n{"resourceLogs":[]}\n')
    assert [(skipped.why, skipped.count) for skipped in read_path(file).skipped] == [
        ("logs, not spans", 2),
        ("metrics, not spans", 1),
    ]


def test_a_span_written_twice_is_read_once(tmp_path: Path) -> None:
    """The same span in an archive and in a file of one's own is one span."""
    (tmp_path / "archive.jsonl").write_text(line())
    (tmp_path / "own.jsonl").write_text(line() + line(spanId="b7ad6b7169203332"))
    assert len(read_path(tmp_path).spans) == 2


@pytest.mark.parametrize("turn", [1, -1])
def test_a_span_of_its_own_goes_before_one_from_a_record(tmp_path: Path, turn: int) -> None:
    """Where a process was killed just as it had handed a span over, what the record says is left out."""
    told = {"key": "savetrace.from_record", "value": {"boolValue": True}}
    written = [line(name="whole"), line(name="from the record", attributes=[told])]
    file = tmp_path / "spans.jsonl"
    file.write_text("".join(written[::turn]))
    assert [span.name for span in read_path(file).spans] == ["whole"]


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    """Rotated names, sub-folders and .gz files are read; hidden files are not."""
    (tmp_path / "archive-2026-11-24T12-00-00.000.jsonl").write_text(line())
    (tmp_path / "older").mkdir()
    with gzip.open(tmp_path / "older" / "archive.jsonl.gz", "wt") as packed:
        packed.write(line(spanId="b7ad6b7169203332"))
    (tmp_path / ".hidden").write_text("not json")
    reading = read_path(tmp_path)
    assert (len(reading.spans), reading.skipped) == (2, ())


def test_a_packed_file_that_is_cut_off_gives_what_it_holds(tmp_path: Path) -> None:
    """The lines before the cut are read, and the cut is counted."""
    file = tmp_path / "spans.jsonl.gz"
    lines = "".join(line(spanId=f"{number:016x}") for number in range(1, 2000))
    file.write_bytes(gzip.compress(lines.encode())[:-2000])
    reading = read_path(file)
    assert 0 < len(reading.spans) < 1999
    assert reading.skipped[-1] == Skipped("the rest of a file that is cut off or damaged", 1, str(file))


def test_a_file_packed_with_zstandard_is_read(tmp_path: Path) -> None:
    """All frames of a `.zst` file are read, whatever its name; one that is cut off says so."""
    packer = zstandard.ZstdCompressor()
    first, second = line().encode(), line(spanId="b7ad6b7169203332").encode()
    (tmp_path / "b.jsonl").write_bytes(packer.compress(first) + packer.compress(second))
    reading = read_path(tmp_path)
    assert (len(reading.spans), reading.skipped) == (2, ())
    (tmp_path / "b.jsonl").write_bytes(packer.compress(first) + packer.compress(second)[:-4])
    reading = read_path(tmp_path)
    assert len(reading.spans) == 1
    assert [skipped.why for skipped in reading.skipped] == ["the rest of a file that is cut off or damaged"]


def test_a_record_glued_to_half_of_another_is_rescued(tmp_path: Path) -> None:
    """What was written after a writer was killed, in the line that it began, is read and told."""
    file = tmp_path / "spans.jsonl"
    file.write_text(line(spanId="b7ad6b7169203332")[:-9] + line())
    reading = read_path(file)
    assert [span.span_id for span in reading.spans] == [SPAN_ID]
    assert reading.skipped == (
        Skipped("a record only half written, with the next one in the same line", 1, f"{file}, line 1"),
    )


def test_ids_in_base64_and_kinds_by_name_are_understood(tmp_path: Path) -> None:
    """A writer that follows protobuf's own JSON mapping gives the same rows."""
    file = tmp_path / "spans.jsonl"
    in_base64 = {
        "traceId": base64.b64encode(bytes.fromhex(TRACE_ID)).decode(),
        "spanId": base64.b64encode(bytes.fromhex(SPAN_ID)).decode(),
    }
    file.write_text(line(**in_base64, kind="SPAN_KIND_SERVER", status={"code": "STATUS_CODE_ERROR"}))
    (span,) = read_path(file).spans
    assert (span.trace_id, span.span_id, span.kind, span.status) == (TRACE_ID, SPAN_ID, "server", "error")
    assert read_path(file, (TRACE_ID,)).spans == (span,)


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    """Maps, lists and bytes are read too; a value that is absent is none."""
    file = tmp_path / "spans.jsonl"
    values: dict[str, Any] = {
        "map": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"doubleValue": "Infinity"}]}},
        "bytes": {"bytesValue": "YWI="},
        "none": {},
    }
    file.write_text(line(attributes=[{"key": name, "value": value} for name, value in values.items()]))
    (span,) = read_path(file).spans
    assert span.attributes == {"map": {"a": 1}, "list": ("a", math.inf), "bytes": "YWI=", "none": None}
    assert read_path(file, (TRACE_ID,)).spans == (span,)


def test_lines_of_a_stream_are_read() -> None:
    """A stream gives the same spans as a file, under the name given."""
    reading = read_lines(io.BytesIO(line().encode() + b"x\n"), "standard input")
    assert len(reading.spans) == 1
    assert reading.skipped == (Skipped("a line that is not JSON", 1, "standard input, line 2"),)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "There is no file or folder"),
        (lambda path: path.mkdir(), "holds no file"),
        (
            lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
            "holds no spans in OTLP JSON: a line that is not JSON",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_an_error(tmp_path: Path, make: Any, said: str) -> None:
    """A path with nothing in it that we can read raises, and the sentence names the path."""
    path = tmp_path / "spans"
    make(path)
    with pytest.raises(SourceError, match=said) as raised:
        read_path(path)
    assert str(path) in str(raised.value)


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    """What a shell's `<(zcat …)` gives cannot be wound back, and is read all the same."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(line(),))
    writer.start()
    assert len(read_path(pipe).spans) == 1
    writer.join()


def test_a_name_that_no_file_can_have_is_an_error() -> None:
    """What the system refuses to look up is told in a sentence."""
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        read_path(Path("x" * 5_000))


def test_an_empty_file_holds_no_spans_and_is_no_error(tmp_path: Path) -> None:
    """A file that nothing was written to yet is read as empty."""
    file = tmp_path / "spans.jsonl"
    file.touch()
    assert read_path(file).spans == ()


def test_of_traces_that_are_named_nothing_else_is_read(span_file: SpanFile) -> None:
    """Whole ids and beginnings pick the same rows, damage elsewhere is counted, and a wrong file is told."""
    for number in range(4):
        span_file.save(10.0 * number, [FAILED_PUT], outcome="failed")
    path = span_file.path
    path.write_bytes(path.read_bytes() + b"{\n")
    whole = read_path(path)
    first, last = whole.spans[0].trace_id, whole.spans[-1].trace_id
    read = read_path(path, (first, last[:16]))
    assert read.spans == tuple(one for one in whole.spans if one.trace_id in {first, last})
    assert 0 < len(read.spans) < len(whole.spans)
    assert read.skipped == whole.skipped
    assert read_path(path, ("f" * 32,)).spans == ()
    path.write_bytes(b"no spans\n")
    with pytest.raises(SourceError, match="holds no spans in OTLP JSON"):
        read_path(path, (first,))
