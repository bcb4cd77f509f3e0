"""How one attribute is tried: by which bound or value, at what price, and what is not tried at all."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.comparisons import Comparison, Rows
from otel_savetrace.analysis.predicates import best_threshold
from otel_savetrace.analysis.recurrence import recurring
from otel_savetrace.analysis.trials import Trial, trials_of
from otel_savetrace.spans.rows import AttributeValue

Pair = tuple[Mapping[str, AttributeValue], Mapping[str, AttributeValue]]

MIDNIGHT = int(datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc).timestamp()) * 10**9
HOUR = 3_600 * 10**9


def _tried(
    name: str, failed: Sequence[AttributeValue], others: Sequence[AttributeValue], pairs: Sequence[Pair] = (),
    groups: Sequence[str] = (),
) -> list[Trial]:  # fmt: skip
    """Return the trials of one attribute, of saves of many users; no two that failed follow each other."""
    told = [{} if value is None else {name: value} for value in (*failed, *others)]
    mask = np.arange(len(told)) < len(failed)
    between = [2 * (number * len(others) // len(failed)) + 1 for number in range(len(failed))]
    starts = [*between, *range(0, 2 * len(others), 2)]
    by = [(("user", who),) for who in groups or [str(number) for number in range(len(told))]]
    rows = Rows(told, mask, starts, [1.0] * len(told), by, frozenset({"user"}))
    found = trials_of(Comparison("unexplained", rows, rows, pairs))
    return [trial for trial in found if trial.predicate.attribute == name and not trial.of_time]


def _only(trials: Sequence[Trial], *, paired: bool = False) -> Trial:
    (found,) = (trial for trial in trials if trial.paired is paired)
    return found


def test_a_bound_is_the_value_nearest_to_the_failures_that_separates_best() -> None:
    """Of bounds that separate alike the one at the failed saves is told, as a value that was seen."""
    failed = np.array([True, True, True, False, False, False, False])
    found = best_threshold("size", [70, 80, 90, 10, 20, 30, 40], failed)
    assert (found.operator, found.value) == (">=", 70) if found else False
    found = best_threshold("size", [5, 6.5, None, 10, 20, 30, None], failed)
    assert (found.operator, found.value) == ("<=", 6.5) if found else False


def test_a_bounds_shares_are_counted_among_all_saves() -> None:
    """Who does not have the number is not beyond its bound."""
    trial = _only(_tried("app.layers", [9.5, 9.5, 9.5, None], [*np.linspace(0, 8, 17), 9.5, 9.5, None]))
    assert (trial.failed_share, trial.succeeded_share) == (0.75, 0.1)


def test_a_bound_costs_no_less_for_having_been_chosen() -> None:
    """A bound that fits by luck has the p value of the ranks, which nobody chose."""
    chance = np.random.default_rng(2)
    failed, others = chance.normal(size=12).tolist(), chance.normal(size=200).tolist()
    trial = _only(_tried("app.mood", failed, others))
    assert trial.p >= stats.mannwhitneyu(failed, others).pvalue


def test_a_value_pays_for_all_that_could_have_been_chosen() -> None:
    """The best of four values has four times the p value of Fisher's test of it alone."""
    failed = ["a"] * 6 + ["b", "c"]
    others = ["a"] * 10 + ["b"] * 30 + ["c"] * 30 + ["d"] * 30
    trial = _only(_tried("app.kind", failed, others))
    assert (trial.predicate.value, trial.choices) == ("a", 4)
    assert trial.p == pytest.approx(4 * stats.fisher_exact([[6, 10], [2, 90]]).pvalue)


def test_a_number_that_hardly_any_other_has_is_told_by_having_it() -> None:
    """A header on every failed save and on two of a hundred others is no less told for that."""
    header = f"{candidates.HEADER}baggage"
    trial = _only(_tried(header, [7_000 + size for size in range(8)], [300, 400, *[None] * 98]))
    assert (trial.predicate.operator, trial.predicate.value) == (">=", 7_000)
    assert trial.p == pytest.approx(stats.fisher_exact([[8, 2], [0, 98]]).pvalue)


def test_how_long_reused_connections_idled_is_not_told_by_their_being_reused() -> None:
    """Where two others only came on reused connections, nothing is known of idling."""
    assert _tried(names.CONNECTION_IDLE_SECONDS, [0.1, 0.2, 0.3, 0.4, 0.5], [3.0, 4.0, *[None] * 98]) == []


@pytest.mark.parametrize("name", [names.CONNECTION_IDLE_SECONDS, names.POOL_IN_USE])
def test_a_retry_is_no_control_for_what_it_finds_otherwise_by_coming_second(name: str) -> None:
    """A retry comes soon, on a connection of its own: that within pairs it differs says nothing."""
    pairs: list[Pair] = [({name: 9}, {name: 1})] * 12
    trials = _tried(name, list(range(20, 32)), [*range(40)], pairs)
    assert trials
    assert not any(trial.paired for trial in trials)


def test_within_pairs_a_value_is_mcnemars_and_pays_for_its_choice() -> None:
    """Ten pairs of which the failed saves alone have the value, and two the other way round."""
    there: Pair = ({names.PEER_ADDRESS: "x"}, {names.PEER_ADDRESS: "y"})
    back: Pair = ({names.PEER_ADDRESS: "y"}, {names.PEER_ADDRESS: "x"})
    trials = _tried(
        names.PEER_ADDRESS, ["x"] * 10 + ["y"] * 2, ["x"] * 30 + ["y"] * 40, [there] * 10 + [back] * 2
    )
    assert _only(trials, paired=True).p == pytest.approx(2 * stats.binomtest(10, 12).pvalue)


def test_within_pairs_a_number_is_wilcoxons() -> None:
    """Twelve pairs whose failed saves were larger, by different amounts."""
    pairs: list[Pair] = [({names.KEY_LEN: 100 + by}, {names.KEY_LEN: 90}) for by in range(1, 13)]
    trials = _tried(names.KEY_LEN, list(range(100, 112)), list(range(50, 110)), pairs)
    assert _only(trials, paired=True).p == pytest.approx(stats.wilcoxon(np.arange(11.0, 23.0)).pvalue)


def test_pairs_that_differ_the_other_way_speak_for_nothing() -> None:
    """Failed saves are larger than others, and smaller than their own retries."""
    pairs: list[Pair] = [({names.KEY_LEN: 100}, {names.KEY_LEN: 100 + by}) for by in range(1, 13)]
    trials = _tried(names.KEY_LEN, list(range(100, 112)), list(range(50, 110)), pairs)
    assert _only(trials, paired=True).p == 1.0


def test_one_users_failures_are_one_witness_of_what_that_user_has() -> None:
    """Twelve failures of one user tell less of the browser than those of twelve users."""
    failed, others = ["Safari"] * 12, ["Safari"] * 20 + ["Firefox"] * 80
    of_one = ["ada"] * 12 + [f"user {number // 4}" for number in range(100)]
    of_many = [f"user {number}" for number in range(12)] + of_one[12:]
    alone = _only(_tried("user_agent.original", failed, others, groups=of_one)).p
    together = _only(_tried("user_agent.original", failed, others, groups=of_many)).p
    assert together < 1e-6
    assert alone > 0.01


def test_who_fails_is_told_by_each_failure() -> None:
    """That it is this user needs no second user: here each failed save is a witness."""
    trials = _tried("user", ["ada"] * 12, ["ada"] * 2 + ["bo"] * 98, groups=["ada"] * 14 + ["bo"] * 98)
    assert _only(trials).p < 1e-9


@pytest.mark.parametrize(
    ("failed", "others"),
    [
        ([True] * 5, [False] * 20),
        ([0] * 5, [1] * 20),
        (["wrong key"] * 5, [None] * 20),
        (["save failed"] * 5, ["fine"] * 20),
    ],
)
def test_what_is_as_good_as_the_outcome_is_not_tried(
    failed: list[AttributeValue], others: list[AttributeValue]
) -> None:
    """A flag, a count, a text that only failed saves have, or that speaks of outcomes."""
    assert _tried("app.last", failed, others) == []


def test_one_of_two_names_is_tried_however_well_it_separates() -> None:
    """A zone in which everything fails is a condition."""
    assert _only(_tried("app.zone", ["b"] * 5, ["a"] * 20)).gain == 1.0


def _nightly(days: int) -> tuple[list[int], np.typing.NDArray[np.bool_]]:
    starts = [MIDNIGHT + day * 24 * HOUR + hour * HOUR for day in range(days) for hour in range(24)]
    return starts, np.array([start // HOUR % 24 in {23, 0} for start in starts])


def test_an_hour_that_comes_again_is_found_across_midnight() -> None:
    """From eleven to one each night is one stretch, and pays for all the stretches of a day."""
    found = {one.attribute: one for one in recurring(*_nightly(3))}[candidates.HOUR]
    assert (found.said, found.choices) == ("23:00/01:00", 24 * 12)
    assert (found.holds == _nightly(3)[1]).all()


def test_what_happened_on_two_days_has_not_come_again() -> None:
    """Two nights are two outages."""
    starts, failed = _nightly(1)
    twice = [*starts, *(start + 24 * HOUR for start in starts[:23])]
    only = np.array([start // HOUR % 24 == 0 for start in twice])
    assert candidates.HOUR not in {one.attribute for one in recurring(twice, only)}
    assert failed.any()


def test_the_first_minutes_of_each_hour_are_found() -> None:
    """Failures in the first five minutes of each hour, over ten hours."""
    starts = [MIDNIGHT + minute * 60 * 10**9 for minute in range(600)]
    failed = np.array([minute % 60 < 5 for minute in range(600)])
    found = {one.attribute: one for one in recurring(starts, failed)}[candidates.MINUTE]
    assert found.said == ":00/:05"
