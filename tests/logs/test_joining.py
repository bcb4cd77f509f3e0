"""Which line is joined to which save: by id, by time and request; in doubt to none."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_savetrace import attributes as names
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.known_routes import Routes, Template
from otel_savetrace.analysis.matching import Sight, match
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.witnesses import (
    APP_STATUS,
    FRONT_STATUS,
    UPSTREAM_ADDRESS,
    WITNESSES,
)
from otel_savetrace.logs.joining import SENT_AGAIN, join
from otel_savetrace.logs.reading import read_log_lines
from otel_savetrace.spans.reading import Reading
from otel_savetrace.spans.rows import AttributeValue, Span
from tests.analysis.made_saves import NOON, made_save

SECOND = 10**9
AMBIGUOUS = "a request in a log that fits several saves, or a save that several requests fit: not joined"


def a_span(
    name: str, at: float, seconds: float = 0.2, *, path: str = "/save/m", **held: AttributeValue
) -> Span:
    """Make a request's span as Flask's instrumentation writes it, of a save that worked."""
    thing = path.rpartition("/")[2]
    made = made_save(name, at, seconds=seconds, route="/save/<storymap_id>", thing=thing).span
    return dataclasses.replace(made, attributes={**made.attributes, "http.target": path, **held})


def a_line(
    at: float, seconds: float | None = 0.25, status: int = 200, path: str = "/save/m", **held: str
) -> bytes:
    """Write a line of nginx for a request that began `at` seconds from noon."""
    end = (NOON + round((at + (seconds or 0)) * SECOND)) / SECOND
    told: dict[str, object] = {"msec": f"{end:.3f}", "method": "POST", "path": path, "status": status, **held}
    if seconds is not None:
        told["request_time"] = f"{seconds:.3f}"
    return json.dumps(told).encode()


def joined(spans: Sequence[Span], *logs: Sequence[bytes]) -> tuple[list[Save], list[Reading]]:
    """Join logs to traces as the commands do; return all saves, oldest first, and the logs' readings."""
    routes = Routes(saves(spans))
    told, readings = join(
        spans, [read_log_lines(log, f"log {number}", routes) for number, log in enumerate(logs)]
    )
    rows = [told.get((span.trace_id, span.span_id), span) for span in spans]
    return saves([*rows, *(span for reading in readings for span in reading.spans)]), readings


def skipped(reading: Reading) -> Mapping[str, int]:
    """Return how much was not read, or not joined, and why."""
    return {one.why: one.count for one in reading.skipped}


@pytest.mark.parametrize("clock", [-0.9, 0.0, 0.9])
def test_clocks_may_differ_by_a_second(clock: float) -> None:
    """A line and a save of one request are one though two hosts' clocks disagree."""
    found, _ = joined([a_span("one", 0.0), a_span("two", 10.0)], [a_line(clock - 0.01), a_line(clock + 9.99)])
    assert [save.span.attributes[WITNESSES] for save in found] == ["trace, nginx access log"] * 2


def test_more_than_a_second_is_another_request() -> None:
    """What came two seconds later was another request, that left no trace."""
    found, _ = joined([a_span("one", 0.0)], [a_line(2.5)])
    assert [save.span.attributes.get(WITNESSES) for save in found] == [None, "nginx access log"]


def test_two_that_fit_one_are_joined_to_none() -> None:
    """Two saves of one thing within a second, one of which failed: whose failure it was is not guessed."""
    found, (log,) = joined([a_span("one", 0.0), a_span("two", 0.5)], [a_line(0.1, status=499), a_line(0.4)])
    assert [save.outcome for save in found] == ["succeeded", "succeeded"]
    assert skipped(log) == {AMBIGUOUS: 2}


@pytest.mark.parametrize(
    ("spans", "lines"),
    [
        ([{"path": "/save/a"}, {"path": "/save/b"}], [{"path": "/save/a"}, {"path": "/save/b"}]),
        ([{"http__status_code": 200}, {"http__status_code": 302}], [{"status": 200}, {"status": 302}]),
        ([{"http__user_agent": "a"}, {"http__user_agent": "b"}], [{"agent": "a"}, {"agent": "b"}]),
        (
            [{names.REQUEST_BODY_SIZE: 7}, {names.REQUEST_BODY_SIZE: 8}],
            [{"content_length": "7"}, {"content_length": "8"}],
        ),
    ],
)
def test_what_both_tell_tells_them_apart(
    spans: list[dict[str, AttributeValue]], lines: list[dict[str, str]]
) -> None:
    """At one moment path, status, program or size of a request say which is which."""
    made = [
        a_span(str(number), 0.1 * number, **{name.replace("__", "."): value for name, value in held.items()})  # type: ignore[arg-type]
        for number, held in enumerate(spans)
    ]
    found, (log,) = joined(made, [a_line(0.1 * number, **held) for number, held in enumerate(lines)])  # type: ignore[arg-type]
    assert (len(found), skipped(log)) == (2, {})
    assert all(FRONT_STATUS in save.span.attributes for save in found)


def test_many_joined_tell_how_the_clocks_differ() -> None:
    """Where hosts' clocks are seen to agree, a failure and its retry half a second later are told apart."""
    alone = [10.0 * number for number in range(1, 31)]
    spans = [a_span(f"at {at}", at) for at in (*alone, 500.0, 500.6)]
    lines = [a_line(at - 0.02) for at in (*alone, 500.0, 500.6)]
    found, (log,) = joined(spans, lines)
    assert (len(found), skipped(log)) == (32, {})


def test_a_trace_id_counts_for_more_than_time() -> None:
    """A line with a trace id is of that trace, however far the clocks are apart, and of no other."""
    spans = [a_span("one", 0.0), a_span("two", 0.5), a_span("without a line", 0.7)]
    lines = [
        a_line(100.0, status=499, trace_id=spans[1].trace_id),
        a_line(0.0, request_id=spans[0].trace_id),
        a_line(0.7, trace_id="f" * 32),
    ]
    found, (log,) = joined(spans, lines)
    assert skipped(log) == {}
    assert [save.outcome for save in found if save.trace_id == spans[1].trace_id] == ["failed"]
    assert len(found) == 4, "a trace id that is in no trace is a save of its own"


@pytest.mark.parametrize("clock", [-0.9, 0.0, 0.9])
def test_a_request_that_was_sent_again(clock: float) -> None:
    """Two requests of one trace and path have each its own line, in whatever order and by whatever clock."""
    first = a_span("one", 0.0, 2.0)
    second = dataclasses.replace(a_span("one", 0.5, 0.2), span_id="5" * 16)
    lines = [
        a_line(clock - 0.01, 0.4, 499, trace_id=first.trace_id),
        a_line(clock + 0.49, 0.25, trace_id=first.trace_id),
    ]
    for log in (lines, lines[::-1]):
        found, (reading,) = joined([first, second], log)
        assert [save.span.attributes.get(FRONT_STATUS) for save in found] == [499, 200]
        assert skipped(reading) == {}


def test_a_request_that_was_sent_again_before_it_came_to_the_app() -> None:
    """A line of a request that broke off at once is no save beside those of its trace, and is counted."""
    first = a_span("one", 0.0, 2.0)
    second = dataclasses.replace(a_span("one", 0.5, 0.2), span_id="5" * 16)
    times = [(-0.01, 0.4, 499), (0.42, 0.0, 499), (0.49, 0.25, 200)]
    log = [a_line(at, seconds, status, trace_id=first.trace_id) for at, seconds, status in times]
    found, (reading,) = joined([first, second], log)
    assert [save.span.attributes.get(FRONT_STATUS) for save in found] == [499, 200]
    assert skipped(reading) == {SENT_AGAIN: 1}


def test_a_server_that_tried_again_has_one_line() -> None:
    """Of two saves of a trace, the first of which the front gave up for another, it tells of the last."""
    first = a_span("one", 0.0, 0.2)
    second = dataclasses.replace(a_span("one", 0.5, 0.2), span_id="5" * 16)
    found, (reading,) = joined([first, second], [a_line(-0.01, 0.8, trace_id=first.trace_id)])
    assert [save.span.attributes.get(FRONT_STATUS) for save in found] == [None, 200]
    assert skipped(reading) == {}


def test_who_was_killed_is_known_by_two() -> None:
    """A span without an answer and a 502 of the front: the worker ended, and the user was told so."""
    begun = a_span("killed", 0.0, 30.0)
    held = {
        name: value
        for name, value in begun.attributes.items()
        if name not in {names.OUTCOME, "http.status_code"}
    }
    killed = dataclasses.replace(begun, attributes=held)
    found, _ = joined([killed, a_span("other", 60.0)], [a_line(0.0, 30.1, 502), a_line(60.0)])
    assert (found[0].outcome, cause_of(found[0]).name) == ("failed", "process.killed")
    assert found[0].user_error == "502 Bad Gateway"


def test_an_apps_own_refusal_stays_its_own() -> None:
    """A 503 that the app gave and the front passed on is no failure of the front."""
    refused: dict[str, AttributeValue] = {names.OUTCOME: names.FAILED, "http.status_code": 503}
    span = a_span("no", 0.0, **refused)  # type: ignore[arg-type]  # attributes alone
    found, _ = joined([span], [a_line(0.0, status=503)])
    assert APP_STATUS not in found[0].span.attributes
    assert not cause_of(found[0]).name.startswith("front.")


def test_servers_in_a_row_are_one_save() -> None:
    """HAProxy before nginx before gunicorn, each with its log, and a trace: one save, four witnesses."""
    span = a_span("one", 0.0)
    haproxy = (
        b"10.0.1.2:1 [24/Nov/2026:11:59:59.990] in app/web1 0/0/0/240/250 200 10 - - ---- 1/1/1/1/0 0/0"
        b' "POST /save/m HTTP/1.1"'
    )
    moment = datetime.datetime.fromtimestamp(NOON / SECOND, tz=datetime.timezone.utc)
    gunicorn = moment.strftime(
        '127.0.0.1 - - [%d/%b/%Y:%H:%M:%S +0000] "POST /save/m HTTP/1.1" 200 2 "-" "-"'
    ).encode()
    haproxy = haproxy.replace(
        b"24/Nov/2026:11:59:59.990",
        (moment - datetime.timedelta(seconds=0.01)).strftime("%d/%b/%Y:%H:%M:%S.990").encode(),
    )
    nginx = a_line(0.0, upstream_addr="10.0.0.7:8000")
    for order in ([haproxy], [nginx], [gunicorn]), ([gunicorn], [haproxy], [nginx]):
        found, logs = joined([span], *order)
        (save,) = found
        assert Counter(str(save.span.attributes[WITNESSES]).split(", ")) == Counter(
            ["trace", "haproxy access log", "nginx access log", "access log"]
        )
        assert [skipped(log) for log in logs] == [{}, {}, {}]
    alone, _ = joined([], [nginx], [gunicorn], [haproxy])
    assert len(alone) == 1
    assert save.span.attributes[UPSTREAM_ADDRESS] in {"10.0.0.7:8000", "app/web1"}


def test_a_request_without_a_trace_is_of_its_thing() -> None:
    """What is too large never reaches the app: its line knows route and thing by the traces of others."""
    found, _ = joined([a_span("one", 0.0, path="/save/other")], [a_line(50.0, 0.01, 413, "/save/m")])
    refused = found[1]
    assert (refused.outcome, refused.route, refused.thing) == (
        "failed", "POST /save/<storymap_id>", {"map.id": "m"}
    )  # fmt: skip
    assert refused.span.service == "storymap"


def test_only_routes_that_save_are_saves() -> None:
    """Where traces are there, a POST to another route is none."""
    found, (log,) = joined([a_span("one", 0.0)], [a_line(0.0), a_line(1.0, status=502, path="/login")])
    assert (len(found), skipped(log)) == (1, {"a request that is no save": 1})


@pytest.mark.parametrize(
    ("route", "path", "values"),
    [
        ("/save/<storymap_id>", "/save/m", {"storymap_id": "m"}),
        ("/save/<storymap_id>", "/save/m/n", None),
        ("/save/<int:number>.json", "/save/7.json", {"number": "7"}),
        ("/files/<path:name>", "/files/a/b", {"name": "a/b"}),
        ("/maps/{map_id}/slides/{slide}", "/maps/m/slides/3", {"map_id": "m", "slide": "3"}),
        ("/maps/:id", "/maps/m", {"id": "m"}),
        ("/save/", "/save/", {}),
        ("/save/", "/save", None),
        ("/save/<a>", "/save/", None),
    ],
)
def test_routes_as_frameworks_write_them(route: str, path: str, values: Mapping[str, str] | None) -> None:
    """A path is of a route where each of its variables has a value."""
    assert Template.of(route).values(path) == values


TIMES = st.lists(st.integers(0, 30 * SECOND), min_size=1, max_size=12)


@given(TIMES, TIMES)
def test_no_save_has_two_lines_and_no_line_two_saves(lines: list[int], ends: list[int]) -> None:
    """Whatever the times, a pair is one of one with one, and the ambiguous ones are in no pair."""
    made = match(
        {number: Sight((at, at), (at, at), "POST", "/save") for number, at in enumerate(lines)},
        {number: Sight((at, at), (at, at), "POST", "/save") for number, at in enumerate(ends)},
    )
    for side in zip(*made.pairs, strict=True):
        assert len(set(side)) == len(side)
    assert not made.ambiguous & {line for line, _ in made.pairs}
    for line, save in made.pairs:
        assert abs(lines[line] - ends[save]) <= SECOND
        others = [at for number, at in enumerate(ends) if number != save and abs(at - lines[line]) <= SECOND]
        assert not others
