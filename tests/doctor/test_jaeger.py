"""Whether the links are configured: pages as Jaeger serves them, and what is none."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.doctor import jaeger
from otel_savetrace.doctor.findings import Finding
from tests.doctor.asking import answered, only, told
from tests.doctor.test_exporter import POLL_SECONDS

SHIPPED = jaeger.ui_config()


@contextlib.contextmanager
def page(text: str, status: int = 200) -> Iterator[str]:
    """Serve one page for every path; give its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()
        thread.join()


def links(text: str, status: int = 200) -> list[Finding]:
    """Look at a page."""
    with page(text, status) as address:
        return list(jaeger.links(of(address)))


def of(source: str | None) -> Any:
    """Make an examination with this source, of an app called storymap."""
    asked = answered()
    object.__setattr__(asked, "source", source)
    return asked


def with_config(config: Any) -> str:
    """Write a page as Jaeger does, with its configuration in it."""
    return f"<script>\n// JAEGER_CONFIG_JS\n      JAEGER_CONFIG = {json.dumps(config)};\n</script>"


def test_what_is_shipped_is_what_is_wanted() -> None:
    """A page with the shipped configuration has every link, whatever else is configured there."""
    more = {
        "linkPatterns": [{"type": "process", "key": "x", "url": "u", "text": "t"}, *SHIPPED["linkPatterns"]]
    }
    for config in (SHIPPED, {**SHIPPED, **more}):
        found = only(links(with_config(config)))
        assert found.state == "ok"
        assert "Compare with the failed save" in found.said


def test_a_link_that_is_missing_is_named() -> None:
    """A warning names the links that are not there, and no other."""
    missing = "Find the retry of this save"
    without = {"linkPatterns": [one for one in SHIPPED["linkPatterns"] if one["text"] != missing]}
    assert told(links(with_config(without))) == [("links", "warning", f"not configured: {missing}")]


@pytest.mark.parametrize("part", ["type", "key", "url"])
def test_a_link_of_another_kind_is_none(part: str) -> None:
    """A pattern of another type, attribute or address does not stand in for ours; its words may differ."""
    first, *rest = SHIPPED["linkPatterns"]
    renamed = {"linkPatterns": [{**first, "text": "Vergleich"}, *rest]}
    assert only(links(with_config(renamed))).state == "ok"
    other = {"linkPatterns": [{**first, part: "other"}, *rest]}
    assert only(links(with_config(other))).said == "not configured: Compare with the failed save"


def test_links_that_search_another_service_are_told() -> None:
    """The links are there and would find nothing: the warning names both services, and the cure."""
    _, warned = links(with_config(jaeger.ui_config("other app")))
    assert warned.said == "they search the service other app; spans are sent as storymap"
    assert "savetrace jaeger-ui-config --service storymap" in warned.todo


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("JAEGER_CONFIG = DEFAULT_CONFIG;", 200, ("links", "warning", "this Jaeger has no configuration")),
        ("JAEGER_CONFIG = {broken;", 200, ("links", "warning", "this Jaeger has no configuration")),
        ("function UIConfig(){ // JAEGER_CONFIG\n key: 'savetrace.previous_trace_id' }", 200,
         ("links", "ok", "they are configured, by a script")),
        ("<h1>Log in</h1>", 200, ("page", "note", "what http")),
        ("no such page", 404, ("page", "note", "http")),
    ],
)  # fmt: skip
def test_pages_without_the_links_are_told_apart(
    text: str, status: int, expected: tuple[str, str, str]
) -> None:
    """No configuration is a warning; what is no page of Jaeger is said to be none, and is no failure."""
    found = only(links(text, status))
    assert (found.subject, found.state) == expected[:2]
    assert found.said.startswith(expected[2])


@pytest.mark.parametrize(
    "source", [None, "spans.jsonl", pytest.param(f"http://{LOOPBACK}:{free_port()}", id="nobody listens")]
)
def test_where_no_page_is_nothing_fails(source: str | None) -> None:
    """Without a Jaeger, or where it does not answer, that is said."""
    assert only(jaeger.links(of(source))).state == "note"


def test_the_service_is_written_as_an_address_wants_it() -> None:
    """Whatever the service is called, the searches name it, encoded, and nothing else changes."""
    config = jaeger.ui_config("map & co")
    urls = [pattern["url"] for pattern in config["linkPatterns"]]
    searches = [url for url in urls if url.startswith("search?")]
    assert all(url.startswith("search?service=map%20%26%20co&") for url in searches)
    assert [url.replace("map%20%26%20co", "storymap") for url in urls] == [
        pattern["url"] for pattern in SHIPPED["linkPatterns"]
    ]
