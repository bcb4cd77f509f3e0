"""Requests that a process leaves behind when it ends."""

from __future__ import annotations

import atexit
import gc
import http.client
from collections.abc import Callable
from typing import Any

import flask
import pytest
from opentelemetry.trace import StatusCode

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture import instrumentation
from otel_savetrace.capture.elsewhere import Circumstances
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.worker import Worker, worker
from tests.fixture_capture import Captured, facts
from tests.fixture_halt import Halt
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

_NAMED = Settings(request_attributes=(RequestAttribute("map.id", "view", "id"),))


@pytest.fixture
def the_process_ends(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What would be called at the end of this process."""
    asked: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", asked.append)
    monkeypatch.setattr(atexit, "unregister", asked.remove)
    return asked


@pytest.mark.parametrize("settings", [_NAMED], ids=["named"])
def test_a_save_in_another_thread(
    the_process_ends: list[Callable[[], None]],
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    halt: Halt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is written as failed with all that is known of it, its call too; nothing is written twice."""
    begin = http.client.HTTPResponse.begin

    def halting(answer: http.client.HTTPResponse) -> None:
        halt()
        begin(answer)

    monkeypatch.setattr(http.client.HTTPResponse, "begin", halting)
    client = client_of(store)
    put = lambda: client.put_object(Bucket="bucket", Key="key", Body=b"content")  # noqa: E731 - shorter
    with halt.of_request(put, "/save/<id>", "/save/m1"):
        (leave,) = [one for one in the_process_ends if "Leaving" in repr(one)]
        leave()
        leave()
    (save,), (call,) = captured.saves, captured.calls
    held = facts(save)
    assert held[attribute.OUTCOME] == attribute.FAILED
    assert held[attribute.STAGE] == attribute.PROCESS
    assert held[attribute.ERROR_CODE] == facts(call)[attribute.ERROR_CODE] == "worker_stopped"
    assert held[attribute.DOING] == "attempt 1 of 1 of PutObject: waiting for the answer"
    assert held[attribute.STORED] == attribute.UNKNOWN
    assert (held["map.id"], held[attribute.S3_KEY], held[attribute.CALLS]) == ("m1", "key", 1)
    assert save.status.status_code is call.status.status_code is StatusCode.ERROR
    assert call.parent is not None
    assert call.parent.span_id == save.get_span_context().span_id  # type: ignore[union-attr]  # it has one
    assert worker.in_flight() == []


def test_a_request_whose_end_was_not_seen(
    the_process_ends: list[Callable[[], None]], captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """A span that has ended where its request did not begin is left as it is."""
    save = Save(captured.provider.get_tracer("test").start_span("POST /"), None)
    worker.begin(save)
    with flask.Flask("maps").test_request_context():
        save.circumstances = Circumstances()
        save.span.end()
        for leave in [one for one in the_process_ends if "Leaving" in repr(one)]:
            leave()
    worker.end(save)
    assert caplog.messages == []


def test_switched_off_nothing_waits_for_the_end(
    the_process_ends: list[Callable[[], None]], captured: Captured
) -> None:
    """With capture off nobody is asked for requests in flight at the end of the process any more."""
    assert "Leaving" in repr(the_process_ends)
    instrumentation.uninstrument()
    assert "Leaving" not in repr(the_process_ends)


def test_requests_whose_end_was_not_seen_are_forgotten(captured: Captured) -> None:
    """A span that ends where its request did not begin costs no memory for ever."""
    own, tracer = Worker(), captured.provider.get_tracer("test")
    alive = Save(tracer.start_span("POST /"), None)
    own.begin(alive)
    for _ in range(1000):
        span = tracer.start_span("POST /")
        own.begin(Save(span, None))
        span.end()
    assert alive in own.in_flight()
    assert len(own.in_flight()) < 100


def test_a_request_that_is_gone_is_not_looked_at(captured: Captured) -> None:
    """Whoever looks at a request from elsewhere holds it no longer than it lives."""
    looked: list[str] = []
    save = Save(captured.provider.get_tracer("test").start_span("POST /"), None)
    with flask.Flask("maps").test_request_context("/save/"):
        circumstances = Circumstances()
        circumstances.run(save, lambda: looked.append(flask.request.path))
    gc.collect()
    circumstances.run(save, lambda: looked.append("gone"))
    Circumstances().run(save, lambda: looked.append("none"))
    assert looked == ["/save/"]
