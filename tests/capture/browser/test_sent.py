"""What a body must be to be taken: nothing that our script does not send gets past, and nothing raises."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from otel_savetrace import attributes as attribute
from otel_savetrace.attributes import BROWSER_SCOPE, REGISTRY
from otel_savetrace.capture.browser.sent import MOST_SPANS, NotOursError, read
from tests.capture.browser.sending import SPAN_ID, TRACE_ID, request, span

SECOND = 10**9
DAY = 86_400 * SECOND


def body(*spans: Any, **options: Any) -> bytes:
    """Write a body."""
    return json.dumps(request(*spans, **options)).encode()


def around(**seconds: int) -> dict[str, Any]:
    """Make times, in seconds from now."""
    now = time.time_ns()
    return {f"{name}TimeUnixNano": str(now + shift * SECOND) for name, shift in seconds.items()}


def test_a_span_is_read_whole() -> None:
    """What the script says is what is read."""
    (read_back,) = read(body(span({attribute.OUTCOME: "failed"})))
    assert (read_back.trace_id, read_back.span_id, read_back.parent_span_id) == (TRACE_ID, SPAN_ID, None)
    assert read_back.ended - read_back.started == SECOND
    assert (read_back.name, read_back.kind, read_back.status) == ("POST /save", 3, 0)
    assert (read_back.attributes, read_back.links) == ({attribute.OUTCOME: "failed"}, ())
    assert read_back.version == "0.1.0"


def test_numbers_are_read_as_the_registry_has_them() -> None:
    """JavaScript has one kind: a double may come without a fraction, as an int does."""
    for told, meant in ((2, 2.0), (2.5, 2.5)):
        (read_back,) = read(body(span({attribute.SECONDS_SINCE_FAILURE: told})))
        assert repr(read_back.attributes[attribute.SECONDS_SINCE_FAILURE]) == repr(meant)
    as_text = span()
    as_text["attributes"] = [{"key": attribute.SAVE_ATTEMPT, "value": {"intValue": "3"}}]
    assert read(body(as_text))[0].attributes == {attribute.SAVE_ATTEMPT: 3}


def test_what_is_not_registered_for_browsers_is_left_out() -> None:
    """Another version's attribute costs no report; one that only the app may write is not taken."""
    (read_back,) = read(body(span({"savetrace.later": "x", attribute.PROCESS_ID: 1, "service.name": "y"})))
    assert read_back.attributes == {}


def test_texts_are_held_to_their_limits() -> None:
    """By bytes; half a character, which no exporter can send, is replaced."""
    made = span({attribute.USER_ERROR: "\u00e9" * 1_000, attribute.ERROR_CODE: "\ud800"}, name="n" * 1_000)
    (read_back,) = read(body(made))
    assert len(str(read_back.attributes[attribute.USER_ERROR]).encode()) <= 250
    assert read_back.attributes[attribute.ERROR_CODE] == "?"
    assert len(read_back.name) <= 250


WRONG: dict[str, Callable[[], bytes]] = {
    "no JSON": lambda: b"{",
    "not UTF-8": lambda: b'{"a": "\xff"}',
    "a list": lambda: b"[]",
    "too deep": lambda: b"[" * 60_000,
    "too long a number": lambda: b'{"a": ' + b"9" * 60_000 + b"}",
    "no number": lambda: body(span({attribute.SECONDS_SINCE_FAILURE: float("nan")})),
    "endless": lambda: body(span({attribute.SECONDS_SINCE_FAILURE: float("inf")})),
    "another scope": lambda: body(span(), scope={"name": attribute.SCOPE, "version": "0.1.0"}),
    "no scope": lambda: body(span(), scope={}),
    "no version": lambda: body(span(), scope={"name": BROWSER_SCOPE}),
    "an odd version": lambda: body(span(), scope={"name": BROWSER_SCOPE, "version": "<b>"}),
    "too many spans": lambda: body(*[span()] * (MOST_SPANS + 1)),
    "spans that are none": lambda: body("span"),
    "no trace id": lambda: body(span(traceId=None)),
    "a trace id of zeros": lambda: body(span(traceId="0" * 32)),
    "a short trace id": lambda: body(span(traceId="ab")),
    "upper case": lambda: body(span(spanId=SPAN_ID.upper())),
    "a span id and a line end": lambda: body(span(spanId=SPAN_ID + "\n")),
    "a number for an id": lambda: body(span(spanId=1)),
    "an odd parent": lambda: body(span(parentSpanId="x")),
    "a server's span": lambda: body(span(kind=2)),
    "true for a kind": lambda: body(span(kind=True)),
    "no kind": lambda: body(span(kind=None)),
    "an odd status": lambda: body(span(status={"code": 7})),
    "a status that is none": lambda: body(span(status="ok")),
    "no name": lambda: body(span(name=None)),
    "before last week": lambda: body(span(**around(start=-3 * 86_400, end=0))),
    "the day after tomorrow": lambda: body(span(**around(start=0, end=2 * 86_400))),
    "an end before the start": lambda: body(span(**around(start=0, end=-1))),
    "a time that is none": lambda: body(span(startTimeUnixNano="now")),
    "a time with a fraction": lambda: body(span(endTimeUnixNano=time.time() * 1e9)),
    "a text for a number": lambda: body(span({attribute.SAVE_ATTEMPT: "2"})),
    "a truth for a number": lambda: body(span({attribute.SAVE_ATTEMPT: True})),
    "a number beyond 64 bits": lambda: body(span({attribute.SAVE_ATTEMPT: 2**63})),
    "a number for a text": lambda: body(span({attribute.OUTCOME: 1})),
    "attributes that are none": lambda: body(span(attributes={"a": 1})),
    "an attribute without a name": lambda: body(span(attributes=[{"value": {}}])),
    "an attribute without a value": lambda: body(span(attributes=[{"key": attribute.OUTCOME}])),
    "too many attributes": lambda: body(span({f"a{number}": 1 for number in range(65)})),
    "too many links": lambda: body(span(links=[{"traceId": TRACE_ID, "spanId": SPAN_ID}] * 9)),
    "an odd link": lambda: body(span(links=[{"traceId": TRACE_ID}])),
}


@pytest.mark.parametrize("made", WRONG.values(), ids=WRONG)
def test_what_our_script_does_not_send_is_refused(made: Callable[[], bytes]) -> None:
    """Whatever is wrong with one span refuses the body, by one kind of error."""
    with pytest.raises(NotOursError):
        read(made())


@pytest.mark.parametrize("times", [(-86_400 - 3_600, -86_400), (0, 0), (80_000, 80_001)])
def test_late_spans_and_wrong_clocks_are_taken(times: tuple[int, int]) -> None:
    """What a browser kept for a day, and one whose clock is a time zone ahead."""
    assert len(read(body(span(**around(start=times[0], end=times[1]))))) == 1


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
PARTS = (
    "traceId",
    "spanId",
    "parentSpanId",
    "name",
    "kind",
    "startTimeUnixNano",
    "status",
    "attributes",
    "links",
)


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(PARTS), JSON, some.sampled_from(sorted(REGISTRY)), JSON)
def test_anything_at_all_is_read_or_refused(part: str, held: Any, name: str, told: Any) -> None:
    """No value in any place raises anything else, and what is read is of the registered type and length."""
    made = span(**{part: held})
    if isinstance(made.get("attributes"), list):
        made["attributes"].append({"key": name, "value": told})
    try:
        spans = read(json.dumps(request(made)).encode())
    except NotOursError:
        return
    types = {"string": str, "int": int, "double": float, "boolean": bool}
    for one in spans:
        for key, value in one.attributes.items():
            assert "browser" in REGISTRY[key].stands_on
            assert type(value) is types[REGISTRY[key].type]
            assert not isinstance(value, str) or len(value.encode()) <= (REGISTRY[key].limit or 0)


@given(some.binary(max_size=200))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    """Nor do bytes that are no JSON."""
    with contextlib.suppress(NotOursError):
        read(sent)
