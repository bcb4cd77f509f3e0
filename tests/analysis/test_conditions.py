"""Which condition a cause is said to strike under, in incidents of which the truth is known."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.findings import Condition, Verdict
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.spans.rows import AttributeValue, Span
from tests.analysis.planted import KINDS, Planted, is_right, verdicts
from tests.analysis.worlds import WORLDS, World

BY_NAME = {kind.name: kind for kind in KINDS}

FEW_ARE_ENOUGH = (
    "a number of the app's from a bound on", "one value among five", "one of two values, always",
    "a big header", "one worker", "one address of the store", "a bad worker that has all big saves",
)  # fmt: skip


def _condition(made: Sequence[Save]) -> Condition | None:
    return verdicts(made)[0].condition


@pytest.mark.parametrize("planted", KINDS, ids=lambda kind: kind.name)
def test_the_condition_that_was_planted_is_named(planted: Planted) -> None:
    """Sixty failures are enough to tell what they have in common, whatever it is called."""
    made = planted.incident(1, 60)
    found = _condition(made)
    assert is_right(planted, found, made), found


@pytest.mark.parametrize("name", FEW_ARE_ENOUGH)
def test_ten_failures_tell_what_is_rare_among_saves_that_work(name: str) -> None:
    """Ten failures are enough where few of the saves that worked have it."""
    made = BY_NAME[name].incident(2, 10)
    found = _condition(made)
    assert is_right(BY_NAME[name], found, made), found


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_where_nothing_recorded_is_the_reason_none_is_named(world: World) -> None:
    """Among forty attributes that mean nothing some would fit by chance; none is claimed.

    ``python -m benchmarks.diagnosis.chance`` asks two hundred such crowds of each world.
    """
    claimed = [verdict.condition for seed in range(4) for verdict in verdicts(world.saves(seed, 120))]
    assert {found.attribute for found in claimed if found is not None} <= set(world.true)


def test_four_failures_are_too_few_for_a_condition() -> None:
    """With four failed saves none is claimed, however well it fits."""
    planted = BY_NAME["one worker"]
    made = planted.incident(3, 60)
    failed = [save for save in made if save.outcome == "failed"]
    # Of retries the first failure alone counts: four episodes are four witnesses.
    firsts = [one.failed[0] for one in episodes(made)][:4]
    assert len(failed) > 4
    assert _condition([save for save in made if save.outcome == "succeeded" or save in firsts]) is None


def test_failures_of_one_episode_are_one_witness() -> None:
    """Who tries the same again and again, eight times, is no eight people."""
    planted = BY_NAME["one worker"]
    made = planted.incident(3, 60)
    worked = [save for save in made if save.outcome == "succeeded"]
    first = next(save for save in made if save.outcome == "failed")
    again = [_moved(first, number) for number in range(8)]
    assert _condition(sorted([*worked, *again], key=lambda save: save.span.start_nanoseconds)) is None


def test_a_worker_is_named_and_not_the_size_of_what_it_had_to_save() -> None:
    """Where all big saves are on one bad worker, the worker is the condition, and the size folded into it."""
    made = BY_NAME["a bad worker that has all big saves"].incident(4, 80)
    (verdict,) = verdicts(made)
    assert verdict.because[0].attribute == names.PROCESS_ID
    assert names.CONTENT_SIZE in verdict.because[0].folded
    assert names.CONTENT_SIZE not in {evidence.attribute for evidence in verdict.because}


def test_what_says_the_same_is_folded_into_what_is_nearer_the_cause() -> None:
    """A host told in three ways is one condition: the host, and the others' names beside it."""
    (verdict,) = verdicts(BY_NAME["one host, told in two more ways"].incident(5, 80))
    assert verdict.because[0].attribute == names.HOST_NAME
    assert {"shop.node", "shop.rack"} <= set(verdict.because[0].folded)
    assert not {"shop.node", "shop.rack"} & {evidence.attribute for evidence in verdict.because}


def test_a_host_is_named_rather_than_the_address_it_was_asked_at() -> None:
    """What a browser called the host identifies it no better than its own name does."""
    made = _noted(
        BY_NAME["one host"].incident(6, 60), "http.host", lambda save: f"{_host(save)}.example:8000"
    )
    (verdict,) = verdicts(made)
    assert verdict.because[0].attribute == names.HOST_NAME
    assert "http.host" in verdict.because[0].folded


MARKS: Mapping[str, Callable[[Save], AttributeValue]] = {
    "shop.error_hint": lambda save: "try again" if save.outcome == "failed" else None,
    "shop.remark": lambda save: "gone" if save.outcome == "failed" else None,
    "shop.kept": lambda save: save.outcome == "succeeded",
    "shop.rows": lambda save: int(save.outcome == "succeeded"),
    "shop.last": lambda save: "OK" if save.outcome == "succeeded" else "fault",
    "shop.job_status": lambda save: 3 if save.outcome == "succeeded" else 4,
    "shop.took": lambda save: save.seconds * 0.9,
    "shop.millis": lambda save: round(save.seconds * 950.0, 1),
    names.RETRY_ATTEMPTS: lambda save: 4 if save.outcome == "failed" else 0,
    names.CONTINUE: lambda save: "unanswered" if save.outcome == "failed" else "continued",
    names.STORED: lambda save: "no" if save.outcome == "failed" else "yes",
    names.CONTENT_SIZE_SENT: lambda save: 10 if save.outcome == "failed" else 10_000,
    "http.response.body.size": lambda save: 12 if save.outcome == "failed" else 900,
}
"""What failing brings with it, known by its name or told by its values."""


@pytest.mark.parametrize("name", MARKS)
def test_what_failing_brings_with_it_is_no_condition(name: str) -> None:
    """A mark of failing separates perfectly, and is none: neither alone, nor before what is true."""
    chance = random.Random(7)  # noqa: S311 - no secret
    told = MARKS[name]
    by_chance = [_lasting(save, chance) for save in WORLDS[0].saves(8, 200)]
    assert _condition(_noted(by_chance, name, told)) is None
    planted = BY_NAME["one worker"]
    made = [_lasting(save, chance) for save in planted.incident(7, 40)]
    assert is_right(planted, _condition(_noted(made, name, told)), made)


def test_what_was_never_sent_has_no_smaller_share_of_a_limit() -> None:
    """Of a save that was refused before it was sent less is known; that is no condition of its failing."""
    planted = dataclasses.replace(KINDS[0], struck=lambda moment: moment.chance.random() < 0.2)
    made = planted.incident(9, 60)
    unsent = [_unsent(save) if save.outcome == "failed" else save for save in made]
    assert _condition(unsent) is None


def test_a_difference_within_pairs_counts_only_in_the_direction_of_the_others() -> None:
    """Where failed saves have rather more than others, and their retries still more, more is no condition."""
    chance = random.Random(10)  # noqa: S311 - no secret
    made = WORLDS[0].saves(10, 300)
    of_retries = {one.retry for episode in episodes(made) for one in episode.pairs}

    def strokes(save: Save) -> float:
        more = 8.0 if save.outcome == "failed" else 0.0
        return chance.gauss(100.0, 15.0) + (
            30.0 if (save.trace_id, save.span.span_id) in of_retries else more
        )

    assert _condition(_noted(made, names.REQUEST_BODY_SIZE, strokes)) is None


SMALL = ("a number of the app's from a bound on", "one worker", "big content, told in three more ways")


@functools.cache
def _spans(name: str) -> tuple[Span, ...]:
    made = BY_NAME[name].incident(11, 20, decoys=10)
    return tuple(span for save in made for span in _spans_of(save))


@functools.cache
def _found(name: str) -> list[Verdict]:
    return _from(_spans(name))


def _from(spans: Sequence[Span]) -> list[Verdict]:
    return [dataclasses.replace(one, next=()) for one in verdicts(saves(spans))]


SEEDS = st.integers(0, 10**6)

# A third of a second each; a smaller example of what is wrong would be no plainer.
FEW_EXAMPLES = settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))


@FEW_EXAMPLES
@given(st.sampled_from(SMALL), SEEDS)
def test_the_order_of_the_spans_changes_nothing(name: str, seed: int) -> None:
    """Spans come in any order, and the findings are the same to the last digit."""
    shuffled = list(_spans(name))
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    assert _from(shuffled) == _found(name)


@FEW_EXAMPLES
@given(st.sampled_from(SMALL), SEEDS)
def test_spans_that_come_twice_change_nothing(name: str, seed: int) -> None:
    """A file given twice, or a batch sent twice, makes no failure two."""
    spans = _spans(name)
    some = random.Random(seed).sample(spans, len(spans) // 2)  # noqa: S311 - no secret
    assert _from([*spans, *some]) == _found(name)
    assert _from([*spans, *spans]) == _found(name)


@FEW_EXAMPLES
@given(
    st.sampled_from(SMALL),
    st.one_of(st.text(max_size=9), st.booleans(), st.integers(-9, 9), st.floats(-9, 9)),
    st.sampled_from(("shop.constant", "a.first", "zz.last", "host.arch", "savetrace.pool_size")),
)
def test_an_attribute_that_is_always_the_same_changes_nothing(
    name: str, value: AttributeValue, constant: str
) -> None:
    """What all saves have alike is neither tried nor paid for."""
    told = [
        dataclasses.replace(span, attributes={**span.attributes, constant: value}) for span in _spans(name)
    ]
    assert _from(told) == _found(name)


@FEW_EXAMPLES
@given(st.sampled_from(SMALL), st.permutations(range(20)))
def test_what_the_app_calls_its_attributes_changes_nothing(name: str, order: Sequence[int]) -> None:
    """Names of the app's own mean nothing: with others in their place the findings are the same."""
    named = {name for span in _spans(name) for name in span.attributes}
    own = sorted(name for name in named if name.startswith(("shop.", "charts.")))
    renamed = {old: f"acme.trait_{order[place]:02}" for place, old in enumerate(own)}
    told = [
        dataclasses.replace(
            span, attributes={renamed.get(name, name): value for name, value in span.attributes.items()}
        )
        for span in _spans(name)
    ]
    assert [_plain(one, {}) for one in _from(told)] == [_plain(one, renamed) for one in _found(name)]


def _plain(verdict: Verdict, renamed: Mapping[str, str]) -> object:
    """Return a verdict with its attributes renamed, and what is folded in no order."""

    def of(name: str) -> str:
        return renamed.get(name, name)

    condition = verdict.condition and dataclasses.replace(
        verdict.condition, attribute=of(verdict.condition.attribute)
    )
    because = [
        (of(one.attribute), one.failed, one.succeeded, one.p, sorted(map(of, one.folded)))
        for one in verdict.because
    ]
    return verdict.cause, verdict.saves, condition, because


def _spans_of(save: Save) -> list[Span]:
    attempts = [attempt.span for call in save.calls for attempt in call.attempts]
    return [save.span, *(call.span for call in save.calls), *attempts]


def _noted(made: Sequence[Save], name: str, told: Callable[[Save], AttributeValue]) -> list[Save]:
    """Return the saves with one attribute more on each, where it is told."""
    return [_with(save, name, told(save)) for save in made]


def _with(save: Save, name: str, value: AttributeValue) -> Save:
    if value is None:
        return save
    return dataclasses.replace(
        save, span=dataclasses.replace(save.span, attributes={**save.span.attributes, name: value})
    )


def _host(save: Save) -> AttributeValue:
    return save.span.attributes[names.HOST_NAME]


def _lasting(save: Save, chance: random.Random) -> Save:
    """Return a save that took its time, longer where it failed."""
    seconds = chance.lognormvariate(-1.0, 0.4) * (6.0 if save.outcome == "failed" else 1.0)
    end = save.span.start_nanoseconds + round(seconds * 1e9)
    return dataclasses.replace(save, span=dataclasses.replace(save.span, end_nanoseconds=end))


def _moved(save: Save, number: int) -> Save:
    """Return the same save again, some seconds later."""
    name = f"{number:032x}"
    later = save.span.start_nanoseconds + number * 20 * 10**9
    span = dataclasses.replace(
        save.span, trace_id=name, span_id=name[-16:], start_nanoseconds=later, end_nanoseconds=later + 10**9
    )
    return dataclasses.replace(save, span=span)


def _unsent(save: Save) -> Save:
    return dataclasses.replace(
        save, calls=tuple(dataclasses.replace(call, attempts=()) for call in save.calls)
    )
