"""The document of `savetrace report --json` and the JSON Schema that ships with it hold each other."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.cause_codes import CAUSES
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import Report, Sample, SourceSeen
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save
from otel_savetrace.report.report_json import report_document, schema
from tests.analysis.made_incident import RESET, Fault, Moment, Rule, made_incident
from tests.fixture_report import NONE_FAILED, NOTHING, REPORT, UNEXPLAINED
from tests.fixture_spans import FAILED_PUT, Put, SpanFile

Document = dict[str, Any]
Place = tuple[str | int, ...]

OPTIONAL = {("sample",), ("episode_list",)}
"""What a document has only at times."""

OF_ANY_NAME = {"storymap"}
"""Objects whose keys are what users named."""

OF_ANY_TYPE = {"failed", "succeeded"}
"""In an episode's differences: whatever OTLP may hold."""

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.fixture
def whole(span_file: SpanFile, read_saves: Callable[[], list[Save]]) -> Document:
    """Make a document that has every field, with an episode that differs and one that nobody ended."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0, [Put(content=("crc32:2", 13_000))], odd=math.inf, list=["a", "b"])
    span_file.save(20.0, [FAILED_PUT], outcome="failed", storymap="other")
    counted = dataclasses.replace(REPORT, sample=Sample(12, 10, 399, 200))
    document = report_document(counted, episodes(read_saves()))
    loaded: Document = json.loads(json.dumps(document, allow_nan=False))
    assert loaded == document
    return loaded


def places(held: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every field and element, the document itself first."""
    yield place
    inside = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    for name, one in inside:
        yield from places(one, (*place, name))


def at(document: Document, place: Place) -> Any:
    """Return what stands at a place."""
    held: Any = document
    for name in place:
        held = held[name]
    return held


def accepted(document: Document, place: Place, change: Callable[[Any], None]) -> bool:
    """Return whether the schema accepts a document after a change to what holds the place."""
    changed = copy.deepcopy(document)
    change(at(changed, place[:-1]))
    return bool(VALIDATOR.is_valid(changed))


def test_the_schema_is_one() -> None:
    """What ships is itself a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_document_with_every_field_validates(whole: Document) -> None:
    """Verdicts with and without a condition, an episode with and without an end, all are accepted."""
    VALIDATOR.validate(whole)
    assert {verdict["condition"] is None for verdict in whole["verdicts"]} == {True, False}
    assert {episode["recovered_by"] is None for episode in whole["episode_list"]} == {True, False}
    assert {"sample", "episode_list"} <= whole.keys()


def test_a_missing_field_is_refused(whole: Document) -> None:
    """Each field of each object must be there, but for those that a document has only at times."""
    fields = [place for place in places(whole) if place and isinstance(place[-1], str)]
    free = {place for place in fields if place in OPTIONAL or OF_ANY_NAME.intersection(place[:-1])}

    def passes(place: Place) -> bool:
        return accepted(whole, place, lambda held: held.pop(place[-1]))

    assert {place for place in fields if passes(place)} == free


def test_a_field_of_a_wrong_type_is_refused(whole: Document) -> None:
    """An object where there is none, a list where there is one."""
    fields = [place for place in places(whole) if place]
    free = {place for place in fields if "differences" in place and OF_ANY_TYPE.intersection(place)}

    def passes(place: Place) -> bool:
        wrong: Any = [] if isinstance(at(whole, place), dict) else {"odd": 1}
        return accepted(whole, place, lambda held: held.__setitem__(place[-1], wrong))

    assert {place for place in fields if passes(place)} == free


def test_a_key_that_nobody_knows_is_refused(whole: Document) -> None:
    """In each object, but for the one whose keys users name."""
    objects = [place for place in places(whole) if isinstance(at(whole, place), dict)]
    free = {place for place in objects if OF_ANY_NAME.intersection(place)}

    def passes(place: Place) -> bool:
        return accepted(whole, (*place, "odd"), lambda held: held.__setitem__("odd", "x"))

    assert {place for place in objects if passes(place)} == free


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("schema",), "savetrace.report/2"),
        (("sources",), []),
        (("window", "start"), "2027-03-02 09:12:01"),
        (("saves", "failed"), -1),
        (("saves", "failed"), 1.5),
        (("errors", 0, "share"), 1.01),
        (("patterns",), []),
        (("patterns", 0, "pattern"), "dominant_error"),
        (("verdicts", 0, "cause"), "storage.haunted"),
        (("verdicts", 0, "confidence"), "certain"),
        (("verdicts", 0, "condition", "operator"), "~"),
        (("verdicts", 0, "because", 0, "p"), 2),
        (("verdicts", 0, "examples", 0, "failed"), "a" * 31),
        (("verdicts", 0, "examples", 0, "compare_url"), "no address"),
        (("episode_list", 0, "paired_by"), "luck"),
        (("episode_list", 0, "failed"), []),
    ],
)
def test_a_value_that_cannot_be_is_refused(whole: Document, place: Place, wrong: Any) -> None:
    """Words outside the vocabulary, shares over one, times that are none."""
    assert not accepted(whole, place, lambda held: held.__setitem__(place[-1], wrong))


def test_the_schema_has_the_table_of_causes() -> None:
    """A cause of the code's table is one of the schema, and the other way round, in the same order."""
    assert schema()["$defs"]["verdict"]["properties"]["cause"]["enum"] == list(CAUSES)


def stale(moment: Moment) -> Fault | None:
    """Connections that idled long are closed."""
    return RESET if moment.reused and moment.idle > 8.0 else None


def two_causes(moment: Moment) -> Fault | None:
    """The store slows down by chance, and one worker fails now and then."""
    if moment.chance.random() < 0.05:
        return Fault("SlowDown")
    return Fault("ValueError", names.APP, None) if moment.pid == 4_703 else None


def unknown_code(moment: Moment) -> Fault | None:
    """The store says what nobody has heard of."""
    return Fault("Haunted", names.STORAGE, 418) if moment.chance.random() < 0.1 else None


def none(_: Moment) -> Fault | None:
    """Let everything work."""
    return None


def made(rule: Rule) -> tuple[Report, list[Save]]:
    """Make the report of an incident, as of a Jaeger."""
    held = made_incident(3, rule, saves=120)
    source = SourceSeen("jaeger", "http://jaeger", 3 * len(held), len(held), ())
    told = episodes(held)
    return make_report((source,), held, told, lambda _: True, (), "http://jaeger"), held


@pytest.mark.parametrize("rule", [stale, two_causes, unknown_code, none])
def test_a_report_that_the_analysis_makes_validates(rule: Rule) -> None:
    """Whatever was found, with each episode, the document fits its schema and survives JSON."""
    report, held = made(rule)
    document = report_document(report, episodes(held))
    VALIDATOR.validate(json.loads(json.dumps(document, allow_nan=False)))


@pytest.mark.parametrize("report", [NOTHING, NONE_FAILED, UNEXPLAINED])
def test_a_report_of_little_validates(report: Report) -> None:
    """No save, no failure and no cause are documents too; without episodes there is no list of them."""
    document = report_document(report)
    VALIDATOR.validate(document)
    assert "episode_list" not in document
