"""The app's own address for browsers: who may send there, how much, how often, and what comes of it."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from werkzeug.test import run_wsgi_app

import otel_savetrace
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.browser.address import LONGEST_BODY, client_of
from otel_savetrace.capture.browser.rate import Rates
from tests.capture.browser.sending import OF_OUR_PAGE, SPAN_ID, TRACE_ID, request, send, span
from tests.fixture_browser import PATH, OpenSite
from tests.fixture_capture import facts


def test_what_a_page_tells_becomes_a_span_of_the_same_trace(open_site: OpenSite) -> None:
    """Ids, times, kind and status are the browser's; service and scope are not its to choose."""
    site = open_site()
    made = span(
        {attribute.OUTCOME: "failed"},
        parentSpanId="00f067aa0ba902b7",
        status={"code": 2, "message": "aborted"},
        links=[{"traceId": TRACE_ID, "spanId": "00f067aa0ba902b7"}],
    )
    answer = send(site, request(made))
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Length" not in answer.headers
    (told,) = site.captured.exporter.get_finished_spans()
    assert told.context is not None
    assert told.parent is not None
    assert f"{told.context.trace_id:032x} {told.context.span_id:016x}" == f"{TRACE_ID} {SPAN_ID}"
    assert f"{told.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert [str(told.start_time), str(told.end_time)] == [
        made["startTimeUnixNano"], made["endTimeUnixNano"],
    ]  # fmt: skip
    assert (told.name, told.kind.name, told.status.status_code.name) == ("POST /save", "CLIENT", "ERROR")
    assert told.status.description == "aborted"
    assert facts(told)[attribute.OUTCOME] == "failed"
    assert [f"{link.context.span_id:016x}" for link in told.links] == ["00f067aa0ba902b7"]
    own = str(site.captured.provider.resource.attributes["service.name"])
    assert told.resource.attributes["service.name"] == f"{own}-browser"
    assert told.instrumentation_scope is not None
    assert told.instrumentation_scope.name == attribute.BROWSER_SCOPE


def test_neither_report_nor_script_makes_a_span_or_meets_the_app(open_site: OpenSite) -> None:
    """They come in before OpenTelemetry's span and every hook of the app."""
    site = open_site()
    met = []
    site.app.before_request(lambda: met.append(flask.request.path))
    assert send(site, request()).status_code == 204
    assert site.get(site.script.path).status_code == 200
    assert (met, site.captured.saves) == ([], [])


@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8"])
def test_what_a_closing_page_sends_is_taken(open_site: OpenSite, content_type: str) -> None:
    """A beacon is a text; it may be as long as browsers let it be."""
    site = open_site()
    body = request(span({attribute.OUTCOME: "failed"}))
    body["padding"] = "x" * (LONGEST_BODY - len(str(body)) - 100)
    assert send(site, body, content_type=content_type).status_code == 204
    assert len(site.captured.exporter.get_finished_spans()) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"}, 204),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://localhost"}, 204),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "file://"}, 403),
        ({}, 403),
        ({"Origin": "https://maps.example", "X-Forwarded-Host": "maps.example"}, 204),
        ({"Origin": "https://maps.example", "X-Forwarded-Host": "Maps.example:443, inner"}, 204),
        ({"Origin": "https://maps.example", "X-Forwarded-Host": "other.example, maps.example"}, 403),
        ({"Origin": "https://maps.example", "Host": "maps.example"}, 204),
        ({"Origin": "https://[::1]", "Host": "[::1]:443"}, 204),
    ],
)
def test_only_a_page_of_the_same_origin_may_send(
    open_site: OpenSite, headers: dict[str, str], status: int
) -> None:
    """By the browser's own word, else by the origin's host, as the browser asked for it."""
    assert send(open_site(), request(), headers).status_code == status


def test_no_page_of_another_origin_is_let_through_by_a_preflight(open_site: OpenSite) -> None:
    """Asked whether another origin may send, the answer does not say so."""
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = open_site().app.test_client().options(PATH, headers=asking)
    assert answer.status_code == 404
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


class Unread:
    """A body that fails the test when it is read."""

    def read(self, size: int = -1) -> bytes:
        """Fail."""
        raise AssertionError(f"{size} bytes were read")


@pytest.mark.parametrize(
    ("length", "status"), [(LONGEST_BODY + 1, 413), (10**30, 413), ("", 400), ("-1", 400), ("\u0661", 400)]
)
def test_what_is_too_long_or_has_no_length_is_not_read(
    open_site: OpenSite, length: int | str, status: int
) -> None:
    """Its size is known before a byte of it is taken."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": PATH, "CONTENT_LENGTH": str(length),
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": Unread(),
        "CONTENT_TYPE": "text/plain", "HTTP_SEC_FETCH_SITE": "same-origin",
    }  # fmt: skip
    body, line, _ = run_wsgi_app(open_site().app, environ)
    assert (b"".join(body), int(line.split()[0])) == (b"", status)


def test_a_body_that_breaks_off_is_refused(open_site: OpenSite) -> None:
    """What came is no request."""
    site = open_site()
    answer = send(site, request(), environ_overrides={"CONTENT_LENGTH": "1000"})
    assert answer.status_code == 400


@pytest.mark.parametrize("content_type", ["text/html", "", "application/x-www-form-urlencoded"])
def test_other_kinds_of_bodies_are_refused(open_site: OpenSite, content_type: str) -> None:
    """A form cannot send here."""
    assert send(open_site(), request(), content_type=content_type).status_code == 400


def test_who_sends_too_often_is_told_so_and_others_are_not(open_site: OpenSite) -> None:
    """A client that sends as fast as it can is refused, while another is let in."""
    site = open_site()

    def answer(client: str) -> Any:
        return send(site, request(), environ_overrides={"REMOTE_ADDR": client})

    answers = (answer("203.0.113.7") for _ in range(10_000))
    refused = next(one for one in answers if one.status_code != 204)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert answer("203.0.113.8").status_code == 204


def test_a_limit_is_so_much_at_once_and_then_a_second() -> None:
    """What is used up comes back with time, and no more than fits."""
    now = [1000.0]
    rates = Rates(process=(100, 100), client=(3, 2), clock=lambda: now[0])
    assert [rates.let_in("ada") for _ in range(4)] == [True, True, True, False]
    now[0] += 1.0
    assert [rates.let_in("ada") for _ in range(3)] == [True, True, False]
    now[0] += 1000.0
    assert [rates.let_in("ada") for _ in range(4)] == [True, True, True, False]


def test_the_process_has_a_limit_of_its_own() -> None:
    """Whoever sends, and however many addresses are made up; of those no more are kept than fit."""
    rates = Rates(process=(5, 1), client=(2, 1), clock=lambda: 1000.0)
    assert [rates.let_in(f"client {number}") for number in range(7)] == [True] * 5 + [False] * 2
    assert not any(rates.let_in(f"another {number}") for number in range(5_000))
    assert len(rates._clients) == 1_024


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("203.0.113.7", "", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.3", "made up, 198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", " 2001:db8::1 ", "2001:db8::1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "x" * 1_000, "x" * 64),
    ],
)
def test_a_client_is_who_the_front_server_says(peer: str, forwarded: str, client: str) -> None:
    """Only a front server's last word counts; who connects from outside cannot choose its name."""
    assert client_of({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}) == client


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (PATH, {"methods": ["POST"]}),
        (PATH + "/", {"methods": ["POST"]}),
        ("/telemetry/<name>", {"methods": ["GET", "POST"]}),
        ("/<path:everything>", {"methods": ["POST"]}),
    ],
)
def test_a_route_of_the_app_goes_before_ours(open_site: OpenSite, rule: str, options: dict[str, Any]) -> None:
    """Where the app answers by itself it does so, and a line says that nothing of ours is there."""
    site = open_site()
    site.app.add_url_rule(rule, view_func=lambda **_: "the app's", endpoint="own", **options)
    for _ in range(2):
        assert send(site, request(), follow_redirects=True).text == "the app's"
    assert [line for line in site.said() if "route of the app's own" in line]
    assert len(site.said()) == 1
    assert site.tag() == ""


def test_an_app_with_one_page_for_every_path_has_the_script(open_site: OpenSite) -> None:
    """A rule for whatever may be asked for means no path of ours."""
    site = open_site()
    site.app.add_url_rule("/<path:everything>", view_func=lambda everything: "its page", endpoint="spa")
    assert site.tag()
    assert site.get(site.script.path).data == site.script.text
    assert send(site, request()).status_code == 204
    assert site.get("/telemetry/other").text == "its page"


def test_nothing_is_taken_unless_asked_for(open_site: OpenSite) -> None:
    """Without a path the app is asked, as ever."""
    site = open_site(otel_savetrace.Settings(browser=True, browser_endpoint="/v1/traces"))
    assert send(site, request()).status_code == 404


def test_below_a_prefix_reports_are_taken(open_site: OpenSite) -> None:
    """The path is that within the app."""
    below = {"SCRIPT_NAME": "/maps"}
    assert send(open_site(), request(), environ_overrides=below).status_code == 204


def test_an_error_of_ours_is_an_answer_and_no_exception(
    open_site: OpenSite, announced: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that raises costs the report, which is not sent again."""
    site = open_site()
    announced.add("a browser tells")

    def broken(_: Any) -> None:
        raise LookupError

    monkeypatch.setattr(site.captured.provider._active_span_processor, "on_end", broken)
    assert send(site, request(span())).status_code == 400


def test_a_host_that_the_app_does_not_answer_to_gets_nothing_of_ours(open_site: OpenSite) -> None:
    """An app that names its hosts is asked first."""
    site = open_site()
    site.app.config["TRUSTED_HOSTS"] = ["maps.example"]
    site.app.wsgi_app = flask.Response("the app's")  # type: ignore[method-assign]  # as apps do it
    for host, status in {"evil.example": 200, "maps.example": 204}.items():
        assert send(site, request(), {**OF_OUR_PAGE, "Host": host}).status_code == status


def test_the_script_is_kept_for_a_year_under_its_own_hash(open_site: OpenSite) -> None:
    """Under another version's, and without one, browsers ask again each time."""
    site = open_site()
    own = site.get(site.script.path)
    assert (own.data, own.mimetype) == (site.script.text, "text/javascript")
    assert own.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in (f"{PATH}/savetrace.0123456789abcdef.js", f"{PATH}/savetrace.js"):
        answer = site.get(other)
        assert (answer.data, answer.headers["Cache-Control"]) == (site.script.text, "no-cache")
    for none in (
        f"{PATH}/savetrace.x.js",
        f"{PATH}/savetrace.",
        f"{PATH}/savetrace.js/x",
        f"{PATH}/other.js",
    ):
        assert site.get(none).status_code == 404
    assert site.app.test_client().post(site.script.path).status_code == 404


def test_the_script_is_compressed_for_who_takes_it(open_site: OpenSite) -> None:
    """And only then; a HEAD tells the same length, and has no body."""
    site = open_site()
    zipped = site.get(site.script.path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    plain = site.get(site.script.path, headers={"Accept-Encoding": "br, gzip; q=0"})
    assert plain.data == site.script.text
    head = site.app.test_client().head(site.script.path)
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(site.script.text)))


def test_hidden_keys_let_no_personal_attribute_through(open_site: OpenSite) -> None:
    """What may hold a key is dropped, whatever the page sent."""
    site = open_site(otel_savetrace.Settings(browser_path=PATH, keys="hash"))
    told = {attribute.OUTCOME: "failed", attribute.USER_ERROR: "maps/ada/draft.json is too long"}
    assert send(site, request(span(told))).status_code == 204
    (kept,) = site.captured.exporter.get_finished_spans()
    assert attribute.USER_ERROR not in facts(kept)
    assert facts(kept)[attribute.OUTCOME] == "failed"
