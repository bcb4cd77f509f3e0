"""Every save as a moment, for the timeline and the counts: ten bytes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast, overload

import duckdb
import numpy as np
import numpy.typing as npt

from otel_savetrace.analysis.exhibits import Moment
from otel_savetrace.analysis.saves import Outcome


class Moments(Sequence[Moment]):
    """Moments, oldest first: each made when it is asked for."""

    def __init__(
        self,
        starts: npt.NDArray[np.int64],
        kinds: npt.NDArray[np.uint16],
        named: Sequence[tuple[Outcome, str | None]],
    ) -> None:
        """Take when each began, and what became of it: its place among what is `named`."""
        self._starts, self._kinds, self._named = starts, kinds, named

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> Moments: ...
    def __getitem__(self, index: int | slice) -> Moment | Moments:
        if isinstance(index, slice):
            return Moments(self._starts[index], self._kinds[index], self._named)
        return Moment(int(self._starts[index]), *self._named[int(self._kinds[index])])

    def __iter__(self) -> Iterator[Moment]:
        return (self[index] for index in range(len(self)))


def all_moments(database: duckdb.DuckDBPyConnection) -> Moments:
    """Return the moments of the saves that fit; of a table `light`."""
    named = database.execute(
        "SELECT DISTINCT outcome, code FROM light WHERE fits ORDER BY ALL LIMIT 65536"
    ).fetchall()
    columns = database.execute(
        "SELECT starts, place FROM light JOIN ("
        "SELECT outcome, code, row_number() OVER (ORDER BY outcome, code) - 1 AS place"
        " FROM (SELECT DISTINCT outcome, code FROM light WHERE fits)"
        ") AS named ON named.outcome = light.outcome AND named.code IS NOT DISTINCT FROM light.code"
        " WHERE fits ORDER BY starts"
    ).fetchnumpy()
    return Moments(
        columns["starts"], columns["place"].astype(np.uint16), cast("list[tuple[Outcome, str | None]]", named)
    )
