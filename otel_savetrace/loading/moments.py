"""Every save as a moment, for the timeline and the counts: thirteen bytes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import duckdb
import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis.exhibits import Moment
from otel_savetrace.loading.light_row import OUTCOMES


class Moments(Sequence[Moment]):
    """Moments, oldest first: each made when it is asked for."""

    def __init__(
        self,
        starts: npt.NDArray[np.int64],
        outcomes: npt.NDArray[np.uint8],
        codes: npt.NDArray[np.int32],
        names: Sequence[str | None],
    ) -> None:
        """Take when each began, its outcome's place in `OUTCOMES`, its error code's in `names`."""
        self._starts, self._outcomes, self._codes, self._names = starts, outcomes, codes, names

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> Moments: ...
    def __getitem__(self, index: int | slice) -> Moment | Moments:
        if isinstance(index, slice):
            return Moments(self._starts[index], self._outcomes[index], self._codes[index], self._names)
        code = self._names[self._codes[index]]
        return Moment(int(self._starts[index]), OUTCOMES[self._outcomes[index]], code)

    def __iter__(self) -> Iterator[Moment]:
        return (self[index] for index in range(len(self)))


def all_moments(database: duckdb.DuckDBPyConnection, names: Sequence[str | None]) -> Moments:
    """Return the moments of the saves that fit; of a table `light` and the names of its codes."""
    columns = database.execute(
        "SELECT starts, outcome, code FROM light WHERE fits ORDER BY starts, trace, span"
    ).fetchnumpy()
    return Moments(columns["starts"], columns["outcome"], columns["code"], names)
