"""What the axes of charts name: round values, with their unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace import attributes

SECONDS = (
    "datum.value === 0 ? '0'"
    " : abs(datum.value) < 1 ? format(datum.value * 1000, '.3~r') + ' ms'"
    " : abs(datum.value) < 120 && datum.value % 60 !== 0 ? format(datum.value, '.3~r') + ' s'"
    " : abs(datum.value) < 7200 && datum.value % 3600 !== 0 ? format(datum.value / 60, '.3~r') + ' min'"
    " : format(datum.value / 3600, '.3~r') + ' h'"
)
"""The label of a length of time, as an expression of Vega's."""

LABELS: Mapping[str, str] = {"s": SECONDS, "By": "format(datum.value, '.3~s') + 'B'"}
"""The expression for each unit; a number without a unit is shortened: 10k."""

TIME_FORMAT: Mapping[str, str] = {
    "year": "%Y", "quarter": "%b %Y", "month": "%b %Y", "week": "%b %d", "day": "%b %d", "date": "%b %d",
    "hours": "%H:%M", "minutes": "%H:%M", "seconds": "%H:%M:%S", "milliseconds": "%H:%M:%S",
}  # fmt: skip

ROUND_SECONDS = (0.0001, 0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 6_048_000)

FEWEST_NAMED = 3
"""With fewer round values within a range, those between them are named too."""


def labels_of(attribute: str) -> dict[str, Any]:
    """Return the part of an axis that labels an attribute's values."""
    told = LABELS.get(_unit(attribute))
    return {"format": "~s"} if told is None else {"labelExpr": told}


def logarithmic(attribute: str, values: Sequence[float]) -> dict[str, Any]:
    """Return the part of a logarithmic axis that names few of its values, and labels them."""
    least, most = min(values), max(values)
    tens = [10.0**power for power in range(-12, 19)]
    between = [step * ten for ten in tens for step in (1, 2, 5)]
    for round_values in (ROUND_SECONDS if _unit(attribute) == "s" else tens, between):
        named = [one for one in round_values if least <= one <= most]
        if len(named) >= FEWEST_NAMED:
            break
    return {"values": named, **labels_of(attribute)}


def enclosing_seconds(values: Sequence[float]) -> list[float]:
    """Return the round lengths of time from the last below all values to the first above them."""
    least, most = min(values, default=1.0), max(values, default=60.0)
    first = max((place for place, one in enumerate(ROUND_SECONDS) if one <= least), default=0)
    last = next((place for place, one in enumerate(ROUND_SECONDS) if one >= most), len(ROUND_SECONDS) - 1)
    return list(ROUND_SECONDS[min(first, last - 1) : last + 1])


def _unit(attribute: str) -> str:
    described = attributes.REGISTRY.get(attribute)
    return described.unit if described is not None else ""
