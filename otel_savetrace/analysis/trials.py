"""Every attribute tried, whether it separates the saves that failed from those that worked.

scipy's tests: Mann-Whitney and Wilcoxon's signed-rank test for numbers, Fisher's and McNemar's exact tests
for all else. Of several values or bounds of one attribute the best is shown, and its p value pays for the
choice.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates, window
from otel_savetrace.analysis.comparisons import Comparison, Rows
from otel_savetrace.analysis.predicates import (
    Column,
    Predicate,
    Truths,
    as_numbers,
    best_threshold,
    frequent_values,
    is_number,
)
from otel_savetrace.spans.rows import AttributeValue

FEWEST = 3
"""With fewer saves on a side no test is made."""

MANY_PAIRS = 10
"""From so many on Wilcoxon's test is made; with fewer the signs alone are counted, exactly."""

LEAST_SHARE = 0.2
"""A value is tried that so many of the failed saves have."""

FOLLOWS_TIME = 0.98
"""A number that grows from save to save tells when they were, and nothing else."""

ONLY_BY_CHANCE = 10
"""With so many saves that worked, what stands on none of them is a mark of failing."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """One attribute tried in one way: `p` as it is, before it is corrected for all that was tried.

    `truths` says of which of the rows the predicate is true; `of_time` that the rows are of the whole time.
    `usual` are the usual values of failed and of other saves.
    """

    predicate: Predicate
    p: float
    truths: Truths
    failed: Truths
    usual: tuple[AttributeValue, AttributeValue]
    paired: bool = False
    of_time: bool = False

    @property
    def failed_share(self) -> float:
        """Share of the failed saves for which the predicate is true."""
        return float(self.truths[self.failed].mean())

    @property
    def succeeded_share(self) -> float:
        """Share of the saves that worked for which it is true."""
        return float(self.truths[~self.failed].mean())

    @property
    def gain(self) -> float:
        """By how much the share of failed saves exceeds the other."""
        return self.failed_share - self.succeeded_share


def trials_of(comparison: Comparison) -> list[Trial]:
    """Return all that was tried of a cause."""
    made = [*_near(comparison), *_of_time(comparison)]
    return [*made, *_paired(comparison, {trial.predicate.attribute: trial for trial in made})]


def _near(comparison: Comparison) -> Iterator[Trial]:
    rows = comparison.near
    if _too_few(rows.failed):
        return
    for name in rows.names():
        column = rows.column(name)
        if _may_be_condition(name, column, rows):
            yield from _tried(name, column, rows.failed)


def _of_time(comparison: Comparison) -> Iterator[Trial]:
    rows = comparison.overall
    if _too_few(rows.failed):
        return
    for name in rows.names():
        if name in candidates.OF_THE_TIME:
            column = rows.column(name)
            if not _is_constant(column):
                for trial in _tried(name, column, rows.failed):
                    yield dataclasses.replace(trial, of_time=True)
    found = window.narrowest(rows.starts, rows.failed)
    p = float(stats.ks_2samp(*_parted(np.asarray(rows.starts, dtype=float), rows.failed)).pvalue)
    yield Trial(
        Predicate(candidates.TIME, "=", found.said),
        p,
        found.holds,
        rows.failed,
        (found.said, None),
        of_time=True,
    )


def _too_few(failed: Truths) -> bool:
    return min(int(failed.sum()), int((~failed).sum())) < FEWEST


def _may_be_condition(name: str, column: Column, rows: Rows) -> bool:
    """Return whether an attribute's values leave it open what it is; its name alone has passed before."""
    if _is_constant(column):
        return False
    if name == attributes.REQUESTS_IN_FLIGHT:
        # Of a save that takes longer more others begin before its end.
        failed, others = _parted(np.asarray(rows.seconds), rows.failed)
        return bool(np.median(failed) <= 1.5 * np.median(others))
    if candidates.is_explained(name):
        return True
    return not _tells_outcome(column, rows.failed) and not _tells_time(column, rows.starts)


def _is_constant(column: Column) -> bool:
    return len(set(column)) < 2


def _tells_outcome(column: Column, failed: Truths) -> bool:
    """Return whether all saves that worked have one value, or none, and no failed save has that."""
    of_others = {held for held, is_failed in zip(column, failed, strict=True) if not is_failed}
    of_failed = {held for held, is_failed in zip(column, failed, strict=True) if is_failed}
    return len(of_others) == 1 and not of_others & of_failed and int((~failed).sum()) >= ONLY_BY_CHANCE


def _tells_time(column: Column, starts: Sequence[int]) -> bool:
    numbers = as_numbers(column)
    known = ~np.isnan(numbers)
    if known.sum() < ONLY_BY_CHANCE or len(np.unique(numbers[known])) < 0.9 * known.sum():
        return False
    order = stats.spearmanr(numbers[known], np.asarray(starts, dtype=float)[known]).statistic
    return bool(abs(order) > FOLLOWS_TIME)


def _tried(name: str, column: Column, failed: Truths) -> Iterator[Trial]:
    if _is_of_numbers(name, column):
        number = _tried_as_number(name, column, failed)
        if number is not None:
            yield number
    if not _is_of_numbers(name, column) or _may_be_names(column):
        value = _tried_as_value(name, column, failed)
        if value is not None:
            yield value


def _may_be_names(column: Column) -> bool:
    """Return whether a column's numbers are few and whole: a shard's, say, of which none is more."""
    return len(set(column)) <= 12 and all(isinstance(held, int) for held in column if held is not None)


def _is_of_numbers(name: str, column: Column) -> bool:
    return name not in candidates.NUMBERS_THAT_NAME and all(
        is_number(held) for held in column if held is not None
    )


def _tried_as_number(name: str, column: Column, failed: Truths) -> Trial | None:
    numbers = as_numbers(column)
    known = ~np.isnan(numbers)
    beyond = best_threshold(name, column, failed)
    if beyond is None:
        return None
    truths = beyond.holds(column)
    # Where most values are equal, ranks promise more than there is: what is counted must bear them out.
    p = _fisher(truths, failed)
    of_failed, of_others = _parted(numbers[known], failed[known])
    if min(len(of_failed), len(of_others)) >= FEWEST:
        p = max(p, float(stats.mannwhitneyu(of_failed, of_others).pvalue))
    elif len(of_others):
        return None
    return Trial(beyond, p, truths, failed, (_middle(column, failed), _middle(column, ~failed)))


def _tried_as_value(name: str, column: Column, failed: Truths) -> Trial | None:
    tried = [Predicate(name, "=", value) for value in frequent_values(column, failed, LEAST_SHARE)]
    if not tried:
        return None
    # Values that nobody has twice cannot separate anything, and are not paid for.
    choices = sum(count > 1 for value, count in Counter(column).items() if value is not None)
    truths = [one.holds(column) for one in tried]
    p, _, best = min((_fisher(held, failed), place, held) for place, held in enumerate(truths))[:3]
    predicate = next(one for one, held in zip(tried, truths, strict=True) if held is best)
    usual = (predicate.value, _commonest(column, ~failed))
    return Trial(predicate, min(1.0, p * max(choices, 1)), best, failed, usual)


def _fisher(truths: Truths, failed: Truths) -> float:
    table = [
        [int((truths & failed).sum()), int((truths & ~failed).sum())],
        [int((~truths & failed).sum()), int((~truths & ~failed).sum())],
    ]
    return float(stats.fisher_exact(table).pvalue)


def _paired(comparison: Comparison, unpaired: dict[str, Trial]) -> Iterator[Trial]:
    """Try each attribute within the episodes.

    What no convention explains may count saves, or tell the time: it must separate unpaired saves, too.
    """
    if len(comparison.pairs) < FEWEST:
        return
    for name, trial in sorted(unpaired.items()):
        if trial.of_time or name in candidates.IN_ORDER:
            continue
        if not candidates.is_explained(name) and trial.p > 0.05:
            continue
        before = [failed.get(name) for failed, _ in comparison.pairs]
        after = [retry.get(name) for _, retry in comparison.pairs]
        p = _p_paired(trial, before, after)
        if p is not None:
            yield dataclasses.replace(trial, p=p, paired=True)


def _p_paired(trial: Trial, before: Column, after: Column) -> float | None:
    held, held_after = trial.predicate.holds(before), trial.predicate.holds(after)
    if trial.predicate.operator == "=":
        return _signs(int((held & ~held_after).sum()), int((~held & held_after).sum()))
    difference = as_numbers(before) - as_numbers(after)
    moved = difference[~np.isnan(difference) & (difference != 0.0)]
    if len(moved) < MANY_PAIRS:
        return _signs(int((moved > 0).sum()), int((moved < 0).sum()))
    return float(stats.wilcoxon(moved).pvalue)


def _signs(there: int, back: int) -> float | None:
    """McNemar's exact test: of the pairs that differ, as many should differ either way."""
    return float(stats.binomtest(there, there + back, 0.5).pvalue) if there + back >= FEWEST else None


def _parted(
    numbers: npt.NDArray[np.float64], failed: Truths
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return numbers[failed], numbers[~failed]


def _middle(column: Column, of: Truths) -> AttributeValue:
    """Return the median as a value that was seen."""
    held = sorted(
        value for value, is_of in zip(column, of, strict=True) if is_of and isinstance(value, (int, float))
    )
    return held[len(held) // 2] if held else None


def _commonest(column: Column, of: Truths) -> AttributeValue:
    counted = Counter(value for value, is_of in zip(column, of, strict=True) if is_of and value is not None)
    return min(counted, key=lambda value: (-counted[value], str(value))) if counted else None
