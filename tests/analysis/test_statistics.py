"""Each statistic that a report rests on, held against an example that somebody has published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from otel_savetrace.analysis.conditions import corrected
from otel_savetrace.analysis.dependence import (
    correlation_within,
    effect_of_groups,
    effect_of_time,
    weakened,
)
from otel_savetrace.analysis.predicates import Predicate, Truths
from otel_savetrace.analysis.shares import share
from otel_savetrace.analysis.significance import fisher, mann_whitney, mcnemar, signed_ranks
from otel_savetrace.analysis.stratified import mantel_haenszel
from otel_savetrace.analysis.trials import Trial


def _truths(*counted: tuple[bool, int]) -> Truths:
    return np.array([value for value, count in counted for _ in range(count)], dtype=bool)


def _trial(p: float) -> Trial:
    nobody = np.zeros(0, dtype=bool)
    return Trial(Predicate("size", "=", 1), p, nobody, nobody, (None, None))


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    """A share's interval is Wilson's, to four places."""
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    # (1998), table I, method 3.
    found = share(count, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_of_nothing_any_share_may_be() -> None:
    """Of no saves the interval is everything."""
    found = share(0, 0)
    assert (found.low, found.high, found.value) == (0.0, 1.0, 0.0)


def test_what_was_tried_is_corrected_as_benjamini_and_hochberg_do() -> None:
    """All that was tried is corrected as Benjamini and Hochberg have it."""
    # Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B 57 (1995),
    # 4.1: of fifteen hypotheses about thrombolysis four are rejected at 0.05, where Bonferroni has three.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
         0.6528, 0.7590, 1.0]  # fmt: skip
    found = corrected([_trial(one) for one in p])
    assert sum(one <= 0.05 for one in found) == 4
    by_hand = [min(p[later] * 15 / (later + 1) for later in range(place, 15)) for place in range(15)]
    assert found == pytest.approx(by_hand)


def test_nothing_tried_needs_no_correction() -> None:
    """Where nothing was tried, nothing is corrected."""
    assert corrected([]) == []


# A. Agresti, "Categorical Data Analysis" (1990), pp. 231-237, penicillin and rabbits: immediate injection and
# one of an hour and a half later, cured and died, by level; R's help on mantelhaen.test has the same.
RABBITS = [(0, 6, 0, 5), (3, 3, 0, 6), (6, 0, 2, 4), (5, 1, 6, 0), (2, 0, 5, 0)]

# P. J. Bickel, E. A. Hammel, J. W. O'Connell, "Sex bias in graduate admissions: data from Berkeley", Science
# 187 (1975): men admitted and rejected, women admitted and rejected, by department.
BERKELEY = [
    (512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391),
    (138, 279, 131, 244), (53, 138, 94, 299), (22, 351, 24, 317),
]  # fmt: skip


def test_what_holds_within_strata_is_told_as_cochran_mantel_and_haenszel_do() -> None:
    """Strata are tested as Cochran, Mantel and Haenszel have it, with continuity correction."""
    assert mantel_haenszel(RABBITS) == pytest.approx(0.047, abs=0.0005)
    assert mantel_haenszel(BERKELEY) == pytest.approx(0.2323, abs=0.00005)


def test_what_only_lies_between_strata_is_nothing_within_them() -> None:
    """Who is admitted depends on sex over all of Berkeley, and in its departments it does not."""
    all_of_them = tuple(int(sum(column)) for column in zip(*BERKELEY, strict=True))
    assert mantel_haenszel([all_of_them]) < 1e-15  # type: ignore[list-item]  # four columns
    assert mantel_haenszel(BERKELEY) > 0.05


def test_strata_of_which_none_compares_anything_tell_nothing() -> None:
    """Strata with nobody on one side are no evidence."""
    assert mantel_haenszel([(5, 5, 0, 0), (0, 0, 7, 9), (3, 0, 4, 0), (1, 0, 0, 0)]) == 1.0
    assert mantel_haenszel([]) == 1.0


def test_two_by_two_is_fishers_exact_test() -> None:
    """A statement that is true or false is tested by Fisher's exact test, two-sided."""
    # R. A. Fisher, "The Design of Experiments" (1935): a lady tasting tea names three cups of four rightly.
    # Agresti 3.5.2 has the one-sided p value, 0.243; the two-sided is twice that.
    says_milk = _truths((True, 3), (False, 1), (True, 1), (False, 3))
    was_milk = _truths((True, 4), (False, 4))
    assert fisher(says_milk, was_milk) == pytest.approx(34 / 70)


def test_pairs_that_differ_are_mcnemars_exact_test() -> None:
    """A statement within pairs is tested by McNemar's exact test."""
    # Agresti 11.1.2, approval of a prime minister in two surveys: 86 and 150 changed their minds, z = 4.17.
    found = mcnemar(86, 150)
    assert found is not None
    assert stats.norm.isf(found / 2) == pytest.approx((150 - 86) / math.sqrt(236), abs=0.06)
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)


def test_too_few_pairs_that_differ_are_no_test() -> None:
    """Two pairs that differ are no evidence at all, three are next to none."""
    assert mcnemar(2, 0) is None
    assert mcnemar(3, 0) == pytest.approx(0.25)


def test_numbers_of_two_groups_are_the_mann_whitney_test() -> None:
    """Numbers are tested by the Mann-Whitney test, two-sided."""
    # M. Hollander and D. A. Wolfe, "Nonparametric Statistical Methods" (1973), p. 69, permeability of the
    # human chorioamnion: W = 35, one-sided p = 0.1272.
    at_term = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    before = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    assert mann_whitney(at_term, before) == pytest.approx(2 * 0.1272, abs=0.0001)


def test_two_numbers_on_a_side_are_no_test() -> None:
    """Two numbers on a side are not tested."""
    assert mann_whitney(np.arange(2.0), np.arange(50.0)) is None


def test_numbers_within_pairs_are_wilcoxons_signed_rank_test() -> None:
    """Numbers within pairs are tested by Wilcoxon's signed-rank test."""
    # C. Darwin, "The Effects of Cross and Self Fertilisation in the Vegetable Kingdom" (1876), in eighths of
    # an inch; scipy's page on wilcoxon has p = 0.0413.
    inches = np.array([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75], dtype=float)
    assert signed_ranks(inches) == pytest.approx(0.041259765625)


def test_few_pairs_of_numbers_are_counted_by_their_signs() -> None:
    """In few pairs a number counts by its sign alone."""
    assert signed_ranks(np.array([9.0, 1, 1, 1, 1, 1, 1, -8])) == mcnemar(7, 1)


def test_a_statement_that_never_varies_within_groups_correlates_fully() -> None:
    """What all saves of a group share correlates fully, what varies within each alike not at all."""
    places = np.repeat(np.arange(20), 5)
    assert correlation_within(places % 2 == 0, places) == 1.0
    assert correlation_within(np.tile(_truths((True, 2), (False, 3)), 20), places) == 0.0


def test_groups_have_the_design_effect_of_kish() -> None:
    """Groups of four that fail together, and have a trait together, are one witness each."""
    # Ten groups of four failed saves and four others.
    groups = [str(number // 8) for number in range(80)]
    failed = np.tile(_truths((True, 4), (False, 4)), 10)
    truths = np.array([int(group) < 5 for group in groups])
    assert effect_of_groups(truths, failed, groups) == pytest.approx(4.0)
    assert effect_of_groups(truths, failed, [str(number) for number in range(80)]) == 1.0


def test_p_values_hold_what_they_promise_where_groups_fail_together() -> None:
    """Groups that fail and traits of groups meet by chance in one of twenty worlds, not in more."""
    # A group fails or does not, and has a trait or not, without regard to each other.
    chance = np.random.default_rng(5)
    groups = np.repeat(np.arange(60), 8).tolist()
    plain, weighed = [], []
    for _ in range(300):
        failed = np.repeat(chance.random(60) < 0.3, 8)
        truths = np.repeat(chance.random(60) < 0.4, 8)
        p = fisher(truths, failed)
        plain.append(p <= 0.05)
        weighed.append(weakened(p, effect_of_groups(truths, failed, groups)) <= 0.05)
    assert np.mean(plain) > 0.3
    assert np.mean(weighed) <= 0.08


def test_p_values_hold_what_they_promise_where_both_come_in_stretches_of_time() -> None:
    """Failures and states that come in stretches meet by chance in one of twenty worlds, not in more."""
    chance = np.random.default_rng(6)
    starts = list(range(600))
    plain, weighed = [], []
    for _ in range(300):
        failed, truths = (_in_stretches(chance, 600) for _ in range(2))
        p = fisher(truths, failed)
        plain.append(p <= 0.05)
        weighed.append(weakened(p, effect_of_time(truths, failed, starts)) <= 0.05)
    assert np.mean(plain) > 0.3
    assert np.mean(weighed) <= 0.08


def test_what_comes_by_chance_in_time_weakens_nothing() -> None:
    """Failures strewn over time are as many witnesses as they are."""
    chance = np.random.default_rng(7)
    truths, failed = chance.random(500) < 0.3, chance.random(500) < 0.1
    assert effect_of_time(truths, failed, list(range(500))) < 1.05


def test_a_p_value_is_weakened_by_the_root_of_the_effect() -> None:
    """A design effect of four halves the normal deviate; none leaves it as it was."""
    assert weakened(2 * stats.norm.sf(4.0), 4.0) == pytest.approx(2 * stats.norm.sf(2.0))
    assert weakened(0.02, 1.0) == 0.02
    assert weakened(0.0, 25.0) < 1e-10


def _in_stretches(chance: np.random.Generator, length: int) -> Truths:
    """A state that changes from one save to the next with probability 1 in 20."""
    changes = np.cumsum(chance.random(length) < 0.05)
    return np.asarray((changes + chance.integers(2)) % 2 == 0)
