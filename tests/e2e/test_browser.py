"""Pages, script and reports through real workers of each kind, of the wheel as it is installed."""

from __future__ import annotations

import gzip
import json
import re
import socket
from pathlib import Path

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.browser.script import FILE
from otel_savetrace.demo import servers
from otel_savetrace.demo.processes import LOOPBACK
from tests.capture.browser.sending import SPAN_ID, request, span
from tests.e2e.test_switched_on import GEVENT, PATCHED_FIRST
from tests.fixture_app import OWN_FOLDER, SAMPLE, App, StartApp
from tests.fixture_packages import Packages

PATH = "/telemetry/browser"
SWITCHED_ON = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_SAVETRACE_FILE": f"{OWN_FOLDER}/spans.jsonl",
    "OTEL_SAVETRACE_BROWSER": "on",
    "OTEL_SAVETRACE_BROWSER_PATH": PATH,
}
WORKERS = {
    "sync": ("--workers", "1"),
    "gthread": ("--workers", "1", "--threads", "4"),
    "gevent": ("--workers", "1", "--worker-class", "gevent"),
}


@pytest.fixture(scope="module", params=list(WORKERS))
def app(request: pytest.FixtureRequest, start_app_of_session: StartApp, packages: Packages) -> App:
    """Run the sample app with pages and reports switched on."""
    tracing = {**servers.tracing_to(Path("spans.jsonl")), **SWITCHED_ON}
    if request.param == "gevent":
        tracing |= {"PYTHONPATH": str(packages(GEVENT)), **PATCHED_FIRST}
    return start_app_of_session(tracing, app=SAMPLE, options=WORKERS[request.param])


def answered(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Take an answer apart: status, headers, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    return int(line.split()[1]), dict(one.lower().split(": ", 1) for one in lines), body


def refused_unread(app: App, headers: str) -> bytes:
    """Announce a body that is too long, and send none of it: the answer comes without."""
    with socket.create_connection((LOOPBACK, app.port), timeout=60) as sock:
        head = f"POST {PATH} HTTP/1.1\r\nHost: editor\r\nConnection: close\r\nContent-Length: 300000\r\n"
        sock.sendall(f"{head}{headers}\r\n".encode())
        return sock.recv(65_536)


def test_a_page_names_the_script_and_the_script_is_there(app: App) -> None:
    """The tag in a real page leads to the script that is shipped, whole and compressed."""
    status, headers, page = answered(app.exchange("GET", "/select/"))
    # The sample app's pages leave <head> out, as HTML allows.
    tag = re.match(rb'<!doctype html>\s<html lang="en">\s<script src="(\S+)" data-endpoint="(\S+)"', page)
    assert tag is not None
    assert (status, headers["content-length"]) == (200, str(len(page)))
    assert tag[2].decode() == PATH
    status, headers, script = answered(
        app.exchange("GET", tag[1].decode(), headers="Accept-Encoding: gzip\r\n")
    )
    assert (status, gzip.decompress(script)) == (200, FILE.read_bytes())
    assert "immutable" in headers["cache-control"]


def test_a_report_reaches_the_apps_exporter(app: App) -> None:
    """It is written with the app's own spans once the worker ends, under their own service."""
    own = span({attribute.OUTCOME: "failed", attribute.ERROR_CODE: "timeout"})
    of_page = "Sec-Fetch-Site: same-origin\r\nCookie: session=secret\r\n"
    status, headers, body = answered(
        app.exchange("POST", PATH, json.dumps(request(own)).encode(), headers=of_page)
    )
    assert (status, body) == (204, b"")
    assert "set-cookie" not in headers
    elsewhere = "Origin: https://evil.example\r\n"
    assert answered(app.exchange("POST", PATH, b"{}", headers=elsewhere))[0] == 403
    assert answered(refused_unread(app, f"{of_page}Content-Type: text/plain\r\n"))[0] == 413
    assert answered(app.exchange("POST", PATH, b"{", headers=of_page))[0] == 400
    app.stop()
    told = [one for one in app.spans() if one.scope == attribute.BROWSER_SCOPE]
    assert [(one.span_id, one.service, one.kind) for one in told] == [(SPAN_ID, "storymap-browser", "client")]
    assert told[0].attributes == {attribute.OUTCOME: "failed", attribute.ERROR_CODE: "timeout"}
    targets = {str(one.attributes.get("http.target")) for one in app.spans() if one.kind == "server"}
    assert not [target for target in targets if PATH in target]
    assert app.warnings() == []
