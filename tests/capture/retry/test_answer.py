"""Which answers carry a cookie, how far it reaches, and that nothing else of an answer changes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from tests.capture.retry.saving import DENIED, assert_retry, cookies_set, is_taken_back
from tests.fixture_capture import Captured, facts
from tests.fixture_retries import SECRET_KEY, make_maps
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]
Fail = Callable[[], None]


@pytest.fixture
def fail(store: RawStore, client_of: MakeClient) -> Fail:
    """Writes an object that the store refuses, and takes the exception."""
    client = client_of(store)

    def put() -> None:
        store.script = [DENIED]
        with pytest.raises(client.exceptions.ClientError):
            client.put_object(Bucket="bucket", Key="k", Body=b"1")

    return put


@pytest.fixture
def app(captured: Captured) -> flask.Flask:
    """An app with a key and no routes."""
    made = flask.Flask("maps")
    made.secret_key = SECRET_KEY
    return made


def _route(
    app: flask.Flask,
    fail: Fail,
    rule: str = "/save/",
    *,
    options: bool = False,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Give the app a save that fails with these headers on its answer, by any method."""

    def view(**_: str) -> Any:
        fail()
        return {"error": "not saved"}, 500, dict(headers)

    methods = ["GET", "POST", "PUT", *(["OPTIONS"] if options else [])]
    app.add_url_rule(rule, rule, view, methods=methods)


CARRY = [
    ("POST", {}),
    ("PUT", {}),
    ("POST", {"Cache-Control": "no-cache"}),
    ("POST", {"Cache-Control": "private, max-age=60"}),
    ("POST", {"Cache-Control": "no-store", "Expires": "Thu, 01 Jan 2037 00:00:00 GMT"}),
    ("GET", {"Cache-Control": "private"}),
    ("GET", {"Cache-Control": "no-store"}),
    ("HEAD", {"Cache-Control": "no-store"}),
]
BARE = [
    ("OPTIONS", {"Cache-Control": "no-store"}),
    ("GET", {}),
    ("HEAD", {}),
    ("GET", {"Cache-Control": "no-cache"}),
    ("POST", {"Cache-Control": "public"}),
    ("POST", {"Cache-Control": "public, no-store"}),
    ("POST", {"Cache-Control": "s-maxage=60, private"}),
    ("POST", {"Cache-Control": "max-age=60"}),
    ("POST", {"Expires": "Thu, 01 Jan 2037 00:00:00 GMT"}),
    ("POST", {"Cache-Control": "no-store", "CDN-Cache-Control": "max-age=60"}),
    ("POST", {"Surrogate-Control": "max-age=60"}),
    ("POST", {"Cache-Control": "Public"}),
    ("POST", {"Cache-Control": "MAX-AGE=never"}),
    ("GET", {"Cache-Control": 'private="X-Name"'}),
]


@pytest.mark.parametrize(("method", "headers"), CARRY)
def test_answers_that_carry_a_cookie(
    app: flask.Flask, fail: Fail, captured: Captured, method: str, headers: dict[str, str]
) -> None:
    """An answer to a failed save that no shared cache may keep carries one cookie, HttpOnly and Lax."""
    _route(app, fail, headers=headers)
    answer = app.test_client().open("/save/", method=method)
    (line,) = cookies_set(answer).values()
    assert line.endswith("; Max-Age=1800; HttpOnly; Path=/save/; SameSite=Lax")
    assert len(line) < 500
    assert facts(captured.saves[0])[attribute.OUTCOME] == "failed"


@pytest.mark.parametrize(("method", "headers"), BARE)
def test_answers_that_a_shared_cache_may_keep_carry_none(
    app: flask.Flask, fail: Fail, captured: Captured, method: str, headers: dict[str, str]
) -> None:
    """An answer that a shared cache may keep, or one to OPTIONS, carries none, though the save has failed."""
    _route(app, fail, options=True, headers=headers)
    answer = app.test_client().open("/save/", method=method)
    assert "Set-Cookie" not in answer.headers
    assert facts(captured.saves[0])[attribute.OUTCOME] == "failed"


@pytest.mark.parametrize("settings", [Settings(save_routes=frozenset(["/save/"]))])
def test_a_preflight_is_no_retry(app: flask.Flask, fail: Fail, captured: Captured) -> None:
    """OPTIONS and HEAD of a save's address neither get a cookie nor take one back, nor retry anything."""
    _route(app, fail)
    user = app.test_client()
    user.post("/save/")
    between = [user.options("/save/"), user.options("/save/", headers={"Origin": "http://elsewhere"})]
    user.post("/save/")
    assert not any(cookies_set(answer) for answer in between)
    assert_retry(captured.saves[-1], captured.saves[0], 2)
    for span in captured.saves[1:3]:
        assert attribute.SAVE_ATTEMPT not in facts(span)


@pytest.mark.parametrize("kind", ["generator", "file", "memory"])
def test_streamed_answers_carry_none(app: flask.Flask, fail: Fail, captured: Captured, kind: str) -> None:
    """An answer that streams, or is a file, carries no cookie and reaches its user whole."""

    @app.post("/save/")
    def save() -> Any:
        fail()

        def pieces() -> Iterator[str]:
            yield '{"error": '
            yield '"not saved"}'

        if kind == "generator":
            return flask.Response(flask.stream_with_context(pieces()), status=500)
        stream = io.BytesIO(b'{"error": "not saved"}')
        sent = flask.send_file(stream, mimetype="application/json")
        sent.status_code = 500
        if kind == "file":
            return sent
        return flask.Response(stream, status=500, direct_passthrough=True)

    answer = app.test_client().post("/save/")
    assert answer.get_data() == b'{"error": "not saved"}'
    assert facts(captured.saves[0])[attribute.OUTCOME] == "failed"
    assert "Set-Cookie" not in answer.headers
    answer.close()


@pytest.mark.parametrize(
    ("rule", "path", "reach"),
    [
        ("/save/", "/save/", "/save/"),
        ("/save", "/save", "/save"),
        ("/save/<map_id>", "/save/m1", "/save/"),
        ("/save/<map_id>/draft", "/save/m1/draft", "/save/"),
        ("/u<int:uid>/save", "/u1/save", "/"),
        ("/<map_id>", "/m1", "/"),
        ("/sävé;x/<map_id>", "/sävé;x/m1", "/s%C3%A4v%C3%A9%3Bx/"),
        (f"/{'a' * 100}/{'b' * 200}/<map_id>", f"/{'a' * 100}/{'b' * 200}/m1", f"/{'a' * 100}/"),
        (f"/{'a' * 300}/<map_id>", f"/{'a' * 300}/m1", "/"),
    ],
)
def test_how_far_a_cookie_reaches(
    app: flask.Flask, fail: Fail, captured: Captured, rule: str, path: str, reach: str
) -> None:
    """A cookie is limited to what its route has in common, and comes back with the next save of it."""
    _route(app, fail, rule)
    user = app.test_client()
    (line,) = cookies_set(user.post(path)).values()
    assert f"; Path={reach};" in line
    assert len(line) < 1_024
    if path.isascii():  # else the test's browser does not find it, which compares paths unquoted
        user.post(path)
        assert_retry(captured.saves[1], captured.saves[0], 2)


def test_a_cookie_is_taken_back_where_it_was_set(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Where a route has variables, a cookie is taken back at the path that it was set for, and is gone."""
    user = make_maps(client_of(store), SECRET_KEY).test_client()
    store.script = [DENIED]
    answers = [user.post("/raw/m1", data=b"1", headers={"Referer": "http://localhost/"}) for _ in range(2)]
    paths = [line for answer in answers for line in cookies_set(answer).values() if "; Path=/raw/;" in line]
    assert [is_taken_back(line) for line in paths] == [False, True]
    assert user.get_cookie(next(iter(cookies_set(answers[0]))), path="/raw/") is None


def test_below_a_mount_point(app: flask.Flask, fail: Fail, captured: Captured) -> None:
    """An app that is mounted below a path, or says that it is, limits its cookie below that."""
    _route(app, fail)
    mounted = Client(DispatcherMiddleware(flask.Flask("root"), {"/maps": app}))
    lines = [*cookies_set(mounted.post("/maps/save/")).values()]
    mounted.post("/maps/save/")
    assert_retry(captured.saves[1], captured.saves[0], 2)
    app.config["APPLICATION_ROOT"] = "/behind"
    lines += cookies_set(app.test_client().post("/save/", base_url="http://localhost")).values()
    assert ["; Path=/maps/save/;" in lines[0], "; Path=/behind/save/;" in lines[1]] == [True, True]


@pytest.mark.parametrize(
    ("trusts", "headers", "scheme", "secure"),
    [
        (False, {}, "http", False),
        (False, {}, "https", True),
        (False, {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}, "http", False),
        (True, {"X-Forwarded-Proto": "https"}, "http", True),
        (True, {"X-Forwarded-Proto": "http"}, "https", False),
    ],
)
def test_secure_where_the_app_says_that_the_request_was(
    app: flask.Flask, fail: Fail, trusts: bool, headers: dict[str, str], scheme: str, secure: bool
) -> None:
    """`Secure` follows the request's scheme, a proxy's word only where the app trusts it by ProxyFix."""
    _route(app, fail)
    user = Client(ProxyFix(app) if trusts else app)
    (line,) = cookies_set(user.post("/save/", headers=headers, base_url=f"{scheme}://localhost")).values()
    assert ("; Secure;" in line) is secure


def test_the_apps_own_cookies_and_vary_stay_as_they_are(
    captured: Captured, store: RawStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ours on an answer, the app's session and other cookies and Vary are byte for byte the same."""
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_800_000_000)
    answers: list[Any] = []
    for key in (SECRET_KEY, SECRET_KEY):
        app = make_maps(client_of(store), key)

        @app.after_request
        def touch(response: flask.Response) -> flask.Response:
            flask.session["count"] = flask.session.get("count", 0) + 1
            response.set_cookie("theme", "dark")
            return response

        user = app.test_client()
        store.script = [DENIED] if not answers else []
        answers.append(user.post("/save/", data={"id": "m1", "d": "{}"}))
    with_ours, without = answers
    lines = [list(one.headers.getlist("Set-Cookie")) for one in answers]
    assert lines[0][:-1] == lines[1], "ours comes last, theirs are as without"
    assert lines[0][-1].startswith("savetrace_")
    assert with_ours.headers.getlist("Vary") == without.headers.getlist("Vary") == ["Cookie"]


def test_a_session_that_was_not_opened_stays_closed(app: flask.Flask, fail: Fail) -> None:
    """A failed save whose app does not look at its session answers without Vary and without a session."""
    _route(app, fail)
    answer = app.test_client().post("/save/")
    assert [line[:10] for line in answer.headers.getlist("Set-Cookie")] == ["savetrace_"]
    assert "Vary" not in answer.headers


def test_a_redirect_after_a_save(
    app: flask.Flask, captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A save that is answered by a redirect takes the cookie back there; one sent to log in sets it."""
    client = client_of(store)

    @app.post("/save/")
    def save() -> Any:
        if "Out" in flask.request.headers:
            flask.abort(flask.redirect("/login/"))
        client.put_object(Bucket="bucket", Key="k", Body=flask.request.get_data())
        return flask.redirect("/maps/", 303)

    user = app.test_client()
    user.post("/save/", data=b"1")
    sent_away = user.post("/save/", data=b"1", headers={"Out": "1"})
    saved = user.post("/save/", data=b"1")
    (name,) = cookies_set(sent_away)
    assert is_taken_back(cookies_set(saved)[name])
    assert_retry(captured.saves[2], captured.saves[1], 2)
    assert facts(captured.saves[1])[attribute.ERROR_CODE] == "login_redirect"


def test_a_streamed_answer_takes_the_cookie_back(
    app: flask.Flask, captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Where a save that works is answered by a stream, the cookie is taken back there all the same."""
    client = client_of(store)

    @app.post("/save/")
    def save() -> flask.Response:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return flask.Response(flask.stream_with_context(iter(["saved"])))

    store.script = [DENIED]
    user = app.test_client()
    (name,) = cookies_set(user.post("/save/"))
    saved = user.post("/save/")
    assert saved.get_data() == b"saved"
    assert is_taken_back(cookies_set(saved)[name])
    assert_retry(captured.saves[1], captured.saves[0], 2)


def test_blueprints_and_several_apps_keep_apart(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """One view under two prefixes and in two apps of one key: four routes, four cookies, own retries."""
    client = client_of(store)
    saves = flask.Blueprint("saves", "saves")

    @saves.post("/save/")
    def save() -> str:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return "saved"

    apps = [flask.Flask("one"), flask.Flask("two")]
    for app in apps:
        app.secret_key = SECRET_KEY
        app.register_blueprint(saves, url_prefix="/a")
        app.register_blueprint(saves, url_prefix="/b", name="again")
    browser = Client(DispatcherMiddleware(apps[0], {"/two": apps[1]}))
    paths = ["/a/save/", "/b/save/", "/two/a/save/", "/two/b/save/"]
    store.script = [DENIED] * len(paths)
    names = {name for path in paths for name in cookies_set(browser.post(path))}
    assert len(names) == len(paths)
    for path in paths:
        browser.post(path)
    for failed, retry in zip(captured.saves[:4], captured.saves[4:], strict=True):
        assert_retry(retry, failed, 2)
