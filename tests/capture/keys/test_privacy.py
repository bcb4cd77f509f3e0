"""With keys hashed or left out, no key and no part of one is anywhere in what is exported of a trace."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import flask
import pytest
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.botocore import AiobotocoreInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode

import otel_savetrace
from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.keys.hash import hash_of
from otel_savetrace.config import KeyMode
from tests.fixture_capture import Captured, botocore_instrumentor, facts
from tests.key_forms import WAYS, leaks, nasty_keys
from tests.raw_store import Answer, RawStore, Visit, closed, refused, reset, silent

MakeClient = Callable[..., Any]
Use = Callable[[Any, str], object]
"""Uses a client for a key."""

PATTERN = KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}")
KEY = 'maps/Ada Lovelace/mein schöner Plan/it\'s 100% "new".json'
PARTS = dict(zip(PATTERN.names, KEY.split("/")[1:], strict=True))
FROM_REQUEST = (RequestAttribute("map.id", "view", "map_id"), RequestAttribute("map.user", "args", "user"))


def settings_of(mode: KeyMode) -> Settings:
    """Settings with a pattern, and with attributes from the request."""
    return Settings(keys=mode, key_patterns=(PATTERN,), request_attributes=FROM_REQUEST)


@pytest.fixture(params=["hash", "none"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Keys are hashed, then left out."""
    return settings_of(request.param)


def leaked(spans: tuple[ReadableSpan, ...], *keys: str) -> list[str]:
    """Return what of `keys` is exported with spans, but for what the pattern itself says."""
    text = exported(spans)
    encoded = encode_spans(spans).SerializeToString().decode("utf-8", "replace")
    found = []
    for key in (key.removeprefix("maps/") for key in keys):
        # In bytes three letters may come about by chance, in the ids and numbers of a trace.
        found += leaks(text, key) + [leak for leak in leaks(encoded, key) if len(leak) > 7]
    return found


def exported(spans: tuple[ReadableSpan, ...]) -> str:
    """Return every text of spans as OTLP JSON has it, but for what is made up by chance."""
    lines = io.StringIO()
    FileSpanExporter(stream=lines).export(spans)
    texts = [text for line in lines.getvalue().splitlines() for text in _texts(json.loads(line))]
    return _BY_CHANCE.sub("", "\n".join(texts))


_BY_CHANCE = re.compile(r"sha256:[0-9a-f]{16}|0x[0-9a-f]+")
_NUMBERS = frozenset(
    ("resource", "traceId", "spanId", "parentSpanId", "intValue", "startTimeUnixNano", "endTimeUnixNano",
     "timeUnixNano")
)  # fmt: skip


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            if name not in _NUMBERS:
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def too_long(visit: Visit) -> None:
    """Refuse a key, and quote it, as a store may."""
    body = f"<Error><Code>KeyTooLongError</Code><Message>No: {quote(KEY)}</Message></Error>".encode()
    visit.send("400 Bad Request", body, "Content-Type: application/xml\r\n")


def put(client: Any, key: str) -> object:
    """Store an object."""
    return client.put_object(Bucket="bucket", Key=key, Body=b"1")


def get(client: Any, key: str) -> object:
    """Read an object."""
    return client.get_object(Bucket="bucket", Key=key)


def copy(client: Any, key: str) -> object:
    """Copy an object to another place."""
    return client.copy_object(Bucket="bucket", Key="maps/elsewhere", CopySource=f"bucket/{quote(key)}")


def delete(client: Any, key: str) -> object:
    """Delete an object among several."""
    return client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "maps/other"}, {"Key": key}]})


def list_after(client: Any, key: str) -> object:
    """List what comes after a key."""
    return client.list_objects_v2(Bucket="bucket", StartAfter=key)


def list_below(client: Any, prefix: str) -> object:
    """List what begins like a key."""
    return client.list_objects(Bucket="bucket", Prefix=prefix)


QUOTED: dict[str, tuple[Use, Answer]] = {
    "reset": (put, reset),
    "closed": (put, closed),
    "timed out": (put, silent),
    "refused": (put, too_long),
    "not found": (get, refused("404 Not Found", "NoSuchKey")),
    "copied": (copy, reset),
    "deleted": (delete, reset),
    "listed after": (list_after, reset),
    "listed below": (list_below, reset),
}
"""What botocore's exceptions quote a key for: how it came about, what is called and what comes back."""


def app_of(captured: Captured, call: Callable[[str], object]) -> flask.Flask:
    """An app with spans of its own, which has its storage call quoted everywhere before and after it."""
    app = flask.Flask("maps")
    tracer = captured.provider.get_tracer("the app")

    @app.post("/save/<path:map_id>")
    def save(map_id: str) -> Any:
        key = flask.request.args["key"]
        link = Link(trace.get_current_span().get_span_context(), {"from": key})
        with tracer.start_as_current_span(f"check {key}", links=[link]) as span:
            span.set_attribute("statement", f"SELECT * FROM maps WHERE id = '{key}'")  # noqa: S608 - nobody runs it
            span.set_attribute("keys", [key, quote(key)])
            span.set_attribute(f"seen.{key}", True)
            span.add_event(f"read {key}", {"url.full": f"http://host/{quote(key)}?x=1", "raw": key.encode()})
            span.set_status(Status(StatusCode.ERROR, f"no {key!r}"))
        call(key)
        return {"saved": key}

    return app


def save_through(app: flask.Flask, key: str, map_id: str) -> Any:
    """Send a save whose address names the key and its part, as a browser writes them."""
    address = f"/save/{quote(map_id, safe='')}?key={quote(key, safe='')}&user=Ada+Lovelace"
    return app.test_client().post(address)


@pytest.mark.parametrize("settings", ["plain", "hash", "none"], indirect=True)
@pytest.mark.parametrize("way", QUOTED)
def test_no_part_of_a_key_is_exported(
    captured: Captured, store: RawStore, client_of: MakeClient, settings: Settings, way: str
) -> None:
    """What botocore, OpenTelemetry, Flask and the app quote of a key is in no span, unless it is plain."""
    use, answer = QUOTED[way]
    client = client_of(store, read_timeout=0.1)
    store.script = [answer]
    response = save_through(app_of(captured, lambda key: use(client, key)), KEY, PARTS["map.id"])
    assert response.status_code == 500
    assert len(captured.exporter.get_finished_spans()) == 4
    assert bool(leaked(captured.exporter.get_finished_spans(), KEY)) == (settings.keys == "plain")


def test_an_address_that_nobody_answers(
    captured: Captured, store: RawStore, client_of: MakeClient, settings: Settings
) -> None:
    """The whole URL of botocore's EndpointConnectionError is in no span."""
    client = client_of(store)
    store.stop()
    with captured.provider.get_tracer("the app").start_as_current_span("work"), suppress(Exception):
        put(client, KEY)
    assert "EndpointConnectionError" in exported(captured.exporter.get_finished_spans())
    assert leaked(captured.exporter.get_finished_spans(), KEY) == []


@pytest.mark.parametrize("settings", ["hash"], indirect=True)
def test_hashes_are_equal_where_keys_are(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """The hash of a key, and of each part, is the same on call and save, in the address and in other keys."""
    app = app_of(captured, lambda key: put(client_of(store), key))
    files = ("draft.json", "index.html")
    for file in files:
        save_through(app, f"maps/ada/my-map/{file}", "my-map")
    for file, save, call in zip(files, captured.saves, captured.calls, strict=True):
        key = f"maps/ada/my-map/{file}"
        for span in (save, call):
            known = facts(span)
            assert known[attribute.S3_KEY] == hash_of(key)
            assert known["map.id"] == hash_of("my-map")
            assert known["map.file"] == hash_of(file)
            assert known[attribute.KEY_LEN] == len(key)
        assert facts(save)["http.target"].startswith(f"/save/{hash_of('my-map')}?key={hash_of(key)}")


@pytest.mark.parametrize("settings", ["none"], indirect=True)
def test_left_out_is_left_out(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Without hashes a call and its save have no key and no part as attributes; length and size stay."""
    save_through(app_of(captured, lambda key: put(client_of(store), key)), KEY, PARTS["map.id"])
    for span in (*captured.calls, *captured.saves):
        known = facts(span)
        assert {attribute.S3_KEY, *PATTERN.names}.isdisjoint(known)
        assert known[attribute.KEY_LEN] == len(KEY.encode())
        assert known[attribute.CONTENT_SIZE] == 1


def test_two_hundred_keys(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Of keys that are hard to write down, no segment of three characters is exported in any form."""
    client = client_of(store)
    tracer = captured.provider.get_tracer("the app")
    for key in nasty_keys(seed=5, count=200):
        captured.exporter.clear()
        store.script = [reset]
        with tracer.start_as_current_span("work"), suppress(Exception):
            with tracer.start_as_current_span(f"check {key}") as span:
                span.set_attribute("said", [f"it is '{form(key)}'" for form in WAYS.values()])
            put(client, key)
        spans = captured.exporter.get_finished_spans()
        assert len(spans) == 4, key
        assert leaked(spans, key) == [], key


def test_a_save_that_dies_before_storage(captured: Captured) -> None:
    """Where no key was ever named, the request's attributes of the pattern's names are the parts."""

    def die(_: str) -> None:
        raise LookupError(PARTS["map.id"])

    save_through(app_of(captured, die), "nothing", PARTS["map.id"])
    assert leaked(captured.exporter.get_finished_spans(), PARTS["map.id"], "Ada Lovelace") == []


def test_spans_of_other_threads(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A span that ends in another thread, before or after the request's, is held to the trace's keys, too."""
    tracer = captured.provider.get_tracer("the app")
    client = client_of(store)
    answered = threading.Event()

    def work(before: Callable[[], object]) -> None:
        before()
        tracer.start_span(f"thread of {KEY}").end()

    with tracer.start_as_current_span("work"):
        here = context.get_current()
        early = threading.Thread(target=lambda: _within(here, work, lambda: None))
        late = threading.Thread(target=lambda: _within(here, work, answered.wait))
        early.start()
        late.start()
        early.join()
        put(client, KEY)
    answered.set()
    late.join()
    assert len([span for span in captured.exporter.get_finished_spans() if "thread" in span.name]) == 2
    assert leaked(captured.exporter.get_finished_spans(), KEY) == []


def _within(here: context.Context, work: Callable[[Callable[[], object]], None], before: Any) -> None:
    token = context.attach(here)
    work(before)
    context.detach(token)


def test_an_upload_in_threads(
    captured: Captured, store: RawStore, client_of: MakeClient, tmp_path: Any
) -> None:
    """What s3transfer's threads record of an upload is held to the keys of its save."""
    client = client_of(store)
    file = tmp_path / "content"
    file.write_bytes(b"1")
    store.script = [reset]
    app = app_of(captured, lambda key: client.upload_file(str(file), "bucket", key))
    assert save_through(app, KEY, PARTS["map.id"]).status_code == 500
    assert len(captured.calls) == 1
    assert leaked(captured.exporter.get_finished_spans(), KEY) == []


def test_an_address_that_was_signed(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """The key in a presigned address, which the app uses past botocore, is hidden, too."""
    client = client_of(store)
    with captured.provider.get_tracer("the app").start_as_current_span("work") as span:
        parameters = {"Bucket": "bucket", "Key": KEY}
        span.set_attribute("url.full", client.generate_presigned_url("put_object", Params=parameters))
    (work,) = captured.exporter.get_finished_spans()
    assert "Signature=" in str(facts(work)["url.full"])
    assert leaked((work,), KEY) == []


def test_a_call_of_the_asynchronous_client(captured: Captured) -> None:
    """A call that aiobotocore's instrumentation tells of names the keys of its trace, as any other."""
    with captured.provider.get_tracer("the app").start_as_current_span(f"put {KEY}") as span:
        instrumentor: Any = AiobotocoreInstrumentor()  # type: ignore[no-untyped-call]  # untyped there
        instrumentor.request_hook(span, "s3", "PutObject", {"Bucket": "bucket", "Key": KEY})
    assert leaked(captured.exporter.get_finished_spans(), KEY) == []


def test_numbers_that_are_parts(
    captured: Captured, store: RawStore, client_of: MakeClient, settings: Settings
) -> None:
    """A number of the app's own that is a part of the key is hidden; status, sizes and the like stay."""
    client = client_of(store)
    with captured.provider.get_tracer("the app").start_as_current_span("work") as span:
        span.set_attributes({"user": 200, "users": [1, 200], "http.status_code": 200, "one": 1, "yes": True})
        span.set_attribute("raw", b"of user 200")
        put(client, "maps/200/1/True")
    (work,) = (facts(span) for span in captured.exporter.get_finished_spans() if span.name == "work")
    shown = hash_of("200") if settings.keys == "hash" else "[key]"
    assert work.pop("raw") == f"of user {shown}".encode()
    assert work == {"user": shown, "users": (1, shown), "http.status_code": 200, "one": 1, "yes": True}


def test_a_text_that_the_sdk_has_cut(store: RawStore, client_of: MakeClient, settings: Settings) -> None:
    """Where OpenTelemetry cuts attributes short, the beginning of a part is hidden at their ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=SpanLimits(max_attribute_length=40))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    botocore = botocore_instrumentor()
    botocore.instrument(tracer_provider=provider)
    otel_savetrace.instrument(provider, settings)
    file = "a-file-of-the-user.json"
    with provider.get_tracer("the app").start_as_current_span("work") as span:
        span.set_attribute("said", f"Unable to save the drawing {file}")
        put(client_of(store), f"maps/ada/my-map/{file}")
    otel_savetrace.uninstrument()
    botocore.uninstrument()
    (work,) = (facts(span) for span in exporter.get_finished_spans() if span.name == "work")
    shown = hash_of(file) if settings.keys == "hash" else "[key]"
    assert work == {"said": f"Unable to save the drawing {shown}"}


def test_what_a_user_was_told_is_cut_after_a_key(
    captured: Captured, store: RawStore, client_of: MakeClient, settings: Settings
) -> None:
    """A long answer that quotes a key, and is cut in the middle of it, keeps nothing of it."""
    client = client_of(store)
    app = flask.Flask("maps")
    long_name = "long-name-" * 40
    key = f"maps/ada/{long_name}/draft.json"

    @app.post("/save/")
    def save() -> Any:
        put(client, key)
        return {"error": f"Unable to save: {key}"}

    app.test_client().post("/save/")
    (saved,) = captured.saves
    shown = hash_of(key) if settings.keys == "hash" else "[key]"
    assert facts(saved)[attribute.USER_ERROR] == f"Unable to save: {shown}"
    assert facts(saved).get("map.id") == (hash_of(long_name) if settings.keys == "hash" else None)
    assert "long-name" not in exported(captured.exporter.get_finished_spans())
