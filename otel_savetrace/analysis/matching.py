"""Which line of a log tells of which save, where no trace id says so: by time, request and thing saved.

A line is joined to a save where each fits the other and nothing else. Clocks of two hosts may differ by a
second. What more than one fits is joined to none: a guess would put one user's failure on another.
"""

from __future__ import annotations

import bisect
import dataclasses
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

SECOND = 10**9

TOLERANCE = SECOND
"""By how much clocks may differ."""

ENOUGH_PAIRS = 20
"""So many joined pairs tell how the clocks of two hosts differ."""

CLOSE = 50_000_000
"""Nanoseconds by which a pair may lie beyond what the joined ones have shown."""

MOST_NEAR = 500
"""A line that so many saves are near to is joined to none: that one of them stood out is not to be hoped."""

NEVER = 2**63


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """What can be held against another witness's word: of a line, or of a save.

    Times are in nanoseconds since 1970, each from its earliest to its latest; an `end` up to `NEVER` is not
    known, a `start` of None neither. `gave_up`: the front server did not wait for the app, whose own end may
    come later, and whose status is another.
    """

    start: tuple[int, int] | None
    end: tuple[int, int]
    method: str | None = None
    path: str | None = None
    route: str | None = None
    status: int | None = None
    agent: str | None = None
    body_size: int | None = None
    words: frozenset[str] = frozenset()
    gave_up: bool = False

    @property
    def earliest(self) -> int:
        """When it began, at the earliest that is known."""
        return self.start[0] if self.start else self.end[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Matched:
    """Pairs of a line's and a save's number, and the lines that fit several saves, or one with others."""

    pairs: tuple[tuple[int, int], ...]
    ambiguous: frozenset[int]


def match(lines: Mapping[int, Sight], saves: Mapping[int, Sight]) -> Matched:
    """Join lines to saves by what both tell of their request."""
    fitting, crowded = _fitting(lines, saves)
    pairs = _mutual(fitting)
    left = _without(fitting, pairs)
    if left and len(pairs) >= ENOUGH_PAIRS:
        least, most = _clocks([(lines[line], saves[save]) for line, save in pairs])
        nearer = {
            line: [save for save in found if least <= _shift(lines[line], saves[save]) <= most]
            for line, found in left.items()
        }
        pairs += _mutual(nearer)
        left = _without(left, pairs)
    by_words = {
        line: [save for save in found if lines[line].words & saves[save].words]
        for line, found in left.items()
    }
    pairs += _mutual(by_words)
    return Matched(tuple(pairs), frozenset(_without(left, pairs)) | crowded)


def fits(line: Sight, save: Sight) -> bool:
    """Return whether an access log's line may tell of a save."""
    return (
        _same(line.method, save.method)
        and (_same(line.path, save.path) if save.path else _same(line.route, save.route))
        and (line.gave_up or _same(line.status, save.status))
        and _same(line.agent, save.agent)
        and _same(line.body_size, save.body_size)
        and _fits_in_time(line, save)
    )


def _fits_in_time(line: Sight, save: Sight) -> bool:
    begun = save.start or (save.end[0] - TOLERANCE, save.end[1])
    if begun[0] > line.end[1] + TOLERANCE:
        return False
    if line.start is not None:
        if begun[1] < line.start[0] - TOLERANCE:
            return False
    elif save.end[1] < line.end[0] - TOLERANCE:
        return False
    return line.gave_up or save.end[1] == NEVER or save.end[0] <= line.end[1] + TOLERANCE


def _same(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def _fitting(
    lines: Mapping[int, Sight], saves: Mapping[int, Sight]
) -> tuple[dict[int, list[int]], frozenset[int]]:
    """Return for each line the saves that fit, and the lines near to too many."""
    indexes: dict[tuple[str | None, str | None], _ByTime] = {}
    grouped: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for number, save in saves.items():
        grouped[save.method, save.path or save.route].append(number)
    for key, numbers in grouped.items():
        indexes[key] = _ByTime({number: saves[number] for number in numbers})
    found: dict[int, list[int]] = {}
    crowded = set()
    for number, line in lines.items():
        keys = {(line.method, line.path), (line.method, line.route), (None, None)}
        near = [one for key in keys if key in indexes for one in indexes[key].near(line)]
        if len(near) > MOST_NEAR:
            crowded.add(number)
            continue
        fitting = [one for one in near if fits(line, saves[one])]
        if fitting:
            found[number] = fitting
    return found, frozenset(crowded)


class _ByTime:
    """Saves in the order of their beginnings."""

    def __init__(self, saves: Mapping[int, Sight]) -> None:
        ordered = sorted(saves, key=lambda number: saves[number].earliest)
        self._numbers = ordered
        self._starts = [saves[number].earliest for number in ordered]
        known = [one.end[1] - one.earliest for one in saves.values() if one.end[1] < NEVER]
        self._longest = max(known, default=0)

    def near(self, line: Sight) -> Sequence[int]:
        """Return those that may have begun within a line's time."""
        begins = line.start[0] if line.start else line.end[0] - self._longest
        first = bisect.bisect_left(self._starts, begins - 2 * TOLERANCE)
        last = bisect.bisect_right(self._starts, line.end[1] + 2 * TOLERANCE)
        return self._numbers[first:last]


def _mutual(fitting: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    """Return the pairs of which neither side fits anything else."""
    wanted = Counter(save for found in fitting.values() for save in found)
    return [(line, found[0]) for line, found in fitting.items() if len(found) == 1 and wanted[found[0]] == 1]


def _without(fitting: Mapping[int, Sequence[int]], pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return what is left to join."""
    lines, saves = {line for line, _ in pairs}, {save for _, save in pairs}
    return {
        line: left
        for line, found in fitting.items()
        if line not in lines and (left := [save for save in found if save not in saves])
    }


def _clocks(pairs: Sequence[tuple[Sight, Sight]]) -> tuple[int, int]:
    """Return between which times a line comes after its save, by the pairs that are joined."""
    shifts = [_shift(line, save) for line, save in pairs if not line.gave_up and save.end[1] < NEVER]
    if len(shifts) < ENOUGH_PAIRS:
        return -NEVER, NEVER
    parts = statistics.quantiles(shifts, n=ENOUGH_PAIRS)
    return round(parts[0]) - CLOSE, round(parts[-1]) + CLOSE


def _shift(line: Sight, save: Sight) -> int:
    return line.end[0] - save.end[0]
