"""Hours of the day and minutes of the hour at which failures come again: a nightly job, each full hour."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.predicates import Truths

MINUTE_NANOSECONDS = 60 * 10**9

OFTEN = 3
"""What happened in fewer days, or hours, has happened but not come again."""


@dataclasses.dataclass(frozen=True)
class Clock:
    """A round of time in equal parts, as a clock's face has them; `attribute` is where it is told."""

    attribute: str
    parts: int
    part_minutes: int
    worded: str

    def part_of(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return in which part each moment lies, in UTC."""
        return starts // (self.part_minutes * MINUTE_NANOSECONDS) % self.parts

    def round_of(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return in which round each moment lies: which day, which hour."""
        return starts // (self.part_minutes * self.parts * MINUTE_NANOSECONDS)

    def said(self, first: int, parts: int) -> str:
        """Return a stretch of the round as an interval: ``02:00/04:00``, ``:00/:05``."""
        unit = self.part_minutes if self.part_minutes < 60 else 1
        ends = [first % self.parts * unit, (first + parts) % self.parts * unit]
        return "/".join(self.worded.format(end) for end in ends)


CLOCKS = (
    Clock(candidates.HOUR, parts=24, part_minutes=60, worded="{:02}:00"),
    Clock(candidates.MINUTE, parts=12, part_minutes=5, worded=":{:02}"),
)

ATTRIBUTES = frozenset(clock.attribute for clock in CLOCKS)
"""What tells a place on a clock's face, where no more and no less is meant."""


@dataclasses.dataclass(frozen=True)
class Recurring:
    """A stretch of a round at which failures came again; `choices` is of how many it is the best."""

    attribute: str
    said: str
    holds: Truths
    choices: int


def recurring(starts: Sequence[int], failed: Truths) -> Iterator[Recurring]:
    """Yield of each clock the stretch in which the share of failed saves exceeds that of the others by most.

    At most half a round, in which at least one save failed in `OFTEN` rounds.
    """
    times = np.asarray(starts, dtype=np.int64)
    for clock in CLOCKS:
        part = clock.part_of(times)
        first, length = _best(part, failed, clock.parts)
        holds = (part - first) % clock.parts < length
        if len(np.unique(clock.round_of(times[holds & failed]))) >= OFTEN:
            choices = clock.parts * (clock.parts // 2)
            yield Recurring(clock.attribute, clock.said(first, length), holds, choices)


def _best(part: npt.NDArray[np.int64], failed: Truths, parts: int) -> tuple[int, int]:
    """Return first part and length of the stretch, the shortest of several alike."""
    gain = np.bincount(part[failed], minlength=parts) / max(failed.sum(), 1)
    gain -= np.bincount(part[~failed], minlength=parts) / max((~failed).sum(), 1)
    twice = np.concatenate([[0.0], np.cumsum(np.tile(gain, 2))])
    found = [
        (round(float(twice[first + length] - twice[first]), 12), -length, -first)
        for length in range(1, parts // 2 + 1)
        for first in range(parts)
    ]
    _, length, first = max(found)
    return -first, -length
