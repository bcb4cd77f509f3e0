"""Spans of an exact shape and time, in a file as OpenTelemetry's own file exporter writes it.

They stand in for capture where a test needs to decide every fact and every moment; what capture itself
writes is read in tests/analysis/test_captured.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.util.types import AttributeValue

from otel_savetrace import attributes as names
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.spans.otlp_json import read_path

NOON = 1_795_521_600_000_000_000
"""2026-11-24 12:00:00 UTC, in nanoseconds: the moment that every `at` counts from."""

Facts: TypeAlias = Mapping[str, AttributeValue]
"""Attributes of a span."""

ROUTE = "/storymap/save/"


@dataclasses.dataclass(frozen=True)
class Try:
    """One attempt: seconds waited before it, then its own length, what came of it, the wire's facts."""

    outcome: str = "200"
    code: str | None = None
    wait: float = 0.0
    seconds: float = 0.02
    facts: Facts = dataclasses.field(
        default_factory=lambda: {names.CONNECTION: names.NEW, names.HEADER_BYTES: 901}
    )


SLOW_DOWN = Try("503 SlowDown", "SlowDown")
RESET = Try("connection reset", "ConnectionResetError")


@dataclasses.dataclass(frozen=True)
class Put:
    """One S3 call and its attempts; the last of them decides it, and `facts` are its own.

    `failed` says that it failed though no attempt did.
    """

    tries: Sequence[Try] = (Try(),)
    file: str = "draft.json"
    content: tuple[str, int] | None = ("crc32:00000001", 12_000)
    operation: str = "PutObject"
    allowed: int | None = 3
    facts: Facts = dataclasses.field(default_factory=dict)
    failed: bool = False


FAILED_PUT = Put(
    (SLOW_DOWN, dataclasses.replace(SLOW_DOWN, wait=0.2), dataclasses.replace(SLOW_DOWN, wait=1.4))
)


class SpanFile:
    """Writes saves to `path`; seconds throughout, `at` counted from noon."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._provider = TracerProvider(
            resource=Resource({"service.name": "storymap"}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))

    def save(
        self,
        at: float = 0.0,
        puts: Sequence[Put] = (Put(),),
        *,
        outcome: str | None = names.SUCCEEDED,
        storymap: str = "my-map",
        user: str = "ada",
        file_named: bool = False,
        **facts: AttributeValue,
    ) -> str:
        """Write one save, its calls one after the other, and return its trace id.

        With `file_named` the last part of the key is an attribute as well, as of a pattern that names it.

        `facts` go to the save (``savetrace__user_error`` for ``savetrace.user_error``); with `outcome` None
        it is a trace of OpenTelemetry alone, without anything of ours.
        """
        ours = outcome is not None
        thing = {"storymap.user_id": user, "storymap.id": storymap} if ours else {}
        server = self._start("flask", f"POST {ROUTE}", SpanKind.SERVER, at)
        now = at + 0.001
        for put in puts:
            if file_named:
                thing["storymap.file"] = put.file
            now = self._put(server, put, now, thing if ours else None)
        server.set_attributes({"http.method": "POST", "http.route": ROUTE, "http.status_code": 200, **thing})
        if ours:
            server.set_attributes(_of_save(str(outcome), puts))
        server.set_attributes({name.replace("__", "."): value for name, value in facts.items()})
        server.end(_moment(now + 0.001))
        return format_trace_id(server.get_span_context().trace_id)

    def _put(self, server: Span, put: Put, at: float, thing: Mapping[str, str] | None) -> float:
        call = self._start("botocore", f"S3.{put.operation}", SpanKind.CLIENT, at, server)
        now = at
        for number, one in enumerate(put.tries):
            now += one.wait
            if thing is not None:
                self._attempt(call, one, number, now)
            now += one.seconds
        last = put.tries[-1] if put.tries else Try()
        call.set_attributes({"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": put.operation})
        call.set_attribute("retry_attempts", max(0, len(put.tries) - 1))
        if last.code:
            told = f"ClientError: An error occurred ({last.code}) when calling the {put.operation} operation"
            call.set_status(Status(StatusCode.ERROR, told))
        elif put.failed:
            call.set_status(Status(StatusCode.ERROR))
        if thing is not None:
            call.set_attributes(_of_call(put, thing))
        call.end(_moment(now))
        return now

    def _attempt(self, call: Span, one: Try, number: int, at: float) -> None:
        attempt = self._start(names.SCOPE, names.ATTEMPT_NAME + one.outcome, SpanKind.CLIENT, at, call)
        attempt.set_attributes({names.RETRY_ATTEMPT: number, **one.facts})
        if number:
            attempt.set_attribute(names.BACKOFF_SECONDS, one.wait)
        if one.code:
            attempt.set_attribute(names.ERROR_CODE, one.code)
            attempt.set_status(Status(StatusCode.ERROR))
        attempt.end(_moment(at + one.seconds))

    def span(
        self, name: str, at: float = 0.0, parent: Span | None = None, kind: SpanKind = SpanKind.INTERNAL
    ) -> Span:
        """Start any other span; the caller ends it."""
        return self._start("other", name, kind, at, parent)

    def _start(self, scope: str, name: str, kind: SpanKind, at: float, parent: Span | None = None) -> Span:
        tracer: Tracer = self._provider.get_tracer(scope, "1.0")  # type: ignore[assignment]  # the SDK's own
        context = None if parent is None else set_span_in_context(parent)
        span = tracer.start_span(name, context=context, kind=kind, start_time=_moment(at))
        assert isinstance(span, Span)
        return span

    def close(self) -> None:
        """Write what is left."""
        self._provider.shutdown()


def _moment(at: float) -> int:
    return NOON + round(at * 1_000_000) * 1_000


def _of_call(put: Put, thing: Mapping[str, str]) -> dict[str, AttributeValue]:
    key = f"storymapjs/{thing['storymap.user_id']}/{thing['storymap.id']}/{put.file}"
    written: dict[str, AttributeValue] = {
        **thing, names.S3_BUCKET: "maps", names.S3_KEY: key, names.KEY_LEN: len(key),
        names.ATTEMPTS: len(put.tries), names.RETRY_ATTEMPTS: max(0, len(put.tries) - 1),
    }  # fmt: skip
    if put.content:
        written[names.CONTENT_HASH], written[names.CONTENT_SIZE] = put.content
    if put.allowed:
        written[names.ATTEMPTS_ALLOWED] = put.allowed
    if put.tries and put.tries[-1].code:
        written[names.ERROR_CODE] = put.tries[-1].code
    return {**written, **put.facts}


def _of_save(outcome: str, puts: Sequence[Put]) -> dict[str, AttributeValue]:
    written: dict[str, AttributeValue] = {
        names.OUTCOME: outcome, names.CALLS: len(puts), names.ATTEMPTS: sum(len(put.tries) for put in puts),
    }  # fmt: skip
    code = puts[-1].tries[-1].code if puts and puts[-1].tries else None
    if outcome == names.FAILED and code:
        written[names.ERROR_CODE] = code
    return written


@pytest.fixture
def span_file(tmp_path: Path) -> Iterator[SpanFile]:
    """Make a file of spans, empty at first."""
    file = SpanFile(tmp_path / "spans.jsonl")
    yield file
    file.close()


@pytest.fixture
def read_saves(span_file: SpanFile) -> Callable[[], list[Save]]:
    """Read the saves that are in the file by now, oldest first."""
    return lambda: saves(read_path(span_file.path).spans)
