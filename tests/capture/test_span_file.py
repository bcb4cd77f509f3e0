"""Spans in a file: whole lines, from several workers, across forks."""

from __future__ import annotations

import json
import multiprocessing
import stat
import threading
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_savetrace
from otel_savetrace.capture.span_file import AppendedLines, SpanFileExporter
from tests.fixture_capture import Captured

_WORKERS = 4
_LINES = 20
_LONG = 200_000


def _append(path: Path, worker: int) -> None:
    stream = AppendedLines(path)
    for number in range(_LINES):
        stream.write(json.dumps({"worker": worker, "number": number, "long": "x" * _LONG}) + "\n")


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    """Long lines that processes write at once all arrive, each whole."""
    path = tmp_path / "spans.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append, args=(path, worker)) for worker in range(_WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with path.open() as lines:
        found = {(line["worker"], line["number"]) for line in map(json.loads, lines)}
    assert found == {(worker, number) for worker in range(_WORKERS) for number in range(_LINES)}


def _end_one_span(provider: TracerProvider, name: str) -> None:
    with provider.get_tracer("test").start_as_current_span(name):
        pass
    provider.force_flush()


def _names(path: Path) -> list[str]:
    return [
        span["name"]
        for line in path.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_a_forked_worker_writes_though_the_fork_came_amid_an_export(tmp_path: Path) -> None:
    """A child forked while the parent's exporter holds its lock writes its own spans."""
    path = tmp_path / "spans.jsonl"
    exporter = SpanFileExporter(path)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _end_one_span(provider, "parent")
    context = multiprocessing.get_context("fork")
    lock: threading.Lock = exporter._own_exporter()._exporter._lock
    with lock:
        child = context.Process(target=_end_one_span, args=(provider, "child"))
        child.start()
        child.join(timeout=60)
    assert child.exitcode == 0
    provider.shutdown()
    assert _names(path) == ["parent", "child"]


def test_a_rotated_file_is_begun_anew(tmp_path: Path) -> None:
    """After the file was moved away, the next lines go to a new one under the old name."""
    path = tmp_path / "folder" / "spans.jsonl"
    stream = AppendedLines(path)
    stream.write("one\n")
    path.rename(tmp_path / "spans.jsonl.1")
    stream.write("two\n")
    assert path.read_text() == "two\n"


def test_only_the_owner_may_read_the_file(instrumented: Captured, tmp_path: Path) -> None:
    """Spans may name persons: a file that we make is the owner's alone, from the start."""
    path = tmp_path / "spans.jsonl"
    otel_savetrace.instrument(instrumented.provider, otel_savetrace.Settings(file=path))
    otel_savetrace.uninstrument()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
