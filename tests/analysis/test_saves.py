"""Saves out of spans: with our attributes, and with what plain OpenTelemetry gives."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_savetrace import attributes as names
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.otlp_json import read_path
from tests.fixture_spans import FAILED_PUT, RESET, SLOW_DOWN, Facts, Put, SpanFile, Try

ReadSaves = Callable[[], list[Save]]


def test_a_save_is_read_with_its_calls_and_attempts(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Time, outcome, code, what the user got, thing, calls and attempts are what was written."""
    trace_id = span_file.save(
        60.0, [FAILED_PUT], outcome="failed", savetrace__user_error="Unable to save", http__status_code=200
    )
    (save,) = read_saves()
    assert save.trace_id == trace_id
    assert save.time == datetime.datetime(2026, 11, 24, 12, 1, tzinfo=datetime.timezone.utc)
    assert save.seconds == pytest.approx(1.662)
    assert (save.outcome, save.error_code, save.user_error) == ("failed", "SlowDown", "Unable to save")
    assert (save.route, save.method, save.status_code) == ("POST /storymap/save/", "POST", 200)
    assert save.thing == {"storymap.user_id": "ada", "storymap.id": "my-map"}
    assert save.attempts_made == 3
    (call,) = save.calls
    assert (call.operation, call.key, call.failed) == ("PutObject", "storymapjs/ada/my-map/draft.json", True)
    assert (call.attempts_made, call.attempts_allowed) == (3, 3)
    assert call.content == ("crc32:00000001", 12_000)
    assert [attempt.outcome for attempt in call.attempts] == ["503 SlowDown"] * 3
    assert [attempt.backoff_seconds for attempt in call.attempts] == [None, 0.2, 1.4]
    assert [attempt.succeeded for attempt in call.attempts] == [False] * 3


def test_attempts_carry_what_the_wire_told(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Connection, its idle time and the head's length are read; one of these may be missing."""
    reused: Facts = {
        names.CONNECTION: names.REUSED,
        names.CONNECTION_IDLE_SECONDS: 61.0,
        names.HEADER_BYTES: 8_202,
    }
    span_file.save(puts=[Put([Try(facts=reused)])])
    span_file.save(1.0, puts=[Put([Try(facts={})])])
    told, untold = (save.calls[0].attempts[0] for save in read_saves())
    assert (told.connection, told.connection_idle_seconds, told.header_bytes) == ("reused", 61.0, 8_202)
    assert (untold.connection, untold.connection_idle_seconds, untold.header_bytes) == (None, None, None)


def test_plain_opentelemetry_gives_what_it_can(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Without our attributes a write makes a save; its end is unknown unless the status tells it."""
    span_file.save(0.0, [Put([SLOW_DOWN, SLOW_DOWN])], outcome=None)
    span_file.save(1.0, outcome=None, http__status_code=409)
    swallowed, refused = read_saves()
    assert (swallowed.outcome, swallowed.error_code, swallowed.attempts_made) == ("unknown", "SlowDown", 2)
    assert swallowed.calls[0].attempts == ()
    assert swallowed.thing == {}
    assert refused.outcome == "failed"


def test_a_request_that_only_reads_is_no_save(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A server span with nothing but reads below it, and no outcome, is left out."""
    span_file.save(0.0, [Put(operation="GetObject"), Put(operation="ListObjectsV2")], outcome=None)
    span_file.save(1.0, [Put(operation="GetObject"), Put(operation="UploadPart")], outcome=None)
    (save,) = read_saves()
    assert [call.operation for call in save.calls] == ["GetObject", "UploadPart"]


def test_a_save_that_never_reached_storage_is_one(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A failed save without any storage call is a save, with no calls."""
    span_file.save(0.0, [], outcome="failed", savetrace__error_code="302")
    (save,) = read_saves()
    assert (save.calls, save.error_code, save.attempts_made) == ((), "302", 0)


def test_both_names_of_http_attributes_are_understood(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """The stable names count where an instrumentation writes them, the old ones where it does not."""
    span = span_file.span("POST /x", 0.0, kind=SpanKind.SERVER)
    span.set_attributes({"http.request.method": "PUT", "http.response.status_code": 409, "http.route": "/x"})
    span.set_attribute(names.OUTCOME, "failed")
    span.end()
    (save,) = read_saves()
    assert (save.method, save.status_code, save.route) == ("PUT", 409, "PUT /x")


def test_a_storage_call_is_known_by_its_name_alone(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A sampler that drops a span's first attributes hides no call: `S3.PutObject` is enough."""
    server = span_file.span("POST /x", 0.0, kind=SpanKind.SERVER)
    between = span_file.span("save_json", 0.1, server)
    call = span_file.span("S3.PutObject", 0.2, between, SpanKind.CLIENT)
    for span in (call, between, server):
        span.end()
    (save,) = read_saves()
    assert [call.operation for call in save.calls] == ["PutObject"]


def test_calls_belong_to_the_nearest_request(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Of a service behind another the one that wrote is the save; the one in front is none."""
    front = span_file.span("POST /front", 0.0, kind=SpanKind.SERVER)
    back = span_file.span("POST /back", 0.1, front, SpanKind.SERVER)
    call = span_file.span("S3.PutObject", 0.2, back, SpanKind.CLIENT)
    for span in (call, back, front):
        span.end()
    (save,) = read_saves()
    assert save.span.name == "POST /back"


def test_the_code_of_a_call_is_found_wherever_it_is(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Our attribute, botocore's wording, the exception's class: the first that is there is the code."""
    for at, (attribute, message, thrown) in enumerate(
        [
            ("SlowDown", "An error occurred (Other)", "ClientError"),
            (None, "ClientError: An error occurred (AccessDenied) when calling", "ClientError"),
            (None, "it broke", "ReadTimeoutError"),
        ]
    ):
        server = span_file.span("POST /x", at, kind=SpanKind.SERVER)
        call = span_file.span("S3.PutObject", at, server, SpanKind.CLIENT)
        call.add_event("exception", {"exception.type": thrown})
        call.set_status(Status(StatusCode.ERROR, message))
        if attribute:
            call.set_attribute(names.ERROR_CODE, attribute)
        call.end()
        server.end()
    assert [save.error_code for save in read_saves()] == ["SlowDown", "AccessDenied", "ReadTimeoutError"]


def test_a_call_that_worked_has_no_code(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """An exception that the client met and mended on its way is not the call's error."""
    server = span_file.span("POST /x", 0.0, kind=SpanKind.SERVER)
    call = span_file.span("S3.PutObject", 0.1, server, SpanKind.CLIENT)
    call.add_event("exception", {"exception.type": "ReadTimeoutError"})
    call.end()
    server.end()
    (save,) = read_saves()
    assert (save.calls[0].error_code, save.error_code) == (None, None)


def test_the_thing_is_told_by_names_that_stand_on_calls_too(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Another instrumentation's attribute is no part of what was saved; who saved it always is."""
    span_file.save(0.0, tracing__vendor="x", enduser__id="ada@example.org")
    span_file.save(1.0, [], outcome="failed", tracing__vendor="x")
    first, second = read_saves()
    assert first.thing == {
        "storymap.user_id": "ada",
        "storymap.id": "my-map",
        "enduser.id": "ada@example.org",
    }
    assert second.thing == {"storymap.user_id": "ada", "storymap.id": "my-map"}


def test_without_names_of_the_users_bucket_and_key_are_the_thing(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Where no key pattern is set, the object written is what was saved."""
    server = span_file.span("POST /x", 0.0, kind=SpanKind.SERVER)
    server.set_attributes({names.OUTCOME: "succeeded", names.S3_BUCKET: "maps", names.S3_KEY: "a/b"})
    server.end()
    assert [save.thing for save in read_saves()] == [{names.S3_BUCKET: "maps", names.S3_KEY: "a/b"}]


def test_parents_in_a_circle_end_the_search(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A trace whose parents run in a circle is read like any other, and nothing hangs."""
    span_file.save()
    one = span_file.span("one", 1.0)
    two = span_file.span("two", 1.0, one)
    call = span_file.span("S3.PutObject", 1.0, two, SpanKind.CLIENT)
    for span in (call, two, one):
        span.end()
    ids = [f'"spanId":"{span.get_span_context().span_id:016x}"' for span in (one, two)]
    circle = f'{ids[0]},"parentS{ids[1][2:]}'
    span_file.path.write_text(span_file.path.read_text().replace(ids[0], circle))
    assert any(span.name == "one" and span.parent_span_id for span in read_path(span_file.path).spans)
    assert len(read_saves()) == 1


def test_saves_come_in_the_order_of_time(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """However the file is ordered, the oldest save is first; attempts within a call too."""
    later = span_file.save(10.0, [Put([RESET, Try()])])
    earlier = span_file.save(0.0)
    assert [save.trace_id for save in read_saves()] == [earlier, later]
    assert [attempt.outcome for attempt in read_saves()[1].calls[0].attempts] == ["connection reset", "200"]
