"""The light rows: what of every save is kept, a hundred bytes each, in a table of DuckDB.

What is only compared stands there as a number that Python's own hash makes of it: equal numbers, equal
things. The table lies in a file and may take more room than memory has.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import duckdb

from otel_savetrace import attributes
from otel_savetrace.analysis import identity, values
from otel_savetrace.analysis.pairing import LATEST_NANOSECONDS, recorded_by
from otel_savetrace.analysis.saves import Save
from otel_savetrace.loading.archive import trace_number

VERSION = attributes.APP_VERSION

MEMORY = "300MB"
"""What DuckDB may hold; more lies on disk."""

Fits = Callable[[Save], bool]
"""Whether a save is one of those asked for."""

COLUMNS: Mapping[str, str] = {
    "source": "UTINYINT",  # number of the source that told it
    "trace": "UBIGINT",
    "span": "UBIGINT",
    "starts": "BIGINT",  # nanoseconds since 1970, UTC
    "ends": "BIGINT",
    "outcome": "VARCHAR",
    "code": "VARCHAR",  # of its failure
    "failing": "BOOLEAN",  # it failed, or its answer never came
    "fits": "BOOLEAN",  # it is one of those asked for
    "retry": "BOOLEAN",  # a failed save is known to have come before it
    "kind": "BIGINT",  # code and stage of its failure
    "route": "BIGINT",  # service, method and route
    "who": "BIGINT",
    "what": "BIGINT",
    "alike": "BIGINT",  # program and size of the request
    "previous": "UBIGINT",  # trace of the failed save that it retries
    "cookie": "BOOLEAN",  # it brought that one's cookie
    "version": "BIGINT",
    "instance": "BIGINT",  # the worker that served it
    "key_len": "BIGINT",
    "header_bytes": "BIGINT",
    "body_size": "BIGINT",
}


class LightTable:
    """Rows go to a file first, which is what DuckDB reads fastest; `finish` makes the table of them.

    `by_source` then has the saves that each source told.
    """

    def __init__(self, folder: Path, fits: Fits) -> None:
        self._fits = fits
        self._path = folder / "light.csv"
        self._file = self._path.open("w", newline="", encoding="utf-8")
        self._write = csv.writer(self._file).writerow
        self.by_source: dict[int, int] = {}
        self.database = duckdb.connect(str(folder / "light.duckdb"))

    def __enter__(self) -> LightTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.database.close()

    def add(self, source: int, save: Save) -> None:
        """Write a save's row."""
        span, held = save.span, save.span.attributes
        outcome, failing = save.outcome, is_failing(save)
        code = save.error_code if outcome == "failed" else None
        previous = values.text(held.get(attributes.PREVIOUS_TRACE_ID))
        body_size = values.integer(held.get(attributes.REQUEST_BODY_SIZE))
        instance = (span.resource.get("service.instance.id"), held.get(attributes.PROCESS_ID))
        who, what = identity.user(save), identity.thing(save)
        self._write(
            (
                source,
                trace_number(span.trace_id),
                int(span.span_id, 16),
                min(span.start_nanoseconds, LATEST_NANOSECONDS),
                min(span.end_nanoseconds, LATEST_NANOSECONDS),
                outcome,
                code,
                failing,
                self._fits(save),
                previous is not None,
                hash((code, save.stage)) if failing else None,
                hash((span.service, save.route)),
                hash(who) if who else None,
                hash(what) if what else None,
                hash((identity.agent(save), body_size)),
                _number(previous) if previous else None,
                previous is not None and recorded_by(save) == "cookie",
                hash((span.service, held.get(VERSION) or span.resource.get(VERSION))),
                hash(instance) if any(instance) else None,
                values.integer(held.get(attributes.KEY_LEN)),
                values.integer(held.get(attributes.HEADER_BYTES)),
                body_size,
            )
        )

    def finish(self) -> None:
        """Make the table `light` of the rows: of a save that was read twice the first."""
        self._file.close()
        # A bar would be drawn on standard output, where a script expects JSON.
        self.database.execute("SET enable_progress_bar = false")
        self.database.execute(f"SET memory_limit = '{MEMORY}'")
        self.database.execute("SET preserve_insertion_order = false")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self.database.execute(f"CREATE TABLE told ({columns})")
        if self._path.stat().st_size:
            self.database.execute(
                f"COPY told FROM '{self._path}' (FORMAT csv, HEADER false, AUTO_DETECT false)"
            )
        self._path.unlink()
        self.database.execute(
            "CREATE TABLE light AS FROM told"
            " QUALIFY row_number() OVER (PARTITION BY trace, span ORDER BY source, failing DESC) = 1"
        )
        self.by_source = dict(
            self.database.execute(
                "SELECT source, count(DISTINCT (trace, span)) FROM told GROUP BY source"
            ).fetchall()
        )
        self.database.execute("DROP TABLE told")


def is_failing(save: Save) -> bool:
    """Return whether a save failed, or its answer never came."""
    return save.outcome == "failed" or (save.outcome == "unknown" and save.answered != "yes")


def _number(trace_id: str) -> int | None:
    try:
        return trace_number(trace_id)
    except ValueError:
        return None
