"""Which answers of the app get the script's tag, and that nothing else of them changes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from opentelemetry.sdk.resources import Resource
from werkzeug.http import quote_etag

import otel_savetrace
from tests.fixture_browser import ON, PAGE, PATH, OpenSite, Site
from tests.fixture_capture import Captured

DOCUMENT = "<html><head></head></html>"
SERVICE = str(Resource.create().attributes["service.name"]) + "-browser"
COLLECTOR = "https://collector.example:4319/v1/traces"


def answering(site: Site, answer: Callable[[], Any], path: str = "/other") -> Any:
    """Let the app answer as `answer` does, and ask it."""
    site.app.add_url_rule(path, view_func=answer, endpoint=path)
    return site.get(path)


def response(body: Any = DOCUMENT, status: int = 200, **headers: str) -> flask.Response:
    """Make an answer; underlines in names of headers stand for hyphens."""
    made = flask.Response(body, status)
    for name, value in headers.items():
        made.headers[name.replace("_", "-")] = value
    return made


def test_a_page_gets_the_tag_and_keeps_every_byte(open_site: OpenSite) -> None:
    """The tag is the head's first element, and the length counts it; the rest is what the app made."""
    site = open_site()
    answer = site.get("/")
    tag = (
        f'<script src="{site.script.path}" data-endpoint="{PATH}"'
        f' data-service="{SERVICE}" data-text="on"></script>'
    )
    assert answer.text == PAGE.replace("<head>", f"<head>{tag}")
    assert answer.headers["Content-Length"] == str(len(PAGE.encode()) + len(tag))
    assert site.said() == []


def test_the_tag_tells_the_settings(open_site: OpenSite) -> None:
    """Each setting is an attribute, whatever characters are in it."""
    settings = otel_savetrace.Settings(
        browser=True,
        browser_endpoint=COLLECTOR,
        browser_error_selector='#error > [title="\u00e9"]',
        browser_text=False,
        save_routes=frozenset(("POST /save/<id>", "/publish")),
        login_routes=frozenset(("/login", "/select/")),
    )
    site = open_site(settings)
    assert site.tag() == (
        f'<script src="{site.script.path}" data-endpoint="{COLLECTOR}" data-service="{SERVICE}"'
        ' data-error-selector="#error &gt; [title=&quot;&#233;&quot;]" data-text="off"'
        ' data-save="/publish,POST /save/&lt;id&gt;" data-login="/login,/select/">'
    )
    assert site.script.path.startswith("/_savetrace/savetrace.")


def test_where_keys_are_hidden_no_text_leaves_the_browser(open_site: OpenSite) -> None:
    """A text that a user was shown may hold a key."""
    site = open_site(otel_savetrace.Settings(browser=True, browser_path=PATH, keys="hash"))
    assert 'data-text="off"' in site.tag()


def test_below_a_prefix_script_and_reports_are_below_it_too(open_site: OpenSite) -> None:
    """An app that is mounted below a path of the site tells the browser the whole path."""
    tag = open_site().tag(environ_overrides={"SCRIPT_NAME": '/a "map"'})
    assert tag.startswith('<script src="/a%20%22map%22/telemetry/browser/savetrace.')
    assert f'data-endpoint="/a%20%22map%22{PATH}"' in tag


def streamed() -> Iterator[str]:
    """Send a page in pieces."""
    yield DOCUMENT


LEFT_ALONE: dict[str, Callable[[], Any]] = {
    "streamed": lambda: response(streamed()),
    "a file": lambda: response(iter([DOCUMENT.encode()])),
    "compressed": lambda: response(gzip.compress(DOCUMENT.encode(), mtime=0), Content_Encoding="gzip"),
    "an attachment": lambda: response(Content_Disposition=" Attachment; filename=a.html"),
    "partial": lambda: response(status=206, Content_Range="bytes 0-25/100"),
    "may be asked for in parts": lambda: response(Accept_Ranges="bytes"),
    "a redirect": lambda: flask.redirect("/"),
    "no content": lambda: response(b"", 204),
    "a part of a page": lambda: response("<div><html><head></head></html></div>"),
    "JSON": lambda: {"html": DOCUMENT},
    "a text": lambda: response(Content_Type="text/plain"),
    "almost HTML": lambda: response(Content_Type="text/html5"),
    "XHTML": lambda: response(Content_Type="application/xhtml+xml"),
    "UTF-16": lambda: response(DOCUMENT.encode("utf-16"), Content_Type="text/html; charset=utf-16"),
    "shifting": lambda: response(Content_Type="text/html; charset=iso-2022-jp"),
    "unknown": lambda: response(Content_Type="text/html; charset=x-made-up"),
    "a digest": lambda: response(Content_MD5="x"),
    "another digest": lambda: response(Repr_Digest="sha-256=:x:"),
    "another length": lambda: response(Content_Length="1000"),
}


@pytest.mark.parametrize("answer", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_other_answers_stay_as_they_are(open_site: OpenSite, answer: Callable[[], Any]) -> None:
    """Status, headers and body are those that the app gives without us."""
    site = open_site()
    got = answering(site, answer)
    otel_savetrace.uninstrument()
    plain = site.get("/other")
    assert (got.status, [*got.headers], got.data) == (plain.status, [*plain.headers], plain.data)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "empty"},
        {"X-Requested-With": "XMLHttpRequest"},
    ],
)
def test_a_page_that_a_script_asks_for_has_no_tag(open_site: OpenSite, headers: dict[str, str]) -> None:
    """What is fetched is shown, or read, by something that has the script already."""
    assert open_site().get("/", headers=headers).text == PAGE


def test_a_frame_gets_the_tag(open_site: OpenSite) -> None:
    """What a window or a frame asks for does."""
    assert open_site().tag(headers={"Sec-Fetch-Dest": "iframe", "X-Requested-With": "XMLHttpRequest"})


def test_an_answer_to_head_stays_as_it_is(open_site: OpenSite) -> None:
    """It has no page in it."""
    answer = open_site().app.test_client().head("/")
    assert (answer.data, answer.headers["Content-Length"]) == (b"", str(len(PAGE.encode())))


@pytest.mark.parametrize(
    "answer",
    [
        lambda: response(status=422),
        lambda: response(status=500),
        lambda: response(["<html>", b"<head></head></html>"]),
        lambda: response(Content_Type="TEXT/HTML"),
        lambda: response(Content_Type="text/html; charset=Shift_JIS"),
        lambda: response(Content_Disposition="inline", Accept_Ranges="none", Content_Encoding="identity"),
    ],
)
def test_pages_of_other_kinds_get_the_tag(open_site: OpenSite, answer: Callable[[], Any]) -> None:
    """A form that is shown again after an error is a page from which the user saves again."""
    got = answering(open_site(), answer)
    head, tag, rest = got.text.partition("<script src=")
    assert (head, tag, rest.partition("</script>")[2]) == ("<html><head>", "<script src=", "</head></html>")


def test_a_request_that_came_by_another_door_has_no_tag(open_site: OpenSite) -> None:
    """A server that calls the app's `wsgi_app` passes us by: the script would not be found there."""
    site = open_site()
    site.app.wsgi_app = _without_mark(site.app.wsgi_app)  # type: ignore[method-assign]  # as apps do it
    assert site.get("/").text == PAGE


def _without_mark(application: Any) -> Any:
    def called(environ: dict[str, Any], start_response: Any) -> Any:
        del environ["otel_savetrace.browser"]
        return application(environ, start_response)

    return called


def test_conditional_requests_go_on_working(open_site: OpenSite) -> None:
    """The app's strong tag is weak on a page in other bytes; the app knows it again, and answers 304."""
    site = open_site()

    def tagged() -> Any:
        made = response()
        made.add_etag()
        made.last_modified = 1_000_000_000  # type: ignore[assignment]  # werkzeug takes numbers, too
        return made.make_conditional(flask.request)

    first = answering(site, tagged)
    etag = first.headers["ETag"]
    assert etag.startswith('W/"')
    assert "<script src=" in first.text
    for known in ({"If-None-Match": etag}, {"If-Modified-Since": first.headers["Last-Modified"]}):
        again = site.get("/other", headers=known)
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag.removeprefix("W/")


def test_a_weak_tag_stays(open_site: OpenSite) -> None:
    """It never said that the bytes are the same."""
    weak = quote_etag("a", weak=True)
    assert answering(open_site(), lambda: response(ETag=weak)).headers["ETag"] == weak


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (LEFT_ALONE["compressed"], "the app itself compresses (Content-Encoding: gzip)"),
        (LEFT_ALONE["a digest"], "the header content-md5"),
        (LEFT_ALONE["streamed"], "a file or a stream"),
    ],
)
def test_what_keeps_the_script_out_is_said_once(
    open_site: OpenSite, answer: Callable[[], Any], why: str
) -> None:
    """An operator who waits for spans of browsers finds a line, and one only."""
    site = open_site()
    answering(site, answer)
    site.get("/other")
    (line,) = site.said()
    assert why in line


def test_without_an_address_nothing_is_added(open_site: OpenSite) -> None:
    """On, with nowhere to report to: pages stay as they are, and a line says what to set."""
    site = open_site(otel_savetrace.Settings(browser=True))
    assert site.get("/").text == PAGE
    (line,) = site.said()
    assert "set OTEL_SAVETRACE_BROWSER_PATH or OTEL_SAVETRACE_BROWSER_ENDPOINT" in line


def test_hidden_keys_are_not_sent_past_the_app(open_site: OpenSite) -> None:
    """Only the app's own address takes out what may hold a key; a Collector would get it."""
    site = open_site(otel_savetrace.Settings(browser=True, browser_endpoint=COLLECTOR, keys="none"))
    assert site.get("/").text == PAGE
    (line,) = site.said()
    assert "OTEL_SAVETRACE_KEYS=none cannot be kept" in line


def test_without_the_script_nothing_is_added(
    instrumented: Captured, stand_in: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An installation that lacks the file says so; the app runs as before."""
    stand_in.unlink()
    assert otel_savetrace.instrument(instrumented.provider, ON)
    app = flask.Flask("maps")
    app.add_url_rule("/", view_func=lambda: PAGE)
    assert app.test_client().get("/").text == PAGE
    otel_savetrace.uninstrument()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "otel_savetrace"]
    assert "not in this installation" in line


def test_off_it_leaves_nothing_behind(open_site: OpenSite) -> None:
    """Switched off, pages are the app's, and Flask's methods its own."""
    site = open_site()
    assert site.tag()
    otel_savetrace.uninstrument()
    assert site.get("/").text == PAGE
    assert flask.app.Flask.__call__.__module__ == "flask.app"


def test_on_is_asked_for(open_site: OpenSite) -> None:
    """With a path alone, reports are taken and no page is changed."""
    site = open_site(otel_savetrace.Settings(browser_path=PATH))
    assert site.get("/").text == PAGE
    assert site.get(site.script.path).status_code == 200
