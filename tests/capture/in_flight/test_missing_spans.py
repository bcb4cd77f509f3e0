"""The spans written for a dead process: what its file told, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

import otel_savetrace
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.keeping import InFlight
from otel_savetrace.capture.in_flight.missing_spans import WORKER_KILLED
from otel_savetrace.capture.in_flight.record import Dead
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.keys.hash import hash_of
from tests.capture.in_flight.watching import records
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, Visit, stored

KEY = "maps/ada/my-map/draft.json"

Told = Callable[[Dead], list[ReadableSpan]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the record is kept."""
    return tmp_path / "in-flight"


@pytest.fixture
def settings(folder: Path, request: pytest.FixtureRequest) -> otel_savetrace.Settings:
    """Settings with a pattern of keys; a test gives others as a dict."""
    pattern = KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}")
    made = otel_savetrace.Settings(in_flight=folder, key_patterns=(pattern,))
    return dataclasses.replace(made, **getattr(request, "param", {}))


@pytest.fixture
def dead(captured: Captured, folder: Path, store: RawStore, client_of: Callable[..., Any]) -> Dead:
    """What stood in the record while the store had a save's request."""
    app = flask.Flask("maps")
    app.secret_key = "of this test"
    client = client_of(store)
    seen: list[Dead] = []

    def answer(visit: Visit) -> None:
        seen.extend(records(folder))
        stored(visit)

    @app.post("/save")
    def save() -> str:
        client.put_object(Bucket="bucket", Key=KEY, Body=b"content")
        return "saved"

    store.script = [answer]
    app.test_client().post("/save")
    (one,) = seen
    return one


@pytest.fixture
def tell(captured: Captured, settings: otel_savetrace.Settings) -> Told:
    """Write what a dead process owes, and give what reached the exporter."""

    def told(dead: Dead) -> list[ReadableSpan]:
        captured.exporter.clear()
        InFlight(settings, captured.provider, lambda _: False)._report(dead, for_memory=False)
        return list(captured.exporter.get_finished_spans())

    return told


def test_the_spans_are_those_that_the_process_would_have_ended(
    captured: Captured, dead: Dead, tell: Told
) -> None:
    """Same ids, name, kind, start and resource as those that ended here; the call stands below the save."""
    (save,), (call,) = captured.saves, captured.calls
    told_call, told_save = tell(dead)
    for told, truth in ((told_save, save), (told_call, call)):
        assert told.context is not None
        assert truth.context is not None
        assert told.context == truth.context
        assert (told.name, told.kind, told.start_time) == (truth.name, truth.kind, truth.start_time)
        assert dict(told.resource.attributes) == dict(truth.resource.attributes)
        assert told.status.status_code is StatusCode.ERROR
        assert told.end_time is not None
        assert told.start_time is not None
        assert told.end_time > told.start_time
        for name in (attribute.S3_BUCKET, attribute.S3_KEY, "map.user", "map.id", "map.file"):
            assert facts(told)[name] == facts(truth)[name]
    assert told_call.parent == told_save.context
    for name in ("http.method", "http.route", attribute.PROCESS_ID, attribute.REQUESTS_SERVED):
        assert facts(told_save)[name] == facts(save)[name]
    assert facts(told_save)[attribute.ERROR_CODE] == facts(told_call)[attribute.ERROR_CODE] == WORKER_KILLED
    assert facts(told_save)[attribute.STORED] == attribute.UNKNOWN


@pytest.mark.parametrize("settings", [{"keys": "hash"}], indirect=True, ids=str)
def test_hashed_keys_are_the_hashes_that_any_save_has(captured: Captured, dead: Dead, tell: Told) -> None:
    """What is searched for with hidden keys finds the save of a dead process, too: hashed once, not twice."""
    (save,) = captured.saves
    _, told = tell(dead)
    assert facts(told)["map.id"] == facts(save)["map.id"] == hash_of("my-map")
    assert facts(told)[attribute.S3_KEY] == facts(save)[attribute.S3_KEY] == hash_of(KEY)


@pytest.mark.parametrize("settings", [{"keys": "none"}], indirect=True, ids=str)
def test_keys_that_are_left_out_are_left_out(captured: Captured, dead: Dead, tell: Told) -> None:
    """With `none` there is no key and no part of one on a save of a dead process."""
    for told in tell(dead):
        assert attribute.S3_KEY not in facts(told)
        assert not any("my-map" in str(value) for value in facts(told).values())


class _Forgetful(SpanProcessor):
    """Somebody's processor that counts on having seen the start of each span that ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Fail, since it has not."""
        raise KeyError(span.name)


def test_a_processor_that_has_not_seen_them_start_keeps_them_from_nobody(
    captured: Captured, dead: Dead, tell: Told, announced: set[str]
) -> None:
    """One of the app's own that fails on such spans costs no exporter a span."""
    announced.add("a missing span is handed on")
    chain: Any = captured.provider._active_span_processor
    chain._span_processors = (_Forgetful(), *chain._span_processors)
    assert len(tell(dead)) == 2


def test_a_process_that_left_no_resource_is_told_under_ones_own(
    captured: Captured, dead: Dead, tell: Told
) -> None:
    """Facts too long for the file are missing; the service is the same, and so is the resource."""
    nameless = dataclasses.replace(dead, facts={**dead.facts, "resource": None})
    assert {span.resource for span in tell(nameless)} == {captured.provider.resource}
