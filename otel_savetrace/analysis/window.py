"""The stretch of time in which most failures lie and fewest of the saves that worked: an outage."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

import numpy as np

from otel_savetrace.analysis.predicates import Truths


@dataclasses.dataclass(frozen=True)
class Window:
    """From `start` to `end`, both in nanoseconds since 1970; `holds` says which saves began then."""

    start: int
    end: int
    holds: Truths

    @property
    def said(self) -> str:
        """The window as ISO 8601 has intervals: two times in UTC with a slash between."""
        return f"{_time(self.start)}/{_time(self.end)}"


def narrowest(starts: Sequence[int], failed: Truths) -> Window:
    """Return the window in which the share of failed saves exceeds that of the others by most.

    J. Bentley, "Programming Pearls", column 8, has how the greatest sum of a stretch is found in one pass.
    """
    times = np.asarray(starts, dtype=np.int64)
    moments, place = np.unique(times, return_inverse=True)
    gain = np.bincount(place, weights=failed / max(failed.sum(), 1), minlength=len(moments))
    gain -= np.bincount(place, weights=~failed / max((~failed).sum(), 1), minlength=len(moments))
    best, first, last = -1.0, 0, 0
    total, begin = 0.0, 0
    for index, step in enumerate(gain.tolist()):
        if total <= 0.0:
            total, begin = 0.0, index
        total += step
        if total > best + 1e-12:
            best, first, last = total, begin, index
    start, end = int(moments[first]), int(moments[last])
    return Window(start, end, (times >= start) & (times <= end))


def _time(nanoseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(nanoseconds // 1_000_000_000, tz=datetime.timezone.utc)
    return moment.isoformat().replace("+00:00", "Z")
