"""Saves that are stopped in the middle, by what stops them in life: a signal's handler that raises."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import http.client
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import botocore.endpoint
import flask
import pytest
import s3transfer.utils
from opentelemetry.trace import SpanKind, StatusCode

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused
from tests.ways_in.s3_answers import object_of

MakeClient = Callable[..., Any]
View = Callable[[], Any]

_SIGNAL = signal.SIGUSR1
_SECONDS = 60
_WAITED_SECONDS = 0.05
_TOLD = ("doing", "error_code", "outcome", "stage", "stored")


class StoppedError(BaseException):
    """What some other kind of server may raise."""


def handle_abort(_signal: int, _frame: FrameType | None) -> None:
    """Do as gunicorn's handler of SIGABRT, whose name it has."""
    sys.exit(1)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


@pytest.fixture
def stopping() -> Iterator[Callable[..., None]]:
    """Give a function that stops whatever runs, by a signal that an app's own handler answers."""
    before = signal.signal(_SIGNAL, _stop)

    def stop(*_: Any, **__: Any) -> None:
        signal.raise_signal(_SIGNAL)

    yield stop
    signal.signal(_SIGNAL, before)


def _post(view: View, path: str = "/save/m1") -> None:
    """Send a request to an app with this view, which it does not survive."""
    app = flask.Flask("stopped")
    app.add_url_rule("/save/<id>", view_func=lambda id: (view(), "")[1], methods=["POST"])  # noqa: A006
    with contextlib.suppress(SystemExit, KeyboardInterrupt, asyncio.CancelledError, StoppedError):
        app.test_client().post(path, data=b"{}", headers={"X-Tab": "t7"})
        pytest.fail("it was answered")


def _told(captured: Captured) -> dict[str, Any]:
    """What the one save tells of its end, by the last part of the names."""
    (save,) = captured.saves
    held = facts(save)
    assert held.get(attribute.ERROR_CODE) == held.get(attribute.ERROR_TYPE)
    assert save.status.status_code is StatusCode.ERROR
    return {name: held.get(f"savetrace.{name}") for name in _TOLD}


def _put(client: Any) -> None:
    client.put_object(Bucket="bucket", Key="maps/m1/draft.json", Body=b"content")


@pytest.mark.parametrize(
    ("settings"),
    [Settings(request_attributes=(RequestAttribute("map.id", "view", "id"),))],
    ids=["named"],
)
def test_a_stopped_save_tells_what_every_save_tells(
    captured: Captured, store: RawStore, client_of: MakeClient, stopping: Callable[..., None]
) -> None:
    """What was saved, of which content, in how many attempts, by which process, for whom: all is there."""
    client = client_of(store)

    def view() -> None:
        _put(client)
        stopping()

    _post(view)
    assert _told(captured) == {
        "doing": "in the app",
        "error_code": "worker_stopped",
        "outcome": "failed",
        "stage": "process",
        "stored": "yes",
    }
    (save,) = captured.saves
    held = facts(save)
    assert held["map.id"] == "m1"
    assert held[attribute.S3_KEY] == "maps/m1/draft.json"
    assert (held[attribute.CALLS], held[attribute.ATTEMPTS], held[attribute.CONTENT_SIZE]) == (1, 1, 7)
    assert held[attribute.CONTENT_HASH].startswith("crc32:")
    assert held[attribute.REQUESTS_IN_FLIGHT] == 1
    assert {attribute.PROCESS_ID, attribute.HOST_NAME, attribute.WORKER_AGE_SECONDS} <= set(held)
    assert attribute.CAUGHT_EXCEPTIONS not in held
    assert attribute.USER_ERROR not in held


def test_stopped_while_it_waits_for_the_store(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    stopping: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attempt that was cut off is told, and has its own span with the failure; the store may have it."""
    client = client_of(store, retries=2)
    monkeypatch.setattr(http.client.HTTPResponse, "begin", stopping)
    _post(lambda: _put(client))
    told = _told(captured)
    assert told["doing"] == "attempt 1 of 3 of PutObject: waiting for the answer"
    assert told["stored"] == "unknown"
    (attempt,) = captured.attempts
    assert (attempt.name, attempt.status.status_code) == ("attempt: SystemExit", StatusCode.ERROR)
    (call,) = captured.calls
    assert call.status.status_code is StatusCode.ERROR
    held = facts(captured.saves[0])
    assert held[attribute.ATTEMPTS] == 1
    assert attribute.CAUGHT_EXCEPTIONS not in held


def test_stopped_in_a_backoff(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    stopping: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attempt that did not come about is told; the store refused what came before, so it has nothing."""
    store.script = [refused("503 Slow Down", "SlowDown")] * 2
    client = client_of(store, retries=11)
    slept: list[float] = []
    waited = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            waited.wait(_WAITED_SECONDS)
            stopping()

    monkeypatch.setattr(botocore.endpoint.time, "sleep", sleep)
    _post(lambda: _put(client))
    told = _told(captured)
    assert told["doing"] == "backing off before attempt 3 of 12 of PutObject"
    assert told["stored"] == "no"
    assert [one.name for one in captured.attempts] == ["attempt: 503 SlowDown"] * 2
    assert facts(captured.saves[0])[attribute.BACKOFF_SECONDS] >= _WAITED_SECONDS


def test_stopped_while_it_waits_for_another_service(
    captured: Captured, store: RawStore, client_of: MakeClient, stopping: Callable[..., None]
) -> None:
    """The client span that the stop ends names the service."""
    client = client_of(store)
    tracer = captured.provider.get_tracer("opentelemetry.instrumentation.psycopg2")

    def view() -> None:
        _put(client)
        attributes = {"db.system": "postgresql"}
        with tracer.start_as_current_span("UPDATE", kind=SpanKind.CLIENT, attributes=attributes):
            stopping()

    _post(view)
    assert _told(captured)["doing"] == "waiting for postgresql"


def test_stopped_in_a_package(
    captured: Captured, store: RawStore, client_of: MakeClient, stopping: Callable[..., None]
) -> None:
    """Of a client that nothing instruments the package is told whose code ran."""
    client = client_of(store)

    def view() -> None:
        _put(client)
        s3transfer.utils.FunctionContainer(signal.raise_signal, _SIGNAL)()

    _post(view)
    assert _told(captured)["doing"] == "in s3transfer"


def test_stopped_while_threads_upload(
    captured: Captured, store: RawStore, client_of: MakeClient, stopping: Callable[..., None]
) -> None:
    """A save that waits for boto3's threads says so; what they were breaking off counts among its calls."""
    store.choose = lambda _: object_of(1)
    client = client_of(store)
    client.meta.events.register("before-call.s3.PutObject", lambda **_: os.kill(os.getpid(), _SIGNAL))
    _post(lambda: client.upload_fileobj(io.BytesIO(b"content"), "bucket", "key"))
    assert _told(captured)["doing"] == "in s3transfer"
    assert facts(captured.saves[0])[attribute.CALLS] == 1


def test_a_thread_that_goes_on(
    captured: Captured, store: RawStore, client_of: MakeClient, stopping: Callable[..., None]
) -> None:
    """A call that goes on in a thread counts among the save's; whether it will store is not known."""
    client, begun, go_on = client_of(store), threading.Event(), threading.Event()

    def wait(**_: Any) -> None:
        begun.set()
        assert go_on.wait(_SECONDS)

    client.meta.events.register("before-call.s3.PutObject", wait)
    threads = []

    def view() -> None:
        run = contextvars.copy_context().run
        threads.append(threading.Thread(target=run, args=(_put, client)))
        threads[0].start()
        assert begun.wait(_SECONDS)
        stopping()

    _post(view)
    go_on.set()
    threads[0].join()
    told, held = _told(captured), facts(captured.saves[0])
    assert (told["doing"], told["stored"]) == ("preparing PutObject", "unknown")
    assert (held[attribute.CALLS], held[attribute.S3_KEY]) == (1, "maps/m1/draft.json")


def test_a_thread_that_goes_on_after_an_error(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Where the app itself fails meanwhile, its call in a thread is counted once."""
    client, begun, go_on = client_of(store), threading.Event(), threading.Event()

    def wait(**_: Any) -> None:
        begun.set()
        assert go_on.wait(_SECONDS)

    client.meta.events.register("before-call.s3.PutObject", wait)
    app, threads = flask.Flask("failing"), []

    @app.post("/save")
    def save() -> Any:
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(_put, client)))
        threads[0].start()
        assert begun.wait(_SECONDS)
        raise LookupError

    assert app.test_client().post("/save").status_code == 500
    go_on.set()
    threads[0].join()
    held = facts(captured.saves[0])
    assert (held[attribute.CALLS], held[attribute.OBJECTS], held[attribute.STORED]) == (1, 1, "unknown")
    assert (held[attribute.STAGE], held[attribute.ERROR_CODE]) == ("app", "LookupError")


def _aborted() -> None:
    signal.signal(_SIGNAL, handle_abort)
    signal.raise_signal(_SIGNAL)


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (_aborted, "worker_timeout"),
        (lambda: _raise(KeyboardInterrupt()), "worker_stopped"),
        (lambda: sys.exit(3), "SystemExit"),
        (lambda: _raise(asyncio.CancelledError()), "cancelled"),
        (lambda: _raise(StoppedError()), "StoppedError"),
    ],
    ids=["abort", "interrupt", "exit", "cancel", "other"],
)
def test_what_stopped_it(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    stopping: Callable[..., None],
    stop: View,
    code: str,
) -> None:
    """gunicorn's limit, a signal, an app that leaves by itself: the code tells one from the other."""
    client = client_of(store)

    def view() -> None:
        _put(client)
        stop()

    _post(view)
    assert _told(captured)["error_code"] == code
    assert captured.saves[0].status.description == code


def test_a_request_that_may_be_a_save(captured: Captured, stopping: Callable[..., None]) -> None:
    """Where nothing was stored yet and the route is not known, no outcome is claimed; the rest is told."""
    _post(stopping)
    assert _told(captured) == {
        "doing": "in the app",
        "error_code": "worker_stopped",
        "outcome": None,
        "stage": "process",
        "stored": None,
    }


@pytest.mark.parametrize("settings", [Settings(save_routes=frozenset({"/save/<id>"}))], ids=["named"])
def test_a_save_by_its_route(captured: Captured, stopping: Callable[..., None]) -> None:
    """A save that dies before it stores is one where its route is named, and has stored nothing."""
    _post(stopping)
    told = _told(captured)
    assert (told["outcome"], told["stored"]) == ("failed", "no")


def test_a_stop_that_the_app_catches(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    stopping: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An app that answers a stop with an error of its own puts it off: what stopped it stays the reason."""
    client = client_of(store)
    monkeypatch.setattr(http.client.HTTPResponse, "begin", stopping)
    app = flask.Flask("catching")

    @app.post("/save")
    def save() -> Any:
        try:
            _put(client)
        except BaseException:
            return {"error": "Unable to save"}

    assert app.test_client().post("/save").status_code == 200
    told = _told(captured)
    assert told["doing"] == "attempt 1 of 1 of PutObject: waiting for the answer"
    assert (told["stage"], told["error_code"]) == ("process", "worker_stopped")
    assert facts(captured.saves[0])[attribute.USER_ERROR] == "Unable to save"


def test_a_stop_that_is_over_is_forgotten(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    stopping: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the app was stopped in and overcame is not what stops it later."""
    client = client_of(store)

    def view() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(http.client.HTTPResponse, "begin", stopping)
            with pytest.raises(SystemExit):
                _put(client)
        _put(client)
        stopping()

    _post(view)
    told = _told(captured)
    assert (told["doing"], told["stored"]) == ("in the app", "yes")


def test_the_exception_goes_on_untouched(captured: Captured, stopping: Callable[..., None]) -> None:
    """Who waits for the exception above Flask gets the very one, also where our own note of it fails."""
    error = StoppedError()
    app = flask.Flask("untouched")
    app.add_url_rule("/", view_func=lambda: (_raise(error), "")[1])
    for broken in (False, True):
        if broken:
            app.import_name = None  # type: ignore[assignment]  # so that our hook raises
        with pytest.raises(StoppedError) as raised:
            app.test_client().get("/")
        assert raised.value is error
        assert raised.value.__cause__ is None
        assert bool(guard.caught) is broken
    guard.caught.clear()
