"""Which saves that worked a failed one is held against: those near it in time, that did what it did.

A retry is no control: it finds the connections, the pool and the clock as its failure left them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence, Set

from otel_savetrace.analysis.decisive import Deed, deed_of
from otel_savetrace.analysis.saves import Save

Control = tuple[Save, "Deed | None"]
"""A save that worked, and the call of it that is looked at; None for its first write."""

ENOUGH = 20
"""With fewer controls that did the same, those that did anything else count too."""

WANTED = 300
"""Controls that are looked for in all, where there are few failed saves."""

LEAST_EACH, MOST_EACH = 4, 60
"""Controls for each failed save."""

MOST_OVERALL = 1_000
"""Controls that stand for the whole time."""


class Pool:
    """The saves that worked at their first try, by what they did, oldest first."""

    def __init__(self, succeeded: Iterable[Save], deeds: Set[Deed]) -> None:
        self._all: list[Save] = list(succeeded)
        self._by_deed: dict[Deed | None, list[Save]] = {None: self._all, **{deed: [] for deed in deeds}}
        if deeds:
            for save in self._all:
                for deed in {deed_of(call) for call in save.calls if call.writes} & deeds:
                    self._by_deed[deed].append(save)
        self._starts = {
            deed: [save.span.start_nanoseconds for save in saves] for deed, saves in self._by_deed.items()
        }

    def near(self, failed: Sequence[tuple[Save, Deed | None]]) -> list[Control]:
        """Return controls for the failed saves, each with what it did: as many before as after each.

        Each save stands there once.
        """
        each = min(max(WANTED // max(len(failed), 1), LEAST_EACH), MOST_EACH)
        found: dict[int, Control] = {}
        for save, deed in failed:
            known = deed if len(self._by_deed.get(deed, ())) >= ENOUGH else None
            for control in self._around(save.span.start_nanoseconds, known, each // 2):
                found.setdefault(id(control), (control, deed))
        return list(found.values())

    def overall(self, deed: Deed | None) -> list[Control]:
        """Return controls that stand for the whole time, evenly drawn."""
        every = max(len(self._all) // MOST_OVERALL, 1)
        return [(save, deed) for save in self._all[::every]]

    def _around(self, moment: int, deed: Deed | None, count: int) -> list[Save]:
        saves = self._by_deed[deed]
        index = bisect.bisect_left(self._starts[deed], moment)
        return saves[max(index - count, 0) : index + count]
