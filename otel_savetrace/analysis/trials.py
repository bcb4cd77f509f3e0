"""Every attribute tried, whether it separates the saves that failed from those that worked.

scipy's tests: Mann-Whitney and Wilcoxon's signed-rank test for numbers, Fisher's and McNemar's exact tests
for all else. Of several values of one attribute the best is shown, and its p value pays for the choice; a
bound is chosen for show, its p value is that of the ranks. Saves of one user, or of one stretch of time,
count for as many as they are witnesses.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates, dependence, ranking, recurrence, window
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
from otel_savetrace.analysis.significance import FEWEST, fisher, mann_whitney, mcnemar, signed_ranks
from otel_savetrace.analysis.tell_tales import tells_duration, tells_outcome, tells_time
from otel_savetrace.spans.rows import AttributeValue

LEAST_SHARE = 0.2
"""A value is tried that so many of the failed saves have."""

MOST_NAMES = 12
"""Of so few whole numbers each may be a name: a shard's, say, of which none is more."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """One attribute tried in one way: `p` as it is, before it is corrected for all that was tried.

    `truths` says of which of the rows the predicate is true; `of_time` that the rows are of the whole time.
    `usual` are the usual values of failed and of other saves. Its predicate is the best of `choices`.
    """

    predicate: Predicate
    p: float
    truths: Truths
    failed: Truths
    usual: tuple[AttributeValue, AttributeValue]
    choices: int = 1
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
        if name not in recurrence.ATTRIBUTES and _may_be_condition(name, column, rows):
            for trial in _tried(name, column, rows.failed):
                yield _weighed(trial, rows)


def _of_time(comparison: Comparison) -> Iterator[Trial]:
    from scipy import stats

    rows = comparison.overall
    if _too_few(rows.failed):
        return
    for name in rows.names():
        if name in candidates.OF_THE_TIME - recurrence.ATTRIBUTES:
            column = rows.column(name)
            if not _is_constant(column):
                for trial in _tried(name, column, rows.failed):
                    yield dataclasses.replace(_weighed(trial, rows), of_time=True)
    for again in recurrence.recurring(rows.starts, rows.failed):
        p = min(1.0, fisher(again.holds, rows.failed) * again.choices)
        said = Predicate(again.attribute, "=", again.said)
        trial = Trial(said, p, again.holds, rows.failed, (again.said, None), again.choices)
        yield dataclasses.replace(_weighed(trial, rows), of_time=True)
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


def _weighed(trial: Trial, rows: Rows) -> Trial:
    """Return a trial whose p value counts saves for as many as they are witnesses."""
    effect = dependence.effect_of_time(trial.truths, rows.failed, rows.starts)
    # Of who fails, each failure of theirs is a witness.
    if trial.predicate.attribute not in rows.grouping:
        effect = max(effect, dependence.effect_of_groups(trial.truths, rows.failed, rows.groups))
    return dataclasses.replace(trial, p=dependence.weakened(trial.p, effect))


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
    told = (
        tells_outcome(column, rows.failed),
        tells_time(column, rows.starts),
        tells_duration(column, rows.seconds),
    )
    return not any(told)


def _is_constant(column: Column) -> bool:
    return len(set(column)) < 2


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
    return len(set(column)) <= MOST_NAMES and all(
        isinstance(held, int) for held in column if held is not None
    )


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
    p = mann_whitney(*_parted(numbers[known], failed[known]))
    if p is None and name in ranking.CONNECTION_USE:
        # Whether they have it is whether their connections were reused, and said so more plainly.
        return None
    # Where hardly any of the others have it at all, that they have it not is what there is to test.
    p = max(fisher(truths, failed), fisher(known, failed) if p is None else p)
    return Trial(beyond, p, truths, failed, (_middle(column, failed), _middle(column, ~failed)))


def _tried_as_value(name: str, column: Column, failed: Truths) -> Trial | None:
    tried = [Predicate(name, "=", value) for value in frequent_values(column, failed, LEAST_SHARE)]
    if not tried:
        return None
    # Values that nobody has twice cannot separate anything, and are not paid for.
    choices = sum(count > 1 for value, count in Counter(column).items() if value is not None)
    truths = [one.holds(column) for one in tried]
    p, _, best = min((fisher(held, failed), place, held) for place, held in enumerate(truths))[:3]
    predicate = next(one for one, held in zip(tried, truths, strict=True) if held is best)
    usual = (predicate.value, _commonest(column, ~failed))
    return Trial(predicate, min(1.0, p * max(choices, 1)), best, failed, usual, max(choices, 1))


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
    """Return the p value within pairs; None where too few differ.

    1 where they differ the other way than the unpaired saves: that speaks for no condition. The value that
    is held against the retries was chosen by what failed, and is paid for here, too.
    """
    held, held_after = trial.predicate.holds(before), trial.predicate.holds(after)
    if trial.predicate.operator == "=":
        there, back = int((held & ~held_after).sum()), int((~held & held_after).sum())
        p = mcnemar(there, back)
        return None if p is None else min(1.0, p * trial.choices) if there > back else 1.0
    difference = as_numbers(before) - as_numbers(after)
    moved = difference[~np.isnan(difference) & (difference != 0.0)]
    more = moved if trial.predicate.operator == ">=" else -moved
    p = signed_ranks(more)
    return p if p is None or np.median(more) > 0 else 1.0


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
