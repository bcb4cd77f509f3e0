"""What stands on the save: the outcome as its user got it, and the totals over its storage calls."""

from __future__ import annotations

import contextvars
import io
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from opentelemetry.trace import StatusCode

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.save import current_save, live_save
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused, reset

MakeClient = Callable[..., Any]

PATTERN = KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}")
FROM_REQUEST = (
    RequestAttribute("map.id", "form", "id"),
    RequestAttribute("map.user", "session", "uid"),
    RequestAttribute("map.page", "args", "page"),
    RequestAttribute("map.part", "view", "part"),
    RequestAttribute("map.title", "json", "title"),
    RequestAttribute("map.tab", "header", "X-Tab"),
)


class UnhandledError(Exception):
    """Raised by the app and handled by nobody."""


@pytest.fixture
def app(captured: Captured, store: RawStore, client_of: MakeClient) -> flask.Flask:  # noqa: C901 - one view a case
    """An app whose views save, in the ways that apps answer a failed save."""
    client = client_of(store)
    made = flask.Flask("maps")
    made.secret_key = "of this test"

    def put(key: str = "maps/u1/m1/draft.json", body: Any = b"12345") -> None:
        client.put_object(Bucket="bucket", Key=key, Body=body)

    @made.post("/told/")
    def told() -> Any:
        try:
            put()
        except Exception as error:
            return {"error": f"Could not save your map: {type(error).__name__}"}
        return {"saved": True}

    @made.post("/untold/")
    def untold() -> Any:
        put()
        return {"saved": True, "error": None}

    @made.post("/twice/")
    def twice() -> Any:
        try:
            put()
        except Exception:
            put()
        return {"saved": True}

    @made.post("/mends/")
    def mends() -> Any:
        try:
            put()
        except Exception:
            put()
        return {"error": "saved, but not filed"}

    @made.post("/two/")
    def two() -> Any:
        put()
        put("maps/u1/m1/index.html", "<p>ü")
        return {"saved": True}

    @made.post("/dies/<part>")
    def dies(part: str) -> Any:
        if flask.request.form.get("id") == "bad":
            raise UnhandledError
        put()
        return {"saved": True}

    @made.post("/refuses/")
    def refuses() -> Any:
        if flask.request.args.get("page"):
            return {"error": "no such page"}, 409
        put()
        return {"saved": True}

    @made.post("/unread/")
    def unread() -> Any:
        put()
        return {"saved": True}

    @made.post("/json/")
    def takes_json() -> Any:
        assert flask.request.get_json()
        put()
        return {"saved": True}

    @made.post("/streams/")
    def streams() -> Any:
        put()
        return flask.Response(iter(['{"error": ', '"later"}']), mimetype="application/json")

    @made.post("/rambles/")
    def rambles() -> Any:
        put()
        return {"error": "ü" * 500}, 500

    @made.post("/uploads/")
    def uploads() -> Any:
        waiting = [io.BytesIO(b"1" * size) for size in range(10, 20)]
        with ThreadPoolExecutor() as threads:  # the app's own; each upload has a thread of boto3's besides
            for number, stream in enumerate(waiting):
                context = contextvars.copy_context()
                threads.submit(context.run, client.upload_fileobj, stream, "bucket", f"maps/u1/m1/{number}")
        return {"saved": True}

    @made.get("/reads/")
    def reads() -> Any:
        client.get_object(Bucket="bucket", Key="k")["Body"].read()
        return {"error": "this is no save"}

    @made.get("/login/")
    def login() -> Any:
        flask.session["uid"] = "u1"
        return ""

    return made


def _save(captured: Captured) -> dict[str, Any]:
    return facts(captured.saves[-1])


def test_a_save_that_works_succeeded(app: flask.Flask, captured: Captured) -> None:
    """A save answered with 200 and no error has succeeded, and claims no error."""
    app.test_client().post("/untold/")
    save = _save(captured)
    assert save[attribute.OUTCOME] == "succeeded"
    assert not {attribute.ERROR_CODE, attribute.ERROR_TYPE, attribute.USER_ERROR} & set(save)
    assert captured.saves[-1].status.status_code is StatusCode.UNSET


def test_an_error_told_in_a_200_is_a_failure(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A 200 whose JSON says `error` failed; the user's text and the wire's code both stand on the save."""
    store.script = [refused("503 Slow Down", "SlowDown")]
    app.test_client().post("/told/")
    save = _save(captured)
    assert save[attribute.OUTCOME] == "failed"
    assert save[attribute.USER_ERROR] == "Could not save your map: ClientError"
    assert save[attribute.ERROR_CODE] == save[attribute.ERROR_TYPE] == "SlowDown"
    assert captured.saves[-1].status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("propagates", [False, True])
def test_an_unhandled_exception_is_a_failure(
    app: flask.Flask, captured: Captured, store: RawStore, propagates: bool
) -> None:
    """A storage error that nobody handles failed with 500, also where the app lets exceptions out."""
    app.config["PROPAGATE_EXCEPTIONS"] = propagates
    store.script = [reset]
    try:
        app.test_client().post("/untold/")
    except Exception:
        assert propagates
    save = _save(captured)
    assert save[attribute.OUTCOME] == "failed"
    assert save[attribute.USER_ERROR] == "500 INTERNAL SERVER ERROR"
    assert save[attribute.ERROR_CODE] == "ConnectionResetError"


def test_a_failure_that_the_app_mended_is_none(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A failed call that the app itself repeats with success leaves a succeeded save of two calls."""
    store.script = [refused("500 Internal Server Error", "InternalError")]
    app.test_client().post("/twice/")
    save = _save(captured)
    assert save[attribute.OUTCOME] == "succeeded"
    assert attribute.ERROR_CODE not in save
    assert (save[attribute.CALLS], save[attribute.ATTEMPTS]) == (2, len(store.seen))
    assert save[attribute.CONTENT_SIZE] == 5, "one object written twice is counted once"


def test_a_mended_failure_does_not_explain_a_later_one(
    app: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Where the app mended a storage failure and then failed by itself, storage is not what failed."""
    store.script = [refused("500 Internal Server Error", "InternalError")]
    app.test_client().post("/mends/")
    save = _save(captured)
    assert (save[attribute.OUTCOME], save[attribute.ERROR_CODE]) == ("failed", "error_in_answer")


def test_totals_are_sums_over_the_calls(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A save of two objects tells their summed size, longest key, largest head, both hashes in one."""
    app.test_client().post("/two/")
    save = _save(captured)
    contents = [b"12345", "<p>ü".encode()]
    assert save[attribute.CONTENT_SIZE] == sum(map(len, contents))
    assert save[attribute.KEY_LEN] == len("maps/u1/m1/draft.json")
    assert save[attribute.HEADER_BYTES] == max(len(seen.head) for seen in store.seen)
    hashes = sorted(f"crc32:{zlib.crc32(one):08x}" for one in contents)
    assert save[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(','.join(hashes).encode()):08x}"
    assert save[attribute.S3_KEY] == "maps/u1/m1/draft.json"


@pytest.mark.parametrize("settings", [Settings(key_patterns=(PATTERN,))])
def test_the_save_names_the_object_that_failed(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Of several objects the save names the one that failed, with the parts of its key."""
    store.script = [lambda visit: visit.send("200 OK"), refused("403 Forbidden", "AccessDenied")]
    app.test_client().post("/two/")
    save = _save(captured)
    assert save[attribute.S3_KEY] == "maps/u1/m1/index.html"
    assert (save["map.user"], save["map.id"], save["map.file"]) == ("u1", "m1", "index.html")


def test_uploads_in_threads_are_the_saves_own(app: flask.Flask, captured: Captured, store: RawStore) -> None:
    """What boto3 uploads in threads stands below the save that asked for it, and counts among its calls."""
    app.test_client().post("/uploads/")
    save = _save(captured)
    assert save[attribute.CALLS] == save[attribute.ATTEMPTS] == len(store.seen) == 10
    assert save[attribute.CONTENT_SIZE] == sum(range(10, 20))
    (request,) = captured.saves
    assert request.context is not None
    for call in captured.calls:
        assert call.parent is not None
        assert call.parent.span_id == request.context.span_id


def test_a_route_that_wrote_is_a_save_from_then_on(app: flask.Flask, captured: Captured) -> None:
    """A request that dies before storage is a save where its route has been seen to write, else it is not."""
    client = app.test_client()
    client.post("/dies/a", data={"id": "bad"})
    assert attribute.OUTCOME not in _save(captured)
    client.post("/dies/a", data={"id": "good"})
    client.post("/dies/b", data={"id": "bad"})
    save = _save(captured)
    assert (save[attribute.OUTCOME], save[attribute.ERROR_CODE]) == ("failed", "UnhandledError")
    assert save[attribute.CALLS] == 0


@pytest.mark.parametrize("settings", [Settings(save_routes=frozenset(["POST /refuses/"]))])
def test_a_named_route_is_a_save_from_the_start(app: flask.Flask, captured: Captured) -> None:
    """A request to a route named in the settings is a save though it never reached storage."""
    app.test_client().post("/refuses/?page=9")
    save = _save(captured)
    assert (save[attribute.OUTCOME], save[attribute.ERROR_CODE]) == ("failed", "409")
    assert save[attribute.USER_ERROR] == "no such page"
    assert captured.saves[-1].status.status_code is StatusCode.UNSET, "4xx is no error of the server"


def test_a_request_that_only_reads_is_no_save(app: flask.Flask, captured: Captured) -> None:
    """A request that reads from storage gets no save attributes, whatever it answers."""
    app.test_client().get("/reads/")
    assert not any(name.startswith(("savetrace.", "aws.")) for name in _save(captured))


@pytest.mark.parametrize("settings", [Settings(request_attributes=FROM_REQUEST)])
def test_request_attributes_come_from_what_the_app_has_read(app: flask.Flask, captured: Captured) -> None:
    """Form, args, view, JSON, header and session give attributes to a save, also one that dies early."""
    client = app.test_client()
    client.get("/login/")
    client.post("/dies/left", data={"id": "good"}, headers={"X-Tab": "7"})
    client.post("/dies/left", data={"id": "bad"}, headers={"X-Tab": "7"})
    died = _save(captured)
    assert (died["map.id"], died["map.user"], died["map.part"], died["map.tab"]) == ("bad", "u1", "left", "7")
    client.post("/json/", json={"title": "T"})
    assert _save(captured)["map.title"] == "T"
    client.post("/refuses/", query_string={})
    client.post("/refuses/", query_string={"page": "3"})
    assert _save(captured)["map.page"] == "3"


class _Untouchable(io.BytesIO):
    """A request body that nobody may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = readinto = read1 = read  # type: ignore[assignment]  # every way in is the same wall


@pytest.mark.parametrize("settings", [Settings(request_attributes=FROM_REQUEST)])
def test_nothing_is_read_that_the_app_did_not_read(app: flask.Flask, captured: Captured) -> None:
    """A body, a query and a session that the app left alone are left alone by us: no attribute, no Vary."""
    answer = app.test_client().post(
        "/unread/?page=3",
        input_stream=_Untouchable(b"id=m1"),
        content_length=5,
        content_type="application/x-www-form-urlencoded",
    )
    save = _save(captured)
    assert save[attribute.OUTCOME] == "succeeded"
    assert not {"map.id", "map.page", "map.title"} & set(save)
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("settings", [Settings(request_attributes=FROM_REQUEST)])
def test_a_session_is_not_marked_as_read_when_the_app_raises(app: flask.Flask, captured: Captured) -> None:
    """The answer to an exception does not vary by cookie because we looked into the session."""
    client = app.test_client()
    client.get("/login/")
    client.post("/dies/left", data={"id": "good"})
    answer = client.post("/dies/left", data={"id": "bad"})
    assert _save(captured)["map.user"] == "u1"
    assert "Vary" not in answer.headers


def test_a_request_that_has_ended_is_no_longer_there(app: flask.Flask, captured: Captured) -> None:
    """In a context copied during a request, that request is gone once it has ended."""
    copies = []

    @app.post("/copies/")
    def copies_context() -> str:
        copies.append(contextvars.copy_context())
        return ""

    app.test_client().post("/copies/")
    assert copies[0].run(live_save) is None
    copies[0].run(app.test_client().post, "/untold/")
    assert copies[0].run(current_save.get) is None


def test_a_streamed_answer_is_left_alone(app: flask.Flask, captured: Captured) -> None:
    """A streamed answer reaches the user whole; what it says is not known to the save."""
    answer = app.test_client().post("/streams/")
    assert answer.get_data() == b'{"error": "later"}'
    assert _save(captured)[attribute.OUTCOME] == "succeeded"


def test_user_error_is_bounded(app: flask.Flask, captured: Captured) -> None:
    """What the user was told is cut to what every index can search."""
    app.test_client().post("/rambles/")
    assert 200 < len(_save(captured)[attribute.USER_ERROR].encode()) <= attribute.SEARCHED_LIMIT


def test_a_request_inside_a_request_leaves_the_outer_one_whole(app: flask.Flask, captured: Captured) -> None:
    """An app that calls itself gets two saves, each with its own calls."""

    @app.post("/outer/")
    def outer() -> Any:
        app.test_client().post("/untold/")
        return app.view_functions["untold"]()

    app.test_client().post("/outer/")
    inner, outer_save = (facts(span) for span in captured.saves)
    assert (inner[attribute.CALLS], outer_save[attribute.CALLS]) == (1, 1)
