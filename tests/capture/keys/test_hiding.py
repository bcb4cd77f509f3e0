"""How spans are kept back while keys are hidden: none is lost, none is early, nothing is left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import flask
import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
    use_span,
)

import otel_savetrace
from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.keys import privacy
from otel_savetrace.capture.keys.redaction import KeyRedaction
from tests.fixture_capture import Captured, botocore_instrumentor, facts
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

HIDING = Settings(
    keys="none",
    key_patterns=(KeyPattern.parse("maps/{map.id}/{map.file}"),),
    request_attributes=(RequestAttribute("map.id", "args", "id"),),
)


@pytest.fixture
def settings() -> Settings:
    """Keys are left out."""
    return HIDING


def names(captured: Captured) -> list[str]:
    """Names of the spans that were exported, in their order."""
    return [span.name for span in captured.exporter.get_finished_spans()]


def put(client: Any, key: str = "maps/my-map/draft.json") -> None:
    """Store an object."""
    client.put_object(Bucket="bucket", Key=key, Body=b"1")


def test_spans_wait_for_the_one_without_a_parent(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Nothing of a trace is exported before its first span has ended; then all is, once, as it ended."""
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("work"):
        tracer.start_span("before").end()
        put(client_of(store))
        tracer.start_span("after").end()
        assert names(captured) == []
    assert names(captured) == ["before", "attempt: 200", "S3.PutObject", "after", "work"]


def test_a_request_from_elsewhere_is_waited_for(captured: Captured) -> None:
    """A span whose parent is in another process counts as the first of its trace here."""
    tracer = captured.provider.get_tracer("the app")
    elsewhere = set_span_in_context(
        NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    )
    with tracer.start_as_current_span("request", elsewhere):
        tracer.start_span("inner").end()
        assert names(captured) == []
    assert names(captured) == ["inner", "request"]


def test_a_processor_that_is_added_later(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A processor that somebody adds after us is given no key either."""
    seen: list[ReadableSpan] = []

    class Late(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append(span)

    captured.provider.add_span_processor(Late())
    with captured.provider.get_tracer("the app").start_as_current_span("work of my-map"):
        put(client_of(store))
    assert [span.name for span in seen] == ["attempt: 200", "S3.PutObject", "work of [key]"]


def test_the_app_keeps_what_it_wrote(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """What is replaced is replaced in what is exported; the span that the app holds stays as it was."""
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("work of my-map", attributes={"map": "my-map"}) as span:
        put(client_of(store))
    held: Any = span
    assert (held.name, held.attributes["map"]) == ("work of my-map", "my-map")
    (work,) = (one for one in captured.exporter.get_finished_spans() if one.name == "work of [key]")
    assert facts(work) == {"map": "[key]"}


def test_a_dependency_that_failed_is_heard_of_at_once(captured: Captured) -> None:
    """A failed span of a database, kept back like any, still explains the save that it failed."""
    app = flask.Flask("maps")
    database = captured.provider.get_tracer("opentelemetry.instrumentation.psycopg2")
    named = Settings(keys="none", save_routes=frozenset(("/save/",)))
    otel_savetrace.uninstrument()
    otel_savetrace.instrument(captured.provider, named)

    @app.post("/save/")
    def save() -> Any:
        with database.start_as_current_span("UPDATE", kind=SpanKind.CLIENT) as span:
            span.set_status(Status(StatusCode.ERROR))
        return {"error": "no"}

    app.test_client().post("/save/")
    assert facts(captured.saves[0])[attribute.STAGE] == attribute.DEPENDENCY


def test_what_still_waits_at_the_end_is_exported(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Switched off amid a request, spans that wait go on, without the keys that are known."""
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("work"):
        tracer.start_span("check my-map").end()
        put(client_of(store))
        otel_savetrace.uninstrument()
        assert names(captured) == ["check [key]", "attempt: 200", "S3.PutObject"]


def test_a_provider_that_shuts_down_amid_a_request(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans that wait when a process ends reach exporters before these are shut down."""
    tracer = captured.provider.get_tracer("the app")
    at_shutdown: list[list[str]] = []
    monkeypatch.setattr(captured.exporter, "shutdown", lambda: at_shutdown.append(names(captured)))
    work = tracer.start_span("work")
    tracer.start_span("inner", set_span_in_context(work)).end()
    captured.provider.shutdown()
    assert at_shutdown == [["inner"]]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # it is, and forks nevertheless
def test_a_child_process_hands_on_its_own_spans_only(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Forked amid a request, a child exports none of its parent's spans, and none of the trace's keys."""
    tracer = captured.provider.get_tracer("the app")
    forking = get_context("fork")
    told = forking.SimpleQueue()

    def child() -> None:
        tracer.start_span("child of my-map").end()
        told.put((os.getpid(), names(captured)))

    with tracer.start_as_current_span("work"):
        put(client_of(store))
        process = forking.Process(target=child)
        process.start()
        process.join()
    assert told.get() == (process.pid, ["child of [key]"])
    assert names(captured) == ["attempt: 200", "S3.PutObject", "work"]


def test_a_trace_with_more_spans_than_may_wait(
    captured: Captured, store: RawStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past a number of spans, those that wait go on with what is known; later ones are held to later keys."""
    monkeypatch.setattr(privacy, "MOST_WAITING", 5)
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("work"):
        put(client_of(store))
        for number in range(5):
            tracer.start_span(f"{number} of my-map and other").end()
        early = len(names(captured))
        put(client_of(store), "maps/other/draft.json")
        tracer.start_span("last of my-map and other").end()
    assert early == 6
    assert names(captured)[2] == "0 of [key] and other"
    assert names(captured)[-2:] == ["last of [key] and [key]", "work"]


def test_a_trace_with_more_keys_than_can_be_looked_for(
    captured: Captured, store: RawStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past a number of keys, every free text of the trace is hidden; what is no text, or ours, stays."""
    monkeypatch.setattr(privacy, "MOST_WORDS", 10)
    client = client_of(store)
    with captured.provider.get_tracer("the app").start_as_current_span("work") as span:
        for number in range(10):
            put(client, f"maps/map-{number}/draft.json")
        span.set_attributes({"said": "map-9 is stored", "count": 10, attribute.OUTCOME: attribute.SUCCEEDED})
    work = captured.exporter.get_finished_spans()[-1]
    assert work.name == "[hidden]"
    assert facts(work) == {"[hidden]": 10, attribute.OUTCOME: attribute.SUCCEEDED}
    assert {facts(call)[attribute.KEY_LEN] for call in captured.calls} == {len("maps/map-0/draft.json")}


def test_a_text_that_is_too_long_to_be_searched(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Where a trace has keys, a text of more than 32,768 characters is hidden whole, and only that."""
    with captured.provider.get_tracer("the app").start_as_current_span("work") as span:
        put(client_of(store))
        span.set_attributes({"long": "x" * 32_769, "less": "x" * 32_768})
    assert facts(captured.exporter.get_finished_spans()[-1]) == {"long": "[hidden]", "less": "x" * 32_768}


def test_memory_is_bounded(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """However many traces there were, a thousand are remembered; of a forgotten one free texts are hidden."""
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("first") as first:
        put(client_of(store))
    for _ in range(privacy.MOST_TRACES + 10):
        tracer.start_span("later").end()
    tracer.start_span("late of my-map", set_span_in_context(first)).end()
    assert names(captured)[-1] == "[hidden]"
    assert len(_traces()) <= privacy.MOST_TRACES


def test_requests_that_never_end(
    captured: Captured, store: RawStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more requests live than can be remembered, the oldest one's spans go on, its keys hidden."""
    monkeypatch.setattr(privacy, "MOST_TRACES", 4)
    tracer = captured.provider.get_tracer("the app")
    endless = tracer.start_span("endless")
    with use_span(endless):
        put(client_of(store))
    tracer.start_span("inner of my-map", set_span_in_context(endless)).end()
    others = [tracer.start_span(f"other {number}") for number in range(4)]
    others[-1].end()
    assert names(captured) == ["attempt: 200", "S3.PutObject", "inner of [key]", "other 3"]


def _traces() -> dict[int, Any]:
    hook = botocore_instrumentor().request_hook
    (privacy,) = (cell.cell_contents for cell in hook.__closure__ if hasattr(cell.cell_contents, "privacy"))
    traces: dict[int, Any] = privacy.privacy._traces
    return traces


def test_a_span_that_cannot_be_redacted_goes_nowhere(
    captured: Captured, announced: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where hiding fails, the app goes on, the span is not exported, and that is said."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(KeyRedaction, "redact", fail)
    with captured.provider.get_tracer("the app").start_as_current_span("work"):
        pass
    assert names(captured) == []
    announced.add("the keys in a span are hidden")


def test_spans_of_many_threads_are_exported_once(captured: Captured) -> None:
    """Of eight threads' spans, which end while the first span does, none is lost and none is doubled."""
    tracer = captured.provider.get_tracer("the app")
    for _ in range(50):
        captured.exporter.clear()
        _race(tracer)
        assert sorted(names(captured)) == ["inner"] * 32 + ["work"]


def _race(tracer: Tracer) -> None:
    work = tracer.start_span("work")
    ready = threading.Barrier(9)

    def end_four() -> None:
        ready.wait()
        for _ in range(4):
            tracer.start_span("inner", set_span_in_context(work)).end()

    threads = [threading.Thread(target=end_four) for _ in range(8)]
    for thread in threads:
        thread.start()
    ready.wait()
    work.end()
    for thread in threads:
        thread.join()


def test_switched_off_under_somebody_else(
    captured: Captured, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another tool has wrapped the chain since, what stays of ours hands spans on as they are."""
    chain = captured.provider._active_span_processor
    ours = chain.on_end
    monkeypatch.setattr(chain, "on_end", lambda span: ours(span))
    otel_savetrace.uninstrument()
    tracer = captured.provider.get_tracer("the app")
    with tracer.start_as_current_span("work"):
        tracer.start_span("inner").end()
        assert names(captured) == ["inner"]
    assert names(captured) == ["inner", "work"]
    assert "was wrapped by another tool since" in caplog.text
    monkeypatch.undo()
    del chain.on_end


@pytest.mark.parametrize("mode", ["hash", "none"])
def test_switching_off_leaves_no_trace(instrumented: Captured, mode: Any) -> None:
    """After `uninstrument` the provider's chain, botocore's hooks and Flask's signals are what they were."""

    def state() -> list[Any]:
        chain = instrumented.provider._active_span_processor
        botocore = botocore_instrumentor()
        signals = (flask.got_request_exception, flask.request_finished)
        return [
            dict(chain.__dict__),
            botocore.request_hook,
            botocore.response_hook,
            *(dict(one.receivers) for one in signals),
        ]

    before = state()
    settings = Settings(keys=mode, request_attributes=HIDING.request_attributes)
    otel_savetrace.instrument(instrumented.provider, settings)
    changed = state()
    assert all(one != other for one, other in zip(before, changed, strict=True))
    otel_savetrace.uninstrument()
    assert state() == before


def test_plain_keys_cost_nothing(instrumented: Captured) -> None:
    """Shown plain, keys change nothing about how spans reach their processors."""
    before = dict(instrumented.provider._active_span_processor.__dict__)
    otel_savetrace.instrument(instrumented.provider, Settings(keys="plain"))
    after = dict(instrumented.provider._active_span_processor.__dict__)
    otel_savetrace.uninstrument()
    assert before.keys() == after.keys()


class _Providing:
    """A provider that is not OpenTelemetry's own."""

    def add_span_processor(self, _: SpanProcessor) -> None:
        """Take a processor."""

    def get_tracer(self, *arguments: Any, **named: Any) -> Any:
        """Give OpenTelemetry's tracer."""
        return TracerProvider().get_tracer(*arguments, **named)


def test_a_provider_whose_spans_cannot_be_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    """Where keys cannot be hidden as asked for, otel-savetrace stays off and says so in one line."""
    provider: Any = _Providing()
    assert not otel_savetrace.instrument(provider, HIDING)
    assert caplog.messages == [
        "otel-savetrace is off: OTEL_SAVETRACE_KEYS=none cannot be kept with a tracer provider (_Providing)"
        " that is not OpenTelemetry's own. The app runs without it."
    ]
