"""Failed against succeeded saves as rows that are drawn: few, however many saves there are."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.findings import Condition, Distribution
from otel_savetrace.report.figures import NAMING, figure
from otel_savetrace.report.page.time_bins import told_time
from otel_savetrace.spans.rows import AttributeValue

BINS = 30
MOST_VALUES = 8
MOST_PAIRS = 120
LOGARITHMIC_FROM = 100.0
"""A range in which the largest is so many times the smallest is shown on a logarithmic scale."""

NOT_RECORDED = "not recorded"

Sides = Mapping[str, "Sequence[AttributeValue]"]
"""The values of the ``failed`` and of the ``succeeded`` saves."""


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers. `bins` has a row a side and bin (``side``, ``from``, ``to``, ``told``, ``share``, ``saves``).

    `ends` has both ends of a pair (``pair``, ``side``, ``value``, ``told``). `middles` are the medians.
    `missing` says on how many saves of each side nothing is recorded. `of_time`: the numbers are times, as
    seconds since 1970; ``from`` and ``to`` are milliseconds then, as the charting library has them.
    """

    attribute: str
    of_time: bool
    logarithmic: bool
    bins: Sequence[Mapping[str, Any]]
    ends: Sequence[Mapping[str, Any]]
    pairs_in_all: int
    middles: Mapping[str, float]
    missing: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class ValueShares:
    """How many of the failed and of the succeeded saves have a value, and which share of them."""

    value: str
    failed: int
    failed_share: float
    succeeded: int
    succeeded_share: float


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """In how many episodes a value became another; the same where both are equal."""

    failed: str
    succeeded: str
    episodes: int
    share: float


@dataclasses.dataclass(frozen=True, slots=True)
class Values:
    """Anything but numbers: those that most failed saves have first, then the rest as one."""

    attribute: str
    rows: Sequence[ValueShares]
    changes: Sequence[Change]
    changes_left_out: int
    pairs_in_all: int


def drawn(distribution: Distribution, condition: Condition | None) -> Histogram | Values:
    """Return what is drawn of a distribution; numbers that the condition only names are no numbers here."""
    name = distribution.attribute
    sides: Sides = {"failed": distribution.failed, "succeeded": distribution.succeeded}
    held = [value for values in sides.values() for value in values if value is not None]
    by_name = condition is not None and condition.attribute == name and condition.operator in {"=", "!="}
    if name == candidates.TIME or (held and not by_name and _is_of_numbers(name, held)):
        return _histogram(name, sides, distribution.pairs)
    changes = _changes(name, distribution.pairs)
    shown = changes[:MOST_VALUES]
    left_out = sum(change.episodes for change in changes[MOST_VALUES:])
    return Values(name, _shares(name, sides), shown, left_out, len(distribution.pairs))


def _is_of_numbers(name: str, held: Sequence[AttributeValue]) -> bool:
    return name.rpartition(".")[2] not in NAMING and all(map(_is_number, held))


def _is_number(held: AttributeValue) -> TypeGuard[float]:
    return isinstance(held, (int, float)) and not isinstance(held, bool) and math.isfinite(held)


def _histogram(name: str, sides: Sides, pairs: Sequence[tuple[AttributeValue, AttributeValue]]) -> Histogram:
    numbers = {
        side: sorted(float(held) for held in values if _is_number(held)) for side, values in sides.items()
    }
    of_time = name == candidates.TIME
    logarithmic = not of_time and _is_logarithmic([*numbers["failed"], *numbers["succeeded"]])
    complete = [(a, b) for a, b in pairs if _is_number(a) and _is_number(b)]
    return Histogram(
        attribute=name,
        of_time=of_time,
        logarithmic=logarithmic,
        bins=_bins(name, numbers, logarithmic=logarithmic),
        ends=_ends(name, [(a, b) for a, b in complete if min(a, b) > 0 or not logarithmic]),
        pairs_in_all=len(complete),
        middles={side: values[(len(values) - 1) // 2] for side, values in numbers.items() if values},
        missing={side: len(values) - len(numbers[side]) for side, values in sides.items()},
    )


def _is_logarithmic(numbers: Sequence[float]) -> bool:
    return min(numbers) > 0 and max(numbers) / min(numbers) >= LOGARITHMIC_FROM


def _bins(name: str, numbers: Mapping[str, Sequence[float]], *, logarithmic: bool) -> list[dict[str, Any]]:
    held = [*numbers["failed"], *numbers["succeeded"]]
    edges = _edges(min(held), max(held), logarithmic=logarithmic)
    scale, told = (1000, _told_time) if name == candidates.TIME else (1, lambda number: _told(name, number))
    rows = []
    for side, values in numbers.items():
        counted = Counter(min(BINS - 1, max(0, bisect.bisect_right(edges, one) - 1)) for one in values)
        for place, number in sorted(counted.items()):
            start, end = edges[place], edges[place + 1]
            rows.append(
                {"side": side, "from": start * scale, "to": end * scale, "share": number / len(values),
                 "saves": number, "told": f"{told(start)} and {told(end)}"}
            )  # fmt: skip
    return rows


def _told(name: str, number: float) -> str:
    return figure(name, round(number) if abs(number) >= 1000 else float(f"{number:.4g}"))


def _told_time(seconds: float) -> str:
    return told_time(round(seconds * 1000))


def _edges(least: float, most: float, *, logarithmic: bool) -> list[float]:
    """Return the edges of the bins; where all values are one, they stand in the middle."""
    if least == most:
        room = abs(least) / 2 or 1.0
        least, most = least - room, most + room
    if logarithmic:
        ratio = (most / least) ** (1 / BINS)
        return [least * ratio**place for place in range(BINS)] + [most]
    return [least + (most - least) * place / BINS for place in range(BINS)] + [most]


def _shares(name: str, sides: Sides) -> list[ValueShares]:
    """Return the share of each value on either side: those that most failed saves have first."""
    counted = {side: Counter(_named(name, held) for held in values) for side, values in sides.items()}
    failed, succeeded = counted["failed"], counted["succeeded"]
    order = sorted({*failed, *succeeded}, key=lambda one: (-failed[one], -succeeded[one], one))
    shown, rest = order[:MOST_VALUES], order[MOST_VALUES:]
    rows = [(one, failed[one], succeeded[one]) for one in shown]
    if rest:
        others = [sum(side[one] for one in rest) for side in (failed, succeeded)]
        rows.append((f"{len(rest):,} others", others[0], others[1]))
    totals = (max(1, len(sides["failed"])), max(1, len(sides["succeeded"])))
    return [ValueShares(one, bad, bad / totals[0], good, good / totals[1]) for one, bad, good in rows]


def _named(name: str, held: AttributeValue) -> str:
    return NOT_RECORDED if held is None else figure(name, held)


def _ends(name: str, pairs: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Return both ends of at most so many pairs, taken evenly from all."""
    step = max(1, math.ceil(len(pairs) / MOST_PAIRS))
    return [
        {"pair": number, "side": side, "value": held, "told": figure(name, held)}
        for number, ends in enumerate(pairs[::step])
        for side, held in zip(("failed", "succeeded"), ends, strict=True)
    ]


def _changes(name: str, pairs: Sequence[tuple[AttributeValue, AttributeValue]]) -> list[Change]:
    counted = Counter((_named(name, a), _named(name, b)) for a, b in pairs)
    most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [Change(a, b, number, number / len(pairs)) for (a, b), number in most]
