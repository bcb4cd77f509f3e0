"""What is kept of all spans and saves that were read: numbers only, in tables of DuckDB.

The tables lie in a file and may take more room than memory has.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import numpy as np

from otel_savetrace.loading.light_row import COLUMNS, HASHED, MEASURED, NONE, UNMEASURED, Named

MEMORY = "300MB"
"""What DuckDB may hold; more lies on disk."""

BUFFER_BYTES = 16 << 20
SEEN_AT_ONCE = 1_000_000


class Numbers:
    """A table of numbers that is filled through a buffer; `columns` says how `struct` packs each."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], select: str = "*"
    ) -> None:
        self._database = database
        self._insert = f"INSERT INTO {table} SELECT {select} FROM chunk"  # noqa: S608 - our own names
        self._record = struct.Struct("=" + "".join(columns.values()))
        self._type = np.dtype([(name, f"={kind}") for name, kind in columns.items()])
        self._names = tuple(columns)
        self._buffer = bytearray()
        self._show()
        database.execute(f"CREATE TABLE {table} AS SELECT {select} FROM chunk")  # noqa: S608 - as above

    def add(self, row: Collection[int]) -> None:
        """Add a row."""
        self._buffer += self._record.pack(*row)
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Have all that was added in the table."""
        self._show()
        self._database.execute(self._insert)
        self._buffer.clear()

    def _show(self) -> None:
        rows = np.frombuffer(bytes(self._buffer), self._type)
        self._database.register("chunk", {name: np.ascontiguousarray(rows[name]) for name in self._names})


class LightTable:
    """What an archive's spans and saves leave behind.

    `saves` are told by `add`; `seen` tells spans apart by source and a number; `writing` are traces that
    store something. `finish` makes the table `light` of the saves, in which each is once; `named` is
    what it names by number.
    """

    def __init__(self, folder: Path, memory: str = MEMORY) -> None:
        self.named = Named()
        self.database = duckdb.connect(str(folder / "light.duckdb"))
        # A bar would be drawn on standard output, where a script expects JSON.
        self.database.execute("SET enable_progress_bar = false")
        self.database.execute("SET preserve_insertion_order = false")
        self.database.execute(f"SET memory_limit = '{memory}'")
        self._told = Numbers(self.database, "told", COLUMNS, ", ".join(map(_expression, COLUMNS)))
        self._writing = Numbers(self.database, "writing", {"trace": "Q"})
        self.database.execute("CREATE TABLE seen (source UTINYINT, span BIGINT)")
        self._seen: dict[int, array[int]] = defaultdict(lambda: array("q"))

    def __enter__(self) -> LightTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def add(self, row: Sequence[int]) -> None:
        """Add a save's row."""
        self._told.add(row)

    def see(self, source: int, ids: Iterable[tuple[str, str]]) -> None:
        """Count spans by their trace and span ids; what a source holds twice is one span."""
        seen = self._seen[source]
        seen.extend(map(hash, ids))
        if len(seen) >= SEEN_AT_ONCE:
            self._flush_seen()

    def write(self, trace: int) -> None:
        """Tell of a trace that may store something."""
        self._writing.add((trace,))

    def untold(self) -> list[int]:
        """Return the traces that may store something and of which no save was told."""
        self._flush()
        found = self.database.execute(
            "SELECT DISTINCT trace FROM writing WHERE trace NOT IN (SELECT trace FROM told)"
        )
        return [trace for (trace,) in found.fetchall()]

    def spans_by_source(self) -> dict[int, int]:
        """Return how many different spans each source held."""
        self._flush()
        return self._counts("SELECT source, count(DISTINCT span) FROM seen GROUP BY source")

    def saves_by_source(self) -> dict[int, int]:
        """Return how many different saves each source told."""
        self._flush()
        return self._counts("SELECT source, count(DISTINCT (trace, span)) FROM told GROUP BY source")

    def finish(self) -> None:
        """Make the table `light` of the saves: of one that was told twice the first."""
        self._flush()
        self.database.execute(
            "CREATE TABLE light AS FROM told"
            " QUALIFY row_number() OVER (PARTITION BY trace, span ORDER BY source, failing DESC) = 1"
        )

    def _flush(self) -> None:
        self._told.flush()
        self._writing.flush()
        self._flush_seen()

    def _flush_seen(self) -> None:
        for source, seen in self._seen.items():
            self.database.register("chunk", {"span": np.frombuffer(seen, np.int64)})
            self.database.execute("INSERT INTO seen SELECT $1, span FROM chunk", [source])
        self.database.unregister("chunk")
        self._seen.clear()

    def _counts(self, query: str) -> dict[int, int]:
        return dict(self.database.execute(query).fetchall())


def _expression(name: str) -> str:
    """Return the column as it stands in the table, where what is not known is NULL."""
    if name in HASHED:
        return f"nullif({name}, {NONE}) AS {name}"
    return f"nullif({name}, {UNMEASURED}) AS {name}" if name in MEASURED else name
