"""Attributes of unknown meaning whose values tell that they are none before the outcome: no conditions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.predicates import Column, Truths, as_numbers
from otel_savetrace.spans.rows import AttributeValue

FOLLOWS = 0.98
"""Rank correlation from which on a number grows with another, and tells nothing else."""

FOLLOWS_LOOSELY = 0.9
"""Rank correlation from which on a part of a save's duration is long when the save is."""

ONLY_BY_CHANCE = 10
"""With so many saves that worked, what stands on none of them is a mark of failing."""

UNITS = (1.0, 1e3, 1e6, 1e9)
"""How many of it make a second, of the units that durations are told in."""


def tells_outcome(column: Column, failed: Truths) -> bool:
    """Return whether an attribute is as good as the outcome itself.

    All saves that worked have one value, or none, and no failed save has that. A text may be so and still be
    a condition (one of two zones): only where none of those that worked has any, or where a text speaks of
    outcomes, it is a mark of failing. So is a flag, or a number that is always the same when all is well.
    """
    of_others = {held for held, is_failed in zip(column, failed, strict=True) if not is_failed}
    of_failed = {held for held, is_failed in zip(column, failed, strict=True) if is_failed}
    if len(of_others) > 1 or of_others & of_failed or int((~failed).sum()) < ONLY_BY_CHANCE:
        return False
    (usual,) = of_others
    return not isinstance(usual, str) or any(map(_speaks_of_outcomes, of_others | of_failed))


def _speaks_of_outcomes(value: AttributeValue) -> bool:
    return isinstance(value, str) and bool(candidates.words(value) & candidates.OUTCOME_WORDS)


def tells_time(column: Column, starts: Sequence[int]) -> bool:
    """Return whether an attribute's numbers grow from save to save, like a count of all saves."""
    from scipy import stats

    numbers = as_numbers(column)
    known = ~np.isnan(numbers)
    if known.sum() < ONLY_BY_CHANCE or len(np.unique(numbers[known])) < 0.9 * known.sum():
        return False
    order = stats.spearmanr(numbers[known], np.asarray(starts, dtype=float)[known]).statistic
    return bool(abs(order) > FOLLOWS)


def tells_duration(column: Column, seconds: Sequence[float]) -> bool:
    """Return whether an attribute's numbers are a large part of how long the saves took, in some unit."""
    from scipy import stats

    numbers, took = as_numbers(column), np.asarray(seconds, dtype=float)
    known = ~np.isnan(numbers) & (took > 0.0)
    if known.sum() < ONLY_BY_CHANCE or len(np.unique(numbers[known])) < ONLY_BY_CHANCE:
        return False
    numbers, took = numbers[known], took[known]
    parts = (numbers / (took * unit) for unit in UNITS)
    is_part = any(((part >= 0.0) & (part <= 1.05)).all() and np.median(part) >= 0.1 for part in parts)
    if not is_part or len(np.unique(took)) < 2:
        return False
    return bool(stats.spearmanr(numbers, took).statistic > FOLLOWS_LOOSELY)
