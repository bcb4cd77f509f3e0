"""Lines of access logs, of several servers and in several formats, as requests."""

from __future__ import annotations

import json

import pytest

from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.saves import saves
from otel_savetrace.logs import access_lines
from otel_savetrace.logs.access_fields import Request
from otel_savetrace.logs.reading import read_log_lines

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NOON = 1_795_521_600 * 10**9
"""2026-11-24T12:00:00Z"""

COMBINED = (
    '10.0.0.9 - ada [24/Nov/2026:12:00:00 +0000] "POST /save/m?token=x HTTP/1.1" 502 157 "https://x/"'
    ' "a \\x22b\\x22"'
)


def read(line: str) -> Request:
    """Return the request of a line, which must be one."""
    found = access_lines.read(line.encode())
    assert found is not None
    return found


def test_the_combined_format() -> None:
    """All that it has is read; the query, which may hold secrets, is not."""
    found = read(COMBINED)
    assert (found.end, found.precision, found.seconds) == (NOON, 10**9, None)
    assert (found.method, found.path, found.status) == ("POST", "/save/m", 502)
    assert (found.client, found.agent, found.server) == ("10.0.0.9", 'a "b"', "")


@pytest.mark.parametrize(
    "added",
    [
        ' rt=0.250 uct="0.001" uht="-" urt="0.249" us="502"',
        " request_time=0.250 upstream_response_time=0.249 upstream_status=502 upstream_header_time=-",
        f' "203.0.113.5" rt=0.250 urt=0.249 us=502 uht=- {TRACEPARENT}',
    ],
)
def test_what_people_add_to_it(added: str) -> None:
    """What follows is read by its name, short or as nginx has it."""
    found = read(COMBINED + added)
    assert (found.seconds, found.upstream_seconds, found.upstream_status) == (0.25, 0.249, "502")
    assert found.upstream_answered is False
    assert found.trace_ids == ((TRACE_ID,) if "00-" in added else ())


@pytest.mark.parametrize(
    "held",
    [
        {"time_iso8601": "2026-11-24T13:00:00+01:00", "request": "POST /save/m HTTP/1.1", "status": "502",
         "request_time": "0.250", "upstream_status": "502", "upstream_header_time": "-",
         "content_length": "77", "http_user_agent": "a", "http_traceparent": TRACEPARENT},
        {"@timestamp": "2026-11-24T12:00:00.000Z", "url": {"path": "/save/m"}, "request_time": 0.25,
         "http": {"request": {"method": "POST"}, "response": {"status_code": 502}},
         "upstream_status": "502", "upstream_header_time": "-", "http.request.body.size": 77,
         "user_agent": {"original": "a"}, "trace": {"id": TRACE_ID}},
        {"ts": NOON / 1e9, "method": "POST", "uri": "/save/m", "statusCode": 502, "requestTime": "0.250",
         "upstreamStatus": "502", "upstreamHeaderTime": "-", "contentLength": "77", "userAgent": "a",
         "traceId": TRACE_ID},
    ],
)  # fmt: skip
def test_json_whatever_its_fields_are_called(held: dict[str, object]) -> None:
    """As nginx, Elastic or a person names them; nested or not, numbers or text."""
    found = read(json.dumps(held))
    assert (found.end, found.method, found.path, found.status) == (NOON, "POST", "/save/m", 502)
    assert (found.seconds, found.body_size, found.agent, found.trace_ids) == (0.25, 77, "a", (TRACE_ID,))
    assert found.upstream_answered is False


@pytest.mark.parametrize(
    "envelope",
    [
        "Nov 24 12:00:00 host nginx: {line}",
        "<190>Nov 24 12:00:00 host nginx: {line}",
        "2026-11-24T12:00:00.000000000Z stdout F {line}",
        "web-1  | {line}",
    ],
)
def test_a_line_in_an_envelope(envelope: str) -> None:
    """syslog, Kubernetes and compose put something before it."""
    for line in (
        COMBINED,
        json.dumps({"status": 502, "method": "POST", "path": "/save/m", "msec": "1795521600.000"}),
    ):
        assert read(envelope.format(line=line)).path == "/save/m"


def test_a_line_of_dockers_json() -> None:
    """docker's own log holds the line as text, whatever that is in turn."""
    inner = json.dumps(
        {"status": "499", "request_method": "POST", "request_uri": "/save/m", "msec": "1795521600.5"}
    )
    found = read(json.dumps({"log": inner + "\n", "stream": "stdout", "time": "2026-11-24T12:00:09Z"}))
    assert (found.status, found.end) == (499, NOON + 500_000_000)


@pytest.mark.parametrize(
    ("status", "flags", "meant", "answered"),
    [
        ("200", "----", 200, True),
        ("502", "SH--", 502, False),
        ("504", "sH--", 504, False),
        ("-1", "CH--", 499, False),
    ],
)
def test_haproxy(status: str, flags: str, meant: int, answered: bool) -> None:
    """HAProxy tells when a request came, how long it took, and who ended it."""
    line = (
        "Nov 24 12:00:01 host haproxy[14389]: 10.0.1.2:33317 [24/Nov/2026:12:00:00.250] http-in app/web1"
        f" 10/0/30/69/750 {status} 2750 - - {flags} 1/1/1/1/0 0/0 {{{TRACEPARENT}}} {{}}"
        ' "POST /save/m HTTP/1.1"'
    )
    found = read(line)
    assert (found.server, found.status, found.upstream_answered) == ("haproxy", meant, answered)
    assert (found.end, found.seconds, found.client) == (NOON + 10**9, 0.75, "10.0.1.2")
    assert (found.upstream_address, found.trace_ids) == ("app/web1", (TRACE_ID,))


@pytest.mark.parametrize(
    ("status", "extra", "cause"),
    [
        (413, {}, "front.too_large"), (499, {}, "front.client_gone"), (504, {}, "front.timeout"),
        (502, {"upstream_status": "502", "upstream_header_time": "-"}, "front.bad_gateway"),
        (502, {"upstream_status": "502"}, "front.bad_gateway"),
        (503, {"upstream_status": "503"}, "app.exception"),
        (502, {"upstream_status": "502, 502", "upstream_header_time": "-, 0.010"}, "app.exception"),
        (403, {"upstream_status": "403"}, "app.session"),
    ],
)  # fmt: skip
def test_who_gave_the_answer(status: int, extra: dict[str, str], cause: str) -> None:
    """A status is the front server's doing only where the app did not give it itself."""
    held = {"status": status, "method": "POST", "path": "/save/m", "time": "2026-11-24T12:00:00Z", **extra}
    (save,) = saves(read_log_lines([json.dumps(held).encode()], "log").spans)
    assert (save.outcome, cause_of(save).name) == ("failed", cause)


def test_only_what_may_store_is_a_save() -> None:
    """Without traces the method decides, and the others are counted."""
    lines = [
        COMBINED.replace("POST", method).encode()
        for method in ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")
    ]
    reading = read_log_lines(lines, "log")
    assert len(saves(reading.spans)) == 3
    assert [(skipped.why, skipped.count) for skipped in reading.skipped] == [("a request that is no save", 3)]


def test_a_200_is_no_success() -> None:
    """An app may tell of an error in an answer of 200: what the user got is not known."""
    (save,) = saves(read_log_lines([COMBINED.replace("502", "200").encode()], "log").spans)
    assert (save.outcome, save.answered) == ("unknown", "yes")
