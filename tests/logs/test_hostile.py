"""Whatever stands in a log, reading it ends, soon, and counts every line that it could not use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_savetrace.analysis.known_routes import Template
from otel_savetrace.analysis.saves import saves
from otel_savetrace.logs import access_lines
from otel_savetrace.logs.reading import is_log, read_log_lines

PIECES = st.sampled_from(
    [
        b"[SAVE_ATTEMPT] ",
        b"[SAVE_SUCCESS] ",
        b"[STORAGE_ERROR] ",
        b"[SAVE_UNKNOWN] ",
        b"save_json: key=a/b",
        b"... ",
        b" key_len=12 ",
        b" content_size=9 ",
        b"ClientError: SlowDown in put()",
        b"Key: a/b (len=3)",
        b"Error response: {'Error': {",
        b"}}",
        b" trace_id=" + b"a" * 32 + b" span_id=" + b"b" * 16,
        b"\n",
        b"[2026-11-24 12:00:00 +0000] [11] ",
        b"Nov 24 12:00:00 host app[1]: ",
        b'{"log":"',
        b'"}',
        b"\\",
        b'1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "POST /save/a HTTP/1.1" 502 1 "-" "agent"',
        b"\xff",
        b'{"status":"502","request_method":"POST","request_uri":"/a","msec":"1764000000.5"}',
        b"9" * 30,
        b"[CRITICAL] WORKER TIMEOUT (pid:11)",
        b"Feb 30 25:61:61 ",
        b"[99/Xxx/9999:99:99:99 +9999] ",
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=40).map(b"".join)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read(text: bytes) -> None:
    """No line breaks the reading, and each is a save's or counted."""
    lines = text.splitlines(keepends=True)
    is_log(lines)
    reading = read_log_lines(lines, "log")
    found = saves(reading.spans)
    assert len(found) + sum(skipped.count for skipped in reading.skipped) <= 2 * len(lines)
    assert all(save.time.year >= 1970 for save in found)


LONG = 200_000


@pytest.mark.parametrize(
    "line",
    [
        b"[SAVE_ATTEMPT] f: key=" + b" key_len=" * (LONG // 9),
        b"[SAVE_ATTEMPT] " + b"a" * LONG,
        b"[STORAGE_ERROR] " + b"Error: " * (LONG // 7),
        b"[STORAGE_ERROR] ClientError: X" + b" in f()" * (LONG // 7) + b"!",
        b"[STORAGE_ERROR] ClientError: (" + b"An error occurred (" * (LONG // 19),
        b"[STORAGE_ERROR] Error response: " + b"'Code': '" * (LONG // 9),
        b"-" * LONG + b"[SAVE_ATTEMPT]",
        b"a[" * (LONG // 2) + b"[SAVE_ATTEMPT]",
        b"2026-11-24 " * (LONG // 11) + b"[SAVE_ATTEMPT]",
        b'"' * LONG,
        b'a "' * (LONG // 3) + b"[24/Nov/2026:12:00:00 +0000] " + b'"' * LONG,
        b"1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] " + b'"POST /' + b'\\"' * LONG,
        b'1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "POST /a HTTP/1.1" 200 1 "-" "-" ' + b"a=" * LONG,
        b'1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "POST /a HTTP/1.1" 200 1 "-" "-" ' + b"00-" * LONG,
        b"h [24/Nov/2026:12:00:00.000] " + b"1/" * LONG,
        b"[24/Nov/2026:12:00:00 +0000] " * (LONG // 29),
        b'{"a":' * (LONG // 5) + b"}",
        b'{"log":"' * (LONG // 8) + b'"}',
        b"{" * LONG + b"}",
    ],
)
@pytest.mark.timeout(60)
def test_no_line_is_slow(line: bytes) -> None:
    """A line made to keep a pattern busy is read to its end: one that is not would take for ever."""
    reading = read_log_lines([line] * 10, "log")
    assert len(saves(reading.spans)) + sum(skipped.count for skipped in reading.skipped) >= 10


@pytest.mark.timeout(60)
def test_a_hostile_path_is_quick() -> None:
    """A path that nearly fits a route in countless ways is held against it in one pass."""
    template = Template.of("/a/<x>-<y>-<z>-<v>-<w>/<path:rest>/end/<path:more>/z")
    assert template.values("/a/" + "-" * 4_000 + "/end" * 1_000) is None


@pytest.mark.parametrize(
    "line",
    [
        b'1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"',
        b'1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "-" 408 0 "-" "-"',
        b'1.2.3.4 - - [31/Feb/2026:12:00:00 +0000] "POST / HTTP/1.1" 200 1 "-" "-"',
        b'{"status":200,"method":"POST"}',
        b'{"status":"two hundred","method":"POST","path":"/a","time":"2026-11-24T12:00:00Z"}',
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    """A line without a method, a path, a status or a time is no request."""
    assert access_lines.read(line) is None
