"""The verdicts: which failures count, of which nothing is said, how sure, and in which order."""

from __future__ import annotations

import dataclasses

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import Report, Verdict
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.troubled import has_worked
from otel_savetrace.spans.rows import Span
from tests.analysis.made_incident import RESET, Fault, Moment, Rule, made_incident
from tests.analysis.made_spans import (
    Held,
    failed_save,
    made_call,
    made_request,
    only,
    plain_save,
)


def _report(saves: list[Save], spans: tuple[Span, ...] = (), jaeger: str | None = None) -> Report:
    ordered = sorted(saves, key=lambda save: save.span.start_nanoseconds)
    return make_report((), ordered, episodes(ordered), lambda _: True, spans, jaeger)


def _verdicts(saves: list[Save]) -> dict[str, Verdict]:
    return {one.cause: one for one in _report(saves).verdicts}


def _many(code: str, number: int, stage: str = names.STORAGE) -> list[Save]:
    return [
        failed_save(code, stage, name=f"{code} {one}", at=100.0 * one, of_save={"map.id": f"{code} {one}"})
        for one in range(number)
    ]


def _worked(number: int) -> list[Save]:
    return [
        only(
            made_request(f"ok {one}", outcome=names.SUCCEEDED, at=100.0 * one + 50),
            made_call(f"ok {one}", None, at=100.0 * one + 50),
        )
        for one in range(number)
    ]


@pytest.mark.parametrize(
    ("code", "number", "confidence"),
    [
        ("SlowDown", 4, "low"),
        ("SlowDown", 5, "high"),
        ("503", 5, "medium"),
        ("503", 4, "low"),
        ("WhatIsThis", 5, "medium"),
        ("WhatIsThis", 4, "low"),
    ],
)
def test_confidence_is_of_how_many_and_how_plain(code: str, number: int, confidence: str) -> None:
    """With fewer than five failures it is low; a code with several readings is never told with high."""
    (found,) = _report([*_many(code, number), *_worked(20)]).verdicts
    assert (found.confidence, found.saves) == (confidence, number)


def test_several_causes_at_once_the_surest_and_most_frequent_first() -> None:
    """Each cause has a verdict with its share of the failures; those of few saves come last."""
    saves = [*_many("SlowDown", 6), *_many("KeyTooLongError", 9), *_many("BadDigest", 3), *_worked(30)]
    found = _report(saves).verdicts
    assert [(one.cause, one.saves, one.confidence) for one in found] == [
        ("storage.key_too_long", 9, "high"),
        ("storage.throttled", 6, "high"),
        ("storage.checksum", 3, "low"),
    ]
    assert [round(one.share, 3) for one in found] == [0.5, 0.333, 0.167]


def test_two_unknown_things_are_not_one() -> None:
    """What nothing explains is kept apart by its code."""
    found = _report([*_many("WhatIsThis", 6), *_many("AndThis", 2), *_worked(20)]).verdicts
    assert [(one.cause, one.saves) for one in found] == [("unexplained", 6), ("unexplained", 2)]


def test_where_nothing_failed_nothing_is_explained() -> None:
    """No failed save, no verdict, and the saves that were seen are counted."""
    found = _report(_worked(12))
    assert (found.verdicts, found.errors, found.undetermined.saves) == ((), (), 0)
    assert (found.saves.total, found.saves.succeeded) == (12, 12)


def test_a_cause_is_one_thing_and_its_condition_another() -> None:
    """Two causes that strike under two conditions are told with the condition of each."""

    def rule(moment: Moment) -> Fault | None:
        if moment.peer == "10.0.0.3" and moment.chance.random() < 0.8:
            return Fault("ReadTimeoutError", names.NETWORK, None)
        return Fault("KeyTooLongError") if moment.key_len > 350 else None

    found = _verdicts(made_incident(3, rule))
    assert found["network.read_timeout"].condition is not None
    assert found["network.read_timeout"].condition.attribute == names.PEER_ADDRESS
    assert found["storage.key_too_long"].condition is not None
    assert found["storage.key_too_long"].condition.attribute == names.KEY_LEN


def _stale(moment: Moment) -> Fault | None:
    return RESET if moment.reused and moment.idle >= 8.0 else None


def _chance(moment: Moment) -> Fault | None:
    return Fault("InternalError", status=500) if moment.chance.random() < 0.1 else None


@pytest.mark.parametrize("rule", [_stale, _chance])
def test_examples_are_pairs_to_open_side_by_side(rule: Rule) -> None:
    """A verdict's examples are failures whose retry worked, with Jaeger's page where there is one."""
    saves = made_incident(2, rule)
    (found,) = _report(saves, jaeger="http://jaeger").verdicts
    failed = {save.trace_id for save in saves if save.outcome == "failed"}
    assert len(found.examples) == 3
    for example in found.examples:
        assert example.failed in failed
        assert example.retry not in failed
        assert example.compare_url == f"http://jaeger/trace/{example.failed}...{example.retry}"


def test_examples_that_recovered_come_before_those_that_were_given_up() -> None:
    """A failure with a retry beside it tells more than one without, though the content had changed."""

    def saved(name: str, at: float, outcome: str, content: str) -> Save:
        held: Held = {names.CONTENT_HASH: f"crc32:{content}", names.CONTENT_SIZE: 5, "map.id": name[0]}
        code = "SlowDown" if outcome == names.FAILED else None
        request = made_request(name, outcome=outcome, code=code, stage=names.STORAGE, at=at, held=held)
        return only(request, made_call(name, code, at=at, held=held))

    given_up, failed = saved("a", 0.0, names.FAILED, "1"), saved("b", 50.0, names.FAILED, "1")
    worked = saved("b again", 90.0, names.SUCCEEDED, "2")
    (found,) = _report([given_up, failed, worked, *_worked(60)]).verdicts
    assert [(one.failed, one.retry) for one in found.examples] == [
        (failed.trace_id, worked.trace_id), (given_up.trace_id, None),
    ]  # fmt: skip


LATER = 1_000.0


def _cut(
    name: str = "cut",
    *,
    code: str | None = None,
    at: float = 0.0,
    seen: bool = True,
    held: Held | None = None,
) -> Save:
    call = made_call(name, code, at=at, held={names.S3_KEY: name})
    if not seen:
        return only(call)
    request = made_request(name, outcome=None, at=at, held=held)
    return only(request, call)


@pytest.mark.parametrize(
    ("save", "failed"),
    [
        (_cut(), 1),
        (_cut(seen=False), 1),
        (_cut(at=LATER - 1), 1),
        # Its span comes when it ends, which may be soon.
        (_cut(at=LATER - 1, seen=False), 0),
        (_cut(at=LATER - 1, seen=False, code="SystemExit"), 1),
    ],
    ids=["ended", "lost", "ended at the end", "under way", "ended with its process"],
)
def test_a_save_without_an_answer_counts_once_it_has_ended(save: Save, failed: int) -> None:
    """A request that ended with no answer failed by the end of its worker; one that may still run did not."""
    found = _report([save, *_worked(11)])
    assert found.saves.failed == failed
    assert [one.cause for one in found.verdicts] == ["process.killed"] * failed
    assert len(found.errors) == failed
    assert found.undetermined.saves == 1 - failed
    if not failed:
        assert found.undetermined.why == "1 save: the data ends while they may still be under way"


def test_who_saves_again_waits_no_longer() -> None:
    """A save that may still run by the clock has failed for the user who saved the same again."""
    what: Held = {names.CONTENT_HASH: "crc32:1", names.CONTENT_SIZE: 5, "map.id": "one", "map.user_id": "ada"}
    key: Held = {names.S3_KEY: "maps/ada/one"}
    lost = only(made_call("lost", None, at=LATER - 9, seconds=1.0, held={**what, **key}))
    again = only(
        made_request("again", outcome=names.SUCCEEDED, at=LATER - 3, held=what),
        made_call("again", None, at=LATER - 3, held={**what, **key}),
    )
    found = _report([lost, again, *_worked(8)])
    assert (found.saves.failed, found.episodes.recovered) == (1, 1)
    assert [one.cause for one in found.verdicts] == ["process.killed"]


def test_a_worker_that_lives_on_was_not_killed() -> None:
    """Where the same process served saves after it, a missing end is only missing."""
    held: Held = {names.PROCESS_ID: 4711}
    later = only(
        made_request("later", outcome=names.SUCCEEDED, at=LATER, held=held),
        made_call("later", None, at=LATER),
    )
    found = _report([_cut(held=held), later])
    assert found.verdicts == ()
    assert found.undetermined.why == "1 save: their end is missing though their worker lived on"


def test_an_instance_id_that_several_processes_share_names_no_worker() -> None:
    """SDKs that make the id before workers are forked give it to all of them."""

    def of_instance(save: Save) -> Save:
        return dataclasses.replace(
            save, span=dataclasses.replace(save.span, resource={"service.instance.id": "i"})
        )

    later = [
        only(
            made_request(f"{pid}", outcome=names.SUCCEEDED, at=LATER, held={names.PROCESS_ID: pid}),
            made_call(f"{pid}", None, at=LATER),
        )
        for pid in (1, 2)
    ]
    found = _report([of_instance(save) for save in (_cut(), *later)])
    assert [one.cause for one in found.verdicts] == ["process.killed"]
    found = _report([of_instance(save) for save in (_cut(), later[0])])
    assert found.verdicts == ()


def test_spans_that_never_tell_of_answers_tell_of_no_deaths() -> None:
    """Where no span of a service has a status, its absence means nothing."""
    found = _report([_cut(f"cut {one}", at=LATER * one) for one in range(5)])
    assert found.verdicts == ()
    assert found.undetermined.why == "5 saves: the spans of their service tell of no answers"


def test_an_app_that_answers_200_whatever_happens_is_not_known_without_us() -> None:
    """Of a plain trace with a failed call and a 200 nobody knows what the user saw."""
    found = _report([plain_save("ClientError: An error occurred (SlowDown) when", status=200), *_worked(9)])
    assert found.verdicts == ()
    assert found.undetermined.why == "1 save: a storage call failed, and what the user saw was not recorded"


@pytest.mark.parametrize(
    ("save", "worked"),
    [
        (_worked(1)[0], True),
        (plain_save(status=200), True),
        (plain_save("ClientError: An error occurred (SlowDown) when", status=200), False),
        (plain_save(status=500), False),
        (_cut(), False),
    ],
    ids=["told so", "plain", "plain with a failed call", "refused", "unanswered"],
)
def test_what_worked_as_far_as_is_known(save: Save, worked: bool) -> None:
    """What failed is held against saves that worked: told so, or answered after calls without an error."""
    assert has_worked(save) is worked


SAVE = plain_save(status=500)


def _beside(name: str, *, at: float = 0.0, failed: bool = True, parent: str = "", **held: str) -> Span:
    """Make the span of another service's call in the trace of `SAVE`, `at` seconds from noon."""
    call = SAVE.calls[0].span
    moment = call.start_nanoseconds + round(at * 1e9)
    return dataclasses.replace(
        call, span_id=f"{name}{at}", parent_span_id=parent or call.parent_span_id, name=name,
        status="error" if failed else "unset", start_nanoseconds=moment, end_nanoseconds=moment,
        attributes={one.replace("__", "."): value for one, value in held.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spans", "cause"),
    [
        ([_beside("UPDATE", db__system="postgresql")], "app.dependency"),
        ([_beside("UPDATE", db__system="postgresql", failed=False)], "app.exception"),
        ([_beside("GET", failed=True), _beside("GET", at=1.0, failed=False)], "app.exception"),
        ([_beside("GET", at=1.0), _beside("GET", failed=False)], "app.dependency"),
        ([_beside("UPDATE"), _beside("SELECT", at=1.0, failed=False)], "app.dependency"),
        ([_beside("PUT", http__url="https://x.s3.amazonaws.com/")], "app.exception"),
        ([_beside("PUT", parent=SAVE.calls[0].span.span_id, http__url="http://minio/")], "app.exception"),
    ],
    ids=["failed", "worked", "worked again", "failed again", "another worked", "to AWS", "of a storage call"],
)
def test_a_service_that_failed_in_the_trace_is_the_cause(spans: list[Span], cause: str) -> None:
    """A database's failed span tells, unless the same was made again and worked, or it is the store's own."""
    held = (SAVE.calls[0].span, *spans)
    assert [one.cause for one in _report([SAVE, *_worked(9)], held).verdicts] == [cause]
