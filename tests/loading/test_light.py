"""What is kept of every save is the same however it was read, and may take more room than memory has."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as some

from otel_savetrace import attributes as names
from otel_savetrace.analysis.requests import Request
from otel_savetrace.analysis.saves import Save, thing_of
from otel_savetrace.loading.choosing import Bounds, choose
from otel_savetrace.loading.light import LightTable
from otel_savetrace.loading.light_row import COLUMNS, Named, row_of
from otel_savetrace.loading.light_shape import Shapes
from otel_savetrace.spans.otlp import Place
from otel_savetrace.spans.otlp_outline import Outline, span_of_outline

PLACE = Place({"service.name": "maps", "service.instance.id": "a"}, "maps", "flask", "1")

TEXT = some.sampled_from(["a", "b", "é", "409"]).map(lambda text: {"stringValue": text})
VALUES = some.one_of(
    TEXT, TEXT, TEXT, TEXT, TEXT,
    some.just({"stringValue": ""}),
    some.sampled_from([0, 5, 409, 2**64]).map(lambda number: {"intValue": str(number)}),
    some.just({"boolValue": True}),
    some.just({"doubleValue": 0.5}),
    some.just({"arrayValue": {"values": [{"stringValue": "a"}]}}),
    some.just({}),
)  # fmt: skip
NAMES = some.sampled_from(
    [
        "map.id", "map.user_id", "map.file", "client.id", "session", "http.route", "http.method",
        "http.request.method", "http.status_code", "http.user_agent", "user_agent.original", names.S3_BUCKET,
        names.S3_KEY, names.ERROR_CODE, names.STAGE, names.PREVIOUS_TRACE_ID, names.PAIRED_BY, names.KEY_LEN,
        names.HEADER_BYTES, names.REQUEST_BODY_SIZE, names.APP_VERSION, names.PROCESS_ID,
    ]
)  # fmt: skip
OUTCOMES = some.sampled_from([names.SUCCEEDED, names.FAILED, "unheard of"])


@given(
    held=some.dictionaries(NAMES, VALUES, max_size=6),
    outcome=OUTCOMES,
    known=some.sampled_from([frozenset[str](), frozenset({"map.id"})]),
)
def test_a_row_is_the_same_whether_its_span_was_read_or_not(
    held: dict[str, Any], outcome: str, known: frozenset[str]
) -> None:
    """A row made straight from a span's bytes says what the analysis says of the span."""
    told = {**held, names.OUTCOME: {"stringValue": outcome}}
    listed = [{"key": name, "value": value} for name, value in told.items()]
    outline = Outline(
        "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "5", 2**64 - 1, name="POST /save", kind=2,
        attributes=msgspec.Raw(msgspec.json.encode(listed)),
    )  # fmt: skip
    named = Named()
    made = Shapes(known, named).row(0, outline, PLACE, None)
    # Else the span is read, and the row made of that.
    assume(made is not None)
    assert made is not None
    span = span_of_outline(outline, PLACE)
    save = Save(span, (), thing_of(Request(span, ()), known))
    assert dict(zip(COLUMNS, made[0], strict=True)) == dict(
        zip(COLUMNS, row_of(0, save, named, fits=True), strict=True)
    )


def test_what_most_saves_hold_is_not_read_with_care() -> None:
    """Text and numbers, as captured, need no second look."""
    listed = [
        {"key": names.OUTCOME, "value": {"stringValue": names.SUCCEEDED}},
        {"key": "map.id", "value": {"stringValue": "a"}},
        {"key": "http.status_code", "value": {"intValue": "200"}},
        {"key": "map.shared", "value": {"boolValue": True}},
    ]
    outline = Outline(
        "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "5", "6", name="POST /save", kind=2,
        attributes=msgspec.Raw(msgspec.json.encode(listed)),
    )  # fmt: skip
    assert Shapes(frozenset(), Named()).row(0, outline, PLACE, None) is not None


def test_what_does_not_fit_into_memory_lies_on_disk(tmp_path: Path) -> None:
    """Of more saves than memory is allowed for, each is counted once and the failed ones are chosen."""
    chance = random.Random(1)  # noqa: S311 - no secret
    held, failed = 200_000, 300
    with LightTable(tmp_path, memory="64MB") as table:
        for number in range(held):
            who = chance.getrandbits(60)
            fails = number < failed
            told = {
                "trace": number + 1, "span": 1, "starts": who, "outcome": not fails, "failing": fails,
                "fits": 1, "kind": fails, "route": 1, "who": who, "what": who, "alike": who,
            }  # fmt: skip
            table.add([told.get(name, 0) for name in COLUMNS])
        table.add([told.get(name, 0) for name in COLUMNS])
        table.finish()
        assert table.saves_by_source() == {0: held}
        chosen = choose(table.database, 1_800.0, Bounds(in_full=0))
    assert set(range(1, failed + 1)) <= chosen
    assert len(chosen) < held // 10


def test_spans_are_counted_once(tmp_path: Path) -> None:
    """A span that a source holds twice is one; what two sources hold counts for both."""
    ids = [(f"{number:032x}", f"{number:016x}") for number in range(20_000)]
    with LightTable(tmp_path) as table:
        table.see(0, ids)
        table.see(0, ids[:500])
        table.see(1, ids[:700])
        assert table.spans_by_source() == {0: 20_000, 1: 700}
