"""Flask apps of every build: a save is told as its user got it, and the answer is what it was."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from botocore.exceptions import ClientError
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan
from werkzeug.exceptions import Conflict
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.fixture_packages import Packages
from tests.raw_store import RawStore, refused

pytestmark = pytest.mark.usefixtures("short_backoff")

MakeClient = Callable[..., Any]
Put = Callable[..., None]

DENIED = refused("403 Forbidden", "AccessDenied")
OUTCOME = (attribute.OUTCOME, attribute.ERROR_CODE, attribute.STAGE)


class ClosedError(Exception):
    """An app's own exception."""


@pytest.fixture
def put(store: RawStore, client_of: MakeClient) -> Put:
    """Puts an object, whatever app it is called from."""
    client = client_of(store)

    def put_object(key: str = "maps/1", body: Any = b"12345") -> None:
        client.put_object(Bucket="bucket", Key=key, Body=body)

    return put_object


def _outcome(span: ReadableSpan) -> tuple[object, ...]:
    """Outcome, error code and stage of a save."""
    return tuple(facts(span).get(name) for name in OUTCOME)


SUCCEEDED = (attribute.SUCCEEDED, None, None)
REFUSED = (attribute.FAILED, "AccessDenied", attribute.STORAGE)


def test_routes_of_blueprints_are_saves_of_their_own(captured: Captured, put: Put) -> None:
    """A blueprint in two places, one nested in another: each route is learned by itself, with its prefix."""
    inner = flask.Blueprint("inner", "inner")

    @inner.post("/save/<name>")
    def save(name: str) -> str:
        if name == "dies":
            raise ClosedError
        put(f"{flask.request.blueprint}/{name}")
        return "saved"

    outer = flask.Blueprint("outer", "outer", url_prefix="/outer")
    outer.register_blueprint(inner, url_prefix="/nested")
    app = flask.Flask("maps")
    app.register_blueprint(outer)
    app.register_blueprint(inner, url_prefix="/other")
    user = app.test_client()
    user.post("/outer/nested/save/dies")
    user.post("/outer/nested/save/1")
    user.post("/outer/nested/save/dies")
    user.post("/other/save/dies")
    told = [
        (facts(span)["http.route"], facts(span).get(attribute.S3_KEY), *_outcome(span)[:2])
        for span in captured.saves
    ]
    assert told == [
        ("/outer/nested/save/<name>", None, None, None),
        ("/outer/nested/save/<name>", "outer.inner/1", attribute.SUCCEEDED, None),
        ("/outer/nested/save/<name>", None, attribute.FAILED, "ClosedError"),
        ("/other/save/<name>", None, None, None),
    ]


@pytest.mark.parametrize("taken_by", ["app", "blueprint"])
def test_an_exception_turned_into_a_200_that_says_error(
    captured: Captured, store: RawStore, put: Put, taken_by: str
) -> None:
    """An error handler's 200 that says `error` failed as the store had it, whoever's handler it is."""
    routes = flask.Blueprint("routes", "routes")
    app = flask.Flask("maps")

    @routes.post("/save/")
    def save() -> str:
        put()
        return "saved"

    (app if taken_by == "app" else routes).register_error_handler(
        Exception, lambda error: ({"error": "Not saved."}, 200)
    )
    app.register_blueprint(routes)
    store.script = [DENIED]
    assert app.test_client().post("/save/").json == {"error": "Not saved."}
    (span,) = captured.saves
    assert _outcome(span) == REFUSED
    assert facts(span)[attribute.USER_ERROR] == "Not saved."
    assert facts(span)[attribute.CAUGHT_EXCEPTIONS] == "AccessDenied"
    assert facts(span)[attribute.STORED] == attribute.NO


def test_an_exception_turned_into_a_redirect(captured: Captured, put: Put) -> None:
    """An error handler that sends the user to log in: the save failed for its session."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        if "uid" not in flask.request.args:
            raise ClosedError("no session")
        put()
        return "saved"

    app.register_error_handler(ClosedError, lambda error: flask.redirect("/select/"))
    user = app.test_client()
    assert user.post("/save/?uid=1").status_code == 200
    assert user.post("/save/").headers["Location"].endswith("/select/")
    saved, sent_away = captured.saves
    assert _outcome(saved) == SUCCEEDED
    assert _outcome(sent_away) == (attribute.FAILED, "ClosedError", attribute.SESSION)
    assert facts(sent_away)[attribute.CAUGHT_EXCEPTIONS] == "ClosedError"
    assert facts(sent_away)[attribute.STORED] == attribute.NO


def test_an_error_handler_of_a_status(captured: Captured, put: Put) -> None:
    """A handler of 409 that answers a page: failed by its status, told as the page's status line."""
    app = flask.Flask("maps")

    @app.post("/save/<name>")
    def save(name: str) -> str:
        put()
        if name == "taken":
            raise Conflict
        return "saved"

    app.register_error_handler(409, lambda error: ("<h1>Open elsewhere</h1>", 409))
    assert app.test_client().post("/save/taken").status_code == 409
    (span,) = captured.saves
    assert _outcome(span) == (attribute.FAILED, "409", attribute.APP)
    assert facts(span)[attribute.USER_ERROR] == "409 CONFLICT"
    assert facts(span)[attribute.STORED] == attribute.YES, "failed, and stored all the same"


def test_an_error_handler_that_fails_itself(captured: Captured, store: RawStore, put: Put) -> None:
    """Where the error handler raises too, the save failed with 500, and the store's code is what mattered."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        put()
        return "saved"

    @app.errorhandler(ClientError)
    def fails(error: Exception) -> str:
        raise ClosedError from error

    store.script = [DENIED]
    assert app.test_client().post("/save/").status_code == 500
    (span,) = captured.saves
    assert _outcome(span) == REFUSED
    assert facts(span)[attribute.USER_ERROR] == "500 INTERNAL SERVER ERROR"


def test_an_answer_made_a_failure_after_the_view(captured: Captured, put: Put) -> None:
    """The outcome is that of the answer which `after_request` leaves, not of the view's."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> dict[str, bool]:
        put()
        return {"saved": True}

    @app.after_request
    def turn(response: flask.Response) -> flask.Response:
        response.set_data(b'{"error": "too late"}')
        return response

    assert app.test_client().post("/save/").json == {"error": "too late"}
    (span,) = captured.saves
    assert _outcome(span)[:2] == (attribute.FAILED, "error_in_answer")
    assert facts(span)[attribute.USER_ERROR] == "too late"


def test_a_save_made_before_and_after_the_view(captured: Captured, store: RawStore, put: Put) -> None:
    """What `before_request` and `after_request` store counts among the calls of the save."""
    app = flask.Flask("maps")
    app.before_request(lambda: put("maps/before"))

    @app.after_request
    def after(response: flask.Response) -> flask.Response:
        put("maps/after")
        return response

    app.add_url_rule("/save/", view_func=lambda: "saved", methods=["POST"])
    app.test_client().post("/save/")
    (span,) = captured.saves
    assert facts(span)[attribute.CALLS] == len(store.seen) == 2
    assert facts(span)[attribute.S3_KEY] == "maps/before"
    assert _outcome(span) == SUCCEEDED


def test_a_request_refused_before_its_view(captured: Captured, put: Put) -> None:
    """A save that `before_request` turns away has failed for its session, once its route is known."""
    app = flask.Flask("maps")

    @app.before_request
    def look() -> Any:
        return None if "uid" in flask.request.args else ({"error": "log in"}, 401)

    @app.post("/save/")
    def save() -> str:
        put()
        return "saved"

    user = app.test_client()
    user.post("/save/?uid=1")
    assert user.post("/save/").status_code == 401
    assert _outcome(captured.saves[1]) == (attribute.FAILED, "401", attribute.SESSION)
    assert facts(captured.saves[1])[attribute.USER_ERROR] == "log in"
    assert facts(captured.saves[1])[attribute.CALLS] == 0


def test_an_error_at_teardown_changes_no_outcome(captured: Captured, put: Put) -> None:
    """An exception of a teardown function comes after the answer: it goes where it went, the save stands."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        put()
        return "saved"

    @app.teardown_request
    def fails(_: BaseException | None) -> None:
        raise ClosedError

    with pytest.raises(ClosedError):
        app.test_client().post("/save/")
    assert [_outcome(span) for span in captured.saves] == [SUCCEEDED]


def _page() -> Iterator[str]:
    yield "<html>"
    yield flask.request.path
    yield "</html>"


@pytest.fixture
def streaming(put: Put, tmp_path: Path) -> flask.Flask:
    """An app that saves, then answers in streams and files."""
    app = flask.Flask("maps")
    (tmp_path / "map.json").write_text('{"error": "in a file"}')

    @app.post("/streamed/")
    def streamed() -> flask.Response:
        put()
        return flask.Response(flask.stream_with_context(_page()))

    @app.post("/template/")
    def template() -> Any:
        put()
        return flask.stream_template_string("{{ path }}", path=flask.request.path)

    @app.post("/file/")
    def file() -> flask.Response:
        put()
        return flask.send_file(tmp_path / "map.json")

    @app.post("/memory/")
    def memory() -> flask.Response:
        put()
        return flask.send_file(io.BytesIO(b'{"error": "in memory"}'), mimetype="application/json")

    @app.post("/saves-late/")
    def saves_late() -> flask.Response:
        def pieces() -> Iterator[str]:
            put("maps/late")
            yield "saved"

        return flask.Response(flask.stream_with_context(pieces()))

    return app


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/streamed/", b"<html>/streamed/</html>"),
        ("/template/", b"/template/"),
        ("/file/", b'{"error": "in a file"}'),
        ("/memory/", b'{"error": "in memory"}'),
    ],
)
def test_streams_and_files_reach_the_user_whole(
    captured: Captured, streaming: flask.Flask, path: str, body: bytes
) -> None:
    """A streamed answer or a file is never read by us: the user gets every byte, the save has succeeded."""
    answer = streaming.test_client().post(path)
    assert answer.get_data() == body
    answer.close()
    assert [_outcome(span) for span in captured.saves] == [SUCCEEDED]


def test_what_is_stored_while_an_answer_streams(
    captured: Captured, store: RawStore, streaming: flask.Flask
) -> None:
    """A call made while the answer streams is recorded; the request that it was for goes unharmed."""
    answer = streaming.test_client().post("/saves-late/")
    assert answer.get_data() == b"saved"
    answer.close()
    assert [facts(call)[attribute.S3_KEY] for call in captured.calls] == ["maps/late"]
    assert [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts] == [
        len(seen.head) for seen in store.seen
    ]


def _app(name: str, put: Put) -> flask.Flask:
    app = flask.Flask(name)

    @app.post("/save/<thing>")
    def save(thing: str) -> str:
        if thing == "dies":
            raise ClosedError
        put(f"{name}/{thing}")
        return "saved"

    return app


def _post(application: Any, path: str) -> TestResponse:
    return Client(application).post(path)


def test_several_apps_in_one_process_keep_apart(captured: Captured, put: Put) -> None:
    """Two apps with the same route learn it each for itself; each save is told with its own object."""
    first, second = _app("first", put), _app("second", put)
    first.test_client().post("/save/1")
    second.test_client().post("/save/dies")
    first.test_client().post("/save/dies")
    told = [(_outcome(span)[:2], facts(span).get(attribute.S3_KEY)) for span in captured.saves]
    assert told == [
        ((attribute.SUCCEEDED, None), "first/1"),
        ((None, None), None),
        ((attribute.FAILED, "ClosedError"), None),
    ]


def test_apps_mounted_under_paths(captured: Captured, put: Put) -> None:
    """Apps behind one dispatcher, by path, are saves as those that stand alone."""
    root = DispatcherMiddleware(_app("first", put), {"/second": _app("second", put)})
    assert _post(root, "/save/1").get_data() == _post(root, "/second/save/2").get_data() == b"saved"
    told = [(_outcome(span), facts(span)[attribute.S3_KEY]) for span in captured.saves]
    assert told == [(SUCCEEDED, "first/1"), (SUCCEEDED, "second/2")]


def test_an_app_called_by_another(captured: Captured, store: RawStore, put: Put) -> None:
    """An app that calls another in the middle of a request: each save has its own calls and outcome."""
    inner = _app("inner", put)
    outer = flask.Flask("outer")

    @outer.post("/save/")
    def save() -> dict[str, str]:
        put("outer/before")
        _post(inner, "/save/1")
        put("outer/after")
        return {"error": "only the outer one"}

    outer.test_client().post("/save/")
    inner_save, outer_save = captured.saves
    assert (facts(inner_save)[attribute.CALLS], facts(outer_save)[attribute.CALLS]) == (1, 2)
    assert _outcome(inner_save) == SUCCEEDED
    assert _outcome(outer_save)[:2] == (attribute.FAILED, "error_in_answer")
    assert [facts(span)[attribute.S3_KEY] for span in captured.saves] == ["inner/1", "outer/before"]
    assert len(store.seen) == 3


def test_an_app_made_before_opentelemetry(put: Put, request: pytest.FixtureRequest) -> None:
    """An app that existed before is served as ever; it has no span to tell of a save, its calls have."""
    app = _app("early", put)
    captured: Captured = request.getfixturevalue("captured")
    assert app.test_client().post("/save/1").status_code == 200
    assert captured.saves == []
    assert [facts(call)[attribute.S3_KEY] for call in captured.calls] == ["early/1"]


def test_a_subclass_of_flask(captured: Captured, put: Put) -> None:
    """An app class of the app's own, with a `handle_user_exception` of its own, is recorded and obeyed."""

    class Maps(flask.Flask):
        """Answers every exception by itself."""

        def handle_user_exception(self, e: Exception) -> Any:
            return {"error": type(e).__name__}, 200

    app = Maps("maps")

    @app.post("/save/")
    def save() -> str:
        put()
        raise ClosedError

    assert app.test_client().post("/save/").json == {"error": "ClosedError"}
    (span,) = captured.saves
    assert _outcome(span)[0] == attribute.FAILED
    assert facts(span)[attribute.USER_ERROR] == "ClosedError"
    assert facts(span)[attribute.STORED] == attribute.YES


def test_an_app_that_is_instrumented_by_itself(put: Put, request: pytest.FixtureRequest) -> None:
    """An early app that OpenTelemetry is told of by `instrument_app` is recorded as any other."""
    app = _app("early", put)
    captured: Captured = request.getfixturevalue("captured")
    instrumentor: Any = FlaskInstrumentor
    instrumentor.instrument_app(app, tracer_provider=captured.provider)
    app.test_client().post("/save/1")
    app.test_client().post("/save/dies")
    assert [_outcome(span)[:2] for span in captured.saves] == [
        (attribute.SUCCEEDED, None),
        (attribute.FAILED, "ClosedError"),
    ]


def test_a_view_that_is_asynchronous(
    captured: Captured,
    store: RawStore,
    put: Put,
    packages: Packages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls of an asynchronous view, which runs in a loop of its own, are its save's, and what it raises."""
    monkeypatch.syspath_prepend(packages(("asgiref==3.11.0",)))
    app = flask.Flask("maps")

    @app.post("/save/<name>")
    async def save(name: str) -> str:
        put()
        if name == "dies":
            raise ClosedError
        return "saved"

    user = app.test_client()
    assert [user.post(f"/save/{name}").status_code for name in ("1", "dies")] == [200, 500]
    assert [facts(span)[attribute.CALLS] for span in captured.saves] == [1, 1]
    assert [_outcome(span)[:2] for span in captured.saves] == [
        (attribute.SUCCEEDED, None),
        (attribute.FAILED, "ClosedError"),
    ]
    assert len(store.seen) == 2
