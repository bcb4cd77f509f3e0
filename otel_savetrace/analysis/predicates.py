"""A statement about one attribute that is true or false of a save: ``size >= 4096``, ``peer = 10.0.0.7``."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis.findings import Operator
from otel_savetrace.spans.rows import AttributeValue

Truths: TypeAlias = npt.NDArray[np.bool_]
Column: TypeAlias = "Sequence[AttributeValue]"
"""One attribute of many saves, None where a save does not have it."""


@dataclasses.dataclass(frozen=True)
class Predicate:
    """One attribute held against one value; false where a save does not have the attribute."""

    attribute: str
    operator: Operator
    value: AttributeValue

    def holds(self, column: Column) -> Truths:
        """Return of each save whether it is so."""
        if self.operator == "=":
            return np.array([held is not None and held == self.value for held in column], dtype=bool)
        numbers = as_numbers(column)
        with np.errstate(invalid="ignore"):
            bound = np.float64(self.value)  # type: ignore[arg-type]  # thresholds are made of numbers only
            return np.asarray(numbers >= bound if self.operator == ">=" else numbers <= bound)


def is_number(value: AttributeValue) -> bool:
    """Return whether more or less of a value means anything."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_numbers(column: Column) -> npt.NDArray[np.float64]:
    """Return a column's numbers, NaN where there is none."""
    return np.array([float(held) if is_number(held) else np.nan for held in column], dtype=float)  # type: ignore[arg-type]  # as told by is_number


def best_threshold(attribute: str, column: Column, failed: Truths) -> Predicate | None:
    """Return the bound beyond which the share of failed saves exceeds that of the others by most.

    Of several that do so alike it is the one nearest to the failed saves; the bound is a value that was seen.
    """
    numbers = as_numbers(column)
    known = ~np.isnan(numbers)
    if not known.any():
        return None
    values, place = np.unique(numbers[known], return_inverse=True)
    of_failed = np.bincount(place, weights=failed[known], minlength=len(values)) / max(failed.sum(), 1)
    of_others = np.bincount(place, weights=~failed[known], minlength=len(values)) / max((~failed).sum(), 1)
    gain = of_failed - of_others
    from_below, from_above = np.cumsum(gain), np.cumsum(gain[::-1])[::-1]
    lowest = len(values) - 1 - int(np.argmax(from_above[::-1].round(12)))
    highest = int(np.argmax(from_below.round(12)))
    if from_above[lowest] >= from_below[highest]:
        return Predicate(attribute, ">=", _as_seen(column, values[lowest]))
    return Predicate(attribute, "<=", _as_seen(column, values[highest]))


def frequent_values(column: Column, failed: Truths, least_share: float) -> list[AttributeValue]:
    """Return the values of at least that share of the failed saves, and of two; the most frequent first."""
    held = [value for value, is_failed in zip(column, failed, strict=True) if is_failed and value is not None]
    least = max(2.0, least_share * int(failed.sum()))
    counted = Counter(held)
    return [
        value
        for value, count in sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
        if count >= least
    ]


def _as_seen(column: Column, value: float) -> AttributeValue:
    """Return the value as the span had it: 7 rather than 7.0."""
    return next(held for held in column if is_number(held) and held == value)
