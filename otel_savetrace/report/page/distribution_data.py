"""Failed against succeeded saves as rows that a chart draws: few, however many saves there are."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from otel_savetrace.analysis.findings import Distribution
from otel_savetrace.report.figures import NAMING, figure
from otel_savetrace.spans.rows import AttributeValue

BINS = 30
MOST_CATEGORIES = 8
MOST_PAIRS = 120
LOGARITHMIC_FROM = 100.0
"""A range in which the largest is so many times the smallest is shown on a logarithmic scale."""

NOT_RECORDED = "not recorded"
OTHERS = "all others"


@dataclasses.dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of a distribution.

    Of numbers `rows` are bins (``side``, ``from``, ``to``, ``share``, ``saves``), of anything else categories
    (``side``, ``value``, ``share``, ``saves``). `pairs` are within episodes: of numbers a row an end
    (``pair``, ``side``, ``value``), of categories a row a change (``change``, ``episodes``). `missing` says
    on how many saves of each side nothing is recorded.
    """

    attribute: str
    numeric: bool
    logarithmic: bool
    rows: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    pairs_in_all: int
    missing: Mapping[str, int]


def drawn(distribution: Distribution) -> Drawn:
    """Return what is drawn of a distribution."""
    name = distribution.attribute
    values = [held for held in (*distribution.failed, *distribution.succeeded) if held is not None]
    numeric = bool(values) and name.rpartition(".")[2] not in NAMING and all(map(_is_number, values))
    sides = {"failed": distribution.failed, "succeeded": distribution.succeeded}
    missing = {side: sum(held is None for held in held_by) for side, held_by in sides.items()}
    if not numeric:
        pairs = _changes(name, distribution.pairs)
        return Drawn(name, False, False, _categories(name, sides), pairs, len(distribution.pairs), missing)
    numbers = {side: [float(held) for held in held_by if _is_number(held)] for side, held_by in sides.items()}
    logarithmic = _is_logarithmic([*numbers["failed"], *numbers["succeeded"]])
    complete = [(a, b) for a, b in distribution.pairs if _is_number(a) and _is_number(b)]
    bins = _bins(numbers, logarithmic=logarithmic)
    return Drawn(name, True, logarithmic, bins, _ends(complete), len(complete), missing)


def _is_number(held: AttributeValue) -> TypeGuard[float]:
    return isinstance(held, (int, float)) and not isinstance(held, bool) and math.isfinite(held)


def _is_logarithmic(numbers: Sequence[float]) -> bool:
    return min(numbers) > 0 and max(numbers) / min(numbers) >= LOGARITHMIC_FROM


def _bins(numbers: Mapping[str, Sequence[float]], *, logarithmic: bool) -> list[dict[str, Any]]:
    held = [*numbers["failed"], *numbers["succeeded"]]
    edges = _edges(min(held), max(held), logarithmic=logarithmic)
    rows = []
    for side, values in numbers.items():
        counted = Counter(min(BINS - 1, max(0, bisect.bisect_right(edges, one) - 1)) for one in values)
        for place, number in sorted(counted.items()):
            share = number / len(values)
            rows.append(
                {"side": side, "from": edges[place], "to": edges[place + 1], "share": share, "saves": number}
            )
    return rows


def _edges(least: float, most: float, *, logarithmic: bool) -> list[float]:
    """Return the edges of the bins; where all values are one, they stand in the middle."""
    if least == most:
        room = abs(least) / 2 or 1.0
        least, most = least - room, most + room
    if logarithmic:
        ratio = (most / least) ** (1 / BINS)
        return [least * ratio**place for place in range(BINS)] + [most]
    return [least + (most - least) * place / BINS for place in range(BINS)] + [most]


def _categories(name: str, sides: Mapping[str, Sequence[AttributeValue]]) -> list[dict[str, Any]]:
    """Return the share of each value on either side: those that most failed saves have first."""
    counted = {side: Counter(_named(name, held) for held in values) for side, values in sides.items()}
    totals = {side: max(1, len(values)) for side, values in sides.items()}
    shares = {side: {one: number / totals[side] for one, number in counted[side].items()} for side in counted}
    order = sorted(
        {*shares["failed"], *shares["succeeded"]},
        key=lambda one: (-shares["failed"].get(one, 0), -shares["succeeded"].get(one, 0), one),
    )
    shown, rest = order[:MOST_CATEGORIES], order[MOST_CATEGORIES:]
    rows = [_category(side, one, counted[side][one], totals[side]) for one in shown for side in sides]
    others = {side: sum(counted[side][one] for one in rest) for side in (sides if rest else ())}
    return [*rows, *(_category(side, OTHERS, number, totals[side]) for side, number in others.items())]


def _category(side: str, value: str, saves: int, total: int) -> dict[str, Any]:
    return {"side": side, "value": value, "share": saves / total, "saves": saves}


def _named(name: str, held: AttributeValue) -> str:
    return NOT_RECORDED if held is None else figure(name, held)


def _ends(pairs: Sequence[tuple[AttributeValue, AttributeValue]]) -> list[dict[str, Any]]:
    """Return both ends of at most so many pairs, taken evenly from all."""
    step = max(1, math.ceil(len(pairs) / MOST_PAIRS))
    return [
        {"pair": number, "side": side, "value": held}
        for number, ends in enumerate(pairs[::step])
        for side, held in zip(("failed", "succeeded"), ends, strict=True)
    ]


def _changes(name: str, pairs: Sequence[tuple[AttributeValue, AttributeValue]]) -> list[dict[str, Any]]:
    counted = Counter((_named(name, a), _named(name, b)) for a, b in pairs)
    most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST_CATEGORIES]
    return [
        {"change": a if a == b else f"{a} → {b}", "same": a == b, "episodes": number}
        for (a, b), number in most
    ]
