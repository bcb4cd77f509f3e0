"""Where a save failed, what was stored all the same, and which exceptions were caught on the way."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import boto3
import flask
import pytest
from opentelemetry.trace import SpanKind
from werkzeug.exceptions import Forbidden

from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.worker import Worker
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused, reset

MakeClient = Callable[..., Any]


class AppError(Exception):
    """The app's own."""


@pytest.fixture
def app(captured: Captured, store: RawStore, client_of: MakeClient) -> flask.Flask:  # noqa: C901 - one view a case
    """An app whose views fail in the places where saves fail."""
    client = client_of(store)
    made = flask.Flask("maps")
    made.register_error_handler(AppError, lambda error: ({"error": str(error)}, 500))

    def put(key: str = "maps/draft.json") -> None:
        client.put_object(Bucket="bucket", Key=key, Body=b"12345")

    @made.post("/saves/")
    def saves() -> Any:
        if not flask.request.form:
            return flask.redirect("/select/")
        put()
        return {"saved": True}

    @made.post("/retries/")
    def retries() -> Any:
        for again in (True, True, False):
            try:
                put()
            except Exception:  # noqa: PERF203 - a retry is what this view is for
                if not again:
                    return {"error": "not saved, three times"}
            else:
                return {"saved": True}
        return {}

    @made.post("/then/<what>")
    def then(what: str) -> Any:
        if what == "refuses":
            put()
            raise Forbidden
        if what == "raises":
            put()
            raise AppError("not filed")
        if what == "signs":
            client.put_object(Bucket="bucket", Key="k", Body=b"1", Nonsense=1)
        try:
            client.get_object(Bucket="bucket", Key=what)
        except Exception:
            put()
        return {"error": "not filed"}

    @made.post("/two/")
    def two() -> Any:
        put()
        try:
            put("maps/index.html")
        except Exception as error:
            return {"error": type(error).__name__}
        return {"saved": True}

    return made


def _post(app: flask.Flask, captured: Captured, path: str) -> dict[str, Any]:
    app.test_client().post(path, data={"d": "1"})
    return facts(captured.saves[-1])


def _told(save: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(save.get(name) for name in (attribute.STAGE, attribute.STORED, attribute.ERROR_CODE))


def test_a_refusal_is_storages_and_stores_nothing(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """What the store refuses failed at `storage` and is not stored."""
    store.script = [refused("403 Forbidden", "AccessDenied")]
    app.test_client().post("/two/")
    assert _told(facts(captured.saves[0])) == ("storage", "no", "AccessDenied")


@pytest.mark.parametrize(
    ("status", "code", "stored"),
    [
        ("503 Slow Down", "SlowDown", "no"),
        ("501 Not Implemented", "NotImplemented", "no"),
        ("500 Internal Server Error", "InternalError", "unknown"),
        ("504 Gateway Timeout", "GatewayTimeout", "unknown"),
    ],
)
def test_a_store_that_broke_down_may_have_stored(
    app: flask.Flask, captured: Captured, store: RawStore, status: str, code: str, stored: str
) -> None:
    """A server's error leaves open what was done, but for those that it tells before it does anything."""
    store.script = [refused(status, code)]
    assert _told(_post(app, captured, "/two/")) == ("storage", stored, code)


def test_what_is_not_answered_is_the_networks_and_nobody_knows(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A connection lost before the answer failed at `network`, and whether the object is there is unknown."""
    store.script = [lambda visit: visit.send("200 OK", headers='ETag: "e"\r\n'), reset]
    assert _told(_post(app, captured, "/two/")) == ("network", "unknown", "ConnectionResetError")


def test_what_never_left_is_not_stored(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A connection that never came about failed at `network`, and stored nothing for certain."""
    store.stop()
    assert _told(_post(app, captured, "/retries/")) == ("network", "no", "ConnectionRefusedError")


def test_what_boto3_refuses_is_the_clients(app: flask.Flask, captured: Captured) -> None:
    """A call that boto3 does not send failed at `client`."""
    assert _told(_post(app, captured, "/then/signs")) == ("client", "no", "ParamValidationError")


def test_what_the_app_does_after_storage_is_stored_and_failed(app: flask.Flask, captured: Captured) -> None:
    """An app that fails after its PUT has failed, at `app`, with the object stored."""
    assert _told(_post(app, captured, "/then/raises")) == ("app", "yes", "AppError")


def test_who_is_not_let_in_fails_at_the_session(app: flask.Flask, captured: Captured) -> None:
    """A status of 403 that no storage explains failed at `session`."""
    assert _told(_post(app, captured, "/then/refuses")) == ("session", "yes", "403")


def test_looking_whether_something_is_there_is_no_failure(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A read that finds nothing explains no failure of the save: an app asks that way."""
    store.script = [refused("404 Not Found", "NoSuchKey")]
    save = _post(app, captured, "/then/absent")
    assert _told(save) == ("app", "yes", "error_in_answer")
    assert save[attribute.CAUGHT_EXCEPTIONS] == "NoSuchKey"


def test_a_redirect_to_log_in_is_a_failed_save(app: flask.Flask, captured: Captured) -> None:
    """A save that is sent away before it wrote has failed at `session`, and tells the place."""
    _post(app, captured, "/saves/")
    app.test_client().post("/saves/")
    save = facts(captured.saves[-1])
    assert _told(save) == ("session", "no", "login_redirect")
    assert save[attribute.USER_ERROR] == "302 FOUND to /select/"


@pytest.mark.parametrize(
    "settings", [Settings(save_routes=frozenset(["/saves/"]), login_routes=frozenset(["/login"]))]
)
def test_only_named_logins_count_where_some_are_named(app: flask.Flask, captured: Captured) -> None:
    """With OTEL_SAVETRACE_LOGIN_ROUTES a redirect elsewhere is no failure."""
    app.test_client().post("/saves/")
    assert facts(captured.saves[0])[attribute.OUTCOME] == "succeeded"


def test_the_apps_own_retries_are_numbered(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Calls by which the app repeats a failed one are numbered on the call and summed up on the save."""
    store.script = [refused("503 Slow Down", "SlowDown")] * 2
    save = _post(app, captured, "/retries/")
    numbers = [facts(call).get(attribute.APP_RETRY_ATTEMPT, 0) for call in captured.calls]
    assert numbers == [0, 1, 2]
    assert (save[attribute.APP_RETRY_ATTEMPTS], save[attribute.CALLS], save[attribute.OBJECTS]) == (2, 3, 1)
    assert save[attribute.OUTCOME] == "succeeded"
    assert save[attribute.STORED] == "yes"
    assert save[attribute.CAUGHT_EXCEPTIONS] == "ClientError"


def test_a_doubt_is_not_dispelled_by_a_later_refusal(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """An object whose first PUT was not answered may be stored, however clearly the next ones are refused."""
    store.script = [reset, *[refused("503 Slow Down", "SlowDown")] * 2]
    assert _told(_post(app, captured, "/retries/")) == ("storage", "unknown", "SlowDown")


def test_an_answer_cut_short_is_success_to_boto3_and_doubt_to_us(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A 200 without an ETag is named so on attempt and call; the save worked for its user, stored or not."""
    store.script = [lambda visit: visit.send("200 OK")]
    save = _post(app, captured, "/saves/")
    assert captured.attempts[0].name == "attempt: 200 without ETag"
    assert facts(captured.calls[0])[attribute.ERROR_CODE] == "MissingETag"
    assert (save[attribute.OUTCOME], save[attribute.STORED]) == ("succeeded", "unknown")
    assert attribute.ERROR_CODE not in save


def test_one_object_of_two_is_not_stored(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A save of two objects of which the store refuses one has not stored what it was to store."""
    store.script = [
        lambda visit: visit.send("200 OK", headers='ETag: "e"\r\n'),
        refused("403 Forbidden", "AccessDenied"),
    ]
    save = _post(app, captured, "/two/")
    assert _told(save) == ("storage", "no", "AccessDenied")
    assert (save[attribute.OBJECTS], save[attribute.S3_KEY]) == (2, "maps/index.html")


def test_the_process_is_told(app: flask.Flask, captured: Captured) -> None:
    """Process, host, what it has served before, what is in flight and what was sent stand on a save."""
    first, second = (_post(app, captured, "/saves/") for _ in range(2))
    assert first[attribute.PROCESS_ID] == os.getpid()
    assert first[attribute.HOST_NAME] == socket.gethostname()
    assert second[attribute.REQUESTS_SERVED] == first[attribute.REQUESTS_SERVED] + 1
    assert first[attribute.REQUESTS_IN_FLIGHT] == 1
    assert first[attribute.REQUEST_BODY_SIZE] == len("d=1")
    assert first[attribute.WORKER_AGE_SECONDS] >= 0
    assert attribute.WORKER_CLASS not in first, "no gunicorn here"
    assert attribute.APP_VERSION not in first


def test_a_host_that_the_resource_names_is_not_named_otherwise() -> None:
    """What the user calls the host, by `OTEL_RESOURCE_ATTRIBUTES` say, stands: no save contradicts it."""
    assert attribute.HOST_NAME not in Worker().attributes({"host.name": "web-7"})


def test_the_apps_version_is_told_where_it_has_one(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """An app whose package has a version tells it."""
    client = client_of(store)
    made = flask.Flask("boto3")  # a package that surely has one

    @made.post("/")
    def save() -> Any:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return {}

    made.test_client().post("/")
    assert facts(captured.saves[0])[attribute.APP_VERSION] == boto3.__version__


@pytest.mark.parametrize(("kind", "stage"), [(SpanKind.CLIENT, "dependency"), (SpanKind.INTERNAL, "app")])
def test_only_a_call_to_another_service_is_a_dependencys(
    captured: Captured, store: RawStore, client_of: MakeClient, kind: SpanKind, stage: str
) -> None:
    """A span of the app's own that fails is no dependency's; one of a call to another service is."""
    client = client_of(store)
    tracer = captured.provider.get_tracer("of the app")
    made = flask.Flask("maps")

    @made.post("/")
    def save() -> Any:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        try:
            with tracer.start_as_current_span("UPDATE", kind=kind):
                raise AppError
        except AppError:
            return {"error": "not filed"}

    made.test_client().post("/")
    assert facts(captured.saves[0])[attribute.STAGE] == stage
