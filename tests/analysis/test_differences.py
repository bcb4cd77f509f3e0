"""Two saves held against each other: paired calls, what differs, what is equal, what is noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from otel_savetrace import attributes as names
from otel_savetrace.analysis.calls import call_name
from otel_savetrace.analysis.differences import CallPair, Comparison, compare
from otel_savetrace.analysis.saves import Save
from tests.fixture_spans import FAILED_PUT, RESET, SLOW_DOWN, Facts, Put, SpanFile, Try

ReadSaves = Callable[[], list[Save]]


def differing(comparison: Comparison) -> list[tuple[str, str, object, object]]:
    """Say what differed before the outcome."""
    return [
        (found.attribute, found.where, found.a, found.b)
        for found in comparison.differences
        if not found.consequence
    ]


def names_of(pairs: tuple[CallPair, ...]) -> list[tuple[str | None, str | None]]:
    """Say which calls stand beside each other."""
    return [(call_name(pair.a) if pair.a else None, call_name(pair.b) if pair.b else None) for pair in pairs]


def test_a_reused_connection_and_a_longer_head_stand_out(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """What differs in the first attempts is told once, with the attempt it stands on, and nothing else."""
    reused: Facts = {
        names.CONNECTION: names.REUSED,
        names.CONNECTION_IDLE_SECONDS: 61.0,
        names.HEADER_BYTES: 8_202,
    }
    span_file.save(0.0, [Put([dataclasses.replace(RESET, facts=reused)])], outcome="failed")
    span_file.save(10.0)
    comparison = compare(*read_saves())
    assert differing(comparison) == [
        (names.HEADER_BYTES, "attempt 1", 8_202, 901),
        (names.CONNECTION, "attempt 1", "reused", "new"),
        (names.CONNECTION_IDLE_SECONDS, "attempt 1", 61.0, None),
    ]


def test_what_an_outcome_brings_with_it_is_told_apart(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Code, attempts and the user's error are consequences, and come after what stood before."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed", savetrace__user_error="no", process__pid=1)
    span_file.save(10.0, process__pid=2)
    comparison = compare(*read_saves())
    assert differing(comparison) == [("process.pid", "save", 1, 2)]
    consequences = {found.attribute for found in comparison.differences if found.consequence}
    assert consequences == {
        names.OUTCOME, names.ERROR_CODE, names.USER_ERROR, names.ATTEMPTS, names.RETRY_ATTEMPTS,
    }  # fmt: skip
    assert comparison.differences[0].attribute == "process.pid"


def test_a_head_that_grows_with_its_own_retries_is_no_difference(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Attempts are compared by their number: a failed save's later ones have none to be held against."""
    longer = dataclasses.replace(SLOW_DOWN, facts={names.CONNECTION: names.NEW, names.HEADER_BYTES: 923})
    span_file.save(0.0, [Put([SLOW_DOWN, longer])], outcome="failed", savetrace__header_bytes=923)
    span_file.save(10.0, savetrace__header_bytes=901)
    assert differing(compare(*read_saves())) == []


def test_what_is_equal_is_named_with_its_value(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """All that both carry alike is in `equal`, ours first; ids of requests are noise where they differ."""
    span_file.save(0.0, aws__request_id="A")
    span_file.save(10.0, aws__request_id="B")
    comparison = compare(*read_saves())
    assert comparison.differences == ()
    assert comparison.noise == (names.REQUEST_ID,)
    assert comparison.equal[names.KEY_LEN] == len("storymapjs/ada/my-map/draft.json")
    assert comparison.equal["storymap.id"] == "my-map"
    assert next(iter(comparison.equal)) in names.REGISTRY


def test_times_that_tell_nothing_apart_are_noise(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """No two measured times are the same: those near each other are noise, others a difference."""
    for at, idle in enumerate((61.0, 70.0, 130.0)):
        facts: Facts = {names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: idle}
        span_file.save(float(at), [Put([Try(facts=facts)])])
    first, alike, longer = read_saves()
    assert differing(compare(first, alike)) == []
    assert compare(first, alike).noise == (names.CONNECTION_IDLE_SECONDS,)
    assert [found[0] for found in differing(compare(first, longer))] == [names.CONNECTION_IDLE_SECONDS]


def test_the_same_fact_under_two_names_is_told_once(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Old and new names, and an attribute that a call repeats of its save, give one difference."""
    span_file.save(0.0, [Put(content=("crc32:1", 5))], savetrace__content_size=5, http__user_agent="A")
    span_file.save(1.0, [Put(content=("crc32:1", 6))], savetrace__content_size=6, user_agent__original="B")
    assert differing(compare(*read_saves())) == [
        (names.CONTENT_SIZE, "save", 5, 6),
        ("user_agent.original", "save", "A", "B"),
    ]


def test_calls_are_paired_by_what_they_write(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A call that one save made twice, or the other not at all, stands alone; the rest stand side by side."""
    span_file.save(0.0, [FAILED_PUT, Put(), Put(file="index.html")])
    span_file.save(10.0, [Put(), Put(file="index.html"), Put(operation="CopyObject", file="x")])
    draft, index = "PutObject draft.json", "PutObject index.html"
    assert names_of(compare(*read_saves()).calls) == [
        (draft, draft), (draft, None), (index, index), (None, "CopyObject x"),
    ]  # fmt: skip


def test_calls_of_two_kinds_are_no_pair(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A call is never held against one of another operation."""
    span_file.save(0.0, [Put(operation="CopyObject")])
    span_file.save(10.0, [Put()])
    assert names_of(compare(*read_saves()).calls) == [
        ("CopyObject draft.json", None), (None, "PutObject draft.json"),
    ]  # fmt: skip


def test_another_key_is_paired_by_its_operation(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A create that came back under another name is held against the first, and the key is what differs."""
    span_file.save(0.0, [Put(operation="ListObjects", file="list"), FAILED_PUT], outcome="failed")
    span_file.save(10.0, [Put(operation="ListObjects", file="list"), Put()], storymap="my-map-1")
    comparison = compare(*read_saves())
    assert len(comparison.calls) == 2
    assert comparison.same_thing is False
    keys = ("storymapjs/ada/my-map/draft.json", "storymapjs/ada/my-map-1/draft.json")
    assert (names.S3_KEY, "PutObject draft.json", *keys) in differing(comparison)


def test_which_object_stands_on_the_save_is_no_difference(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A save repeats the object that failed, else its first: the calls tell the keys, and tell them alike."""
    both = [Put(file="published.json"), Put(file="index.html")]
    span_file.save(0.0, both, aws__s3__key="storymapjs/ada/my-map/index.html")
    span_file.save(10.0, both, aws__s3__key="storymapjs/ada/my-map/published.json")
    assert differing(compare(*read_saves())) == []


def test_the_time_between_runs_from_end_to_start(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Whichever is given first, it is the time from the earlier save's end to the later one's start."""
    span_file.save(0.0)
    span_file.save(10.0)
    a, b = read_saves()
    assert compare(a, b).seconds_between == compare(b, a).seconds_between == 10.0 - a.seconds


def test_what_is_not_written_is_no_difference(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """An attribute that is left out where it is as in nearly every save is held against what that means."""
    told: Facts = {
        names.CONNECTION: names.NEW, names.HEADER_BYTES: 901, names.CONNECTION_REQUESTS: 0,
        names.METADATA_BYTES: 0, names.POOL_IN_USE: 1, names.KEY_LEN_SENT: 32,
    }  # fmt: skip
    of_call: Facts = {names.APP_RETRY_ATTEMPT: 0, names.SENT_BY: "botocore", names.CONTENT_SIZE_SENT: 12_000}
    span_file.save(0.0, [Put([Try(facts=told)], facts=of_call)], savetrace__app_retry_attempts=0)
    span_file.save(10.0)
    comparison = compare(*read_saves())
    assert (comparison.differences, comparison.noise) == ((), ())


def test_a_default_that_differs_is_a_difference(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Where one save has more than nothing, the other's nothing is a value, not a gap."""
    more: Facts = {names.CONNECTION: names.NEW, names.HEADER_BYTES: 901, names.METADATA_BYTES: 2_049}
    span_file.save(0.0, [Put([Try(facts=more)])])
    span_file.save(10.0)
    assert differing(compare(*read_saves())) == [(names.METADATA_BYTES, "attempt 1", 2_049, 0)]


def test_plain_opentelemetry_leaves_nothing_out(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Of a trace without ours it is not known what it lacks."""
    span_file.save(0.0, [Put([Try(facts={names.POOL_IN_USE: 5})], facts={names.SENT_BY: "crt"})])
    span_file.save(10.0, outcome=None)
    found = {one.attribute: (one.a, one.b) for one in compare(*read_saves()).differences}
    assert found[names.SENT_BY] == ("crt", None)


def test_what_only_a_storage_call_can_tell_is_a_consequence(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """A save that made no call lacks key, content and head since it made none."""
    span_file.save(0.0, [], outcome="failed", http__request__body__size=3_293, savetrace__objects=0)
    span_file.save(10.0, http__request__body__size=6_498, savetrace__objects=1, savetrace__key_len=32)
    assert differing(compare(*read_saves())) == [(names.REQUEST_BODY_SIZE, "save", 3_293, 6_498)]
