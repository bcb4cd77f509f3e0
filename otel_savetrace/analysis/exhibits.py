"""What the report's page draws beside the findings: every save as a moment, and how values are distributed.

A million saves may be shown: of each only its moment is held, whole saves only where an episode has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.comparisons import Comparison, Rows
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import Distribution, Evidence
from otel_savetrace.analysis.saves import Outcome, Save
from otel_savetrace.spans.rows import AttributeValue

MOST_DISTRIBUTIONS = 3
"""Attributes of one verdict that are drawn; its evidence names more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """One save on the timeline: when its request began (nanoseconds since 1970, UTC), what became of it."""

    nanoseconds: int
    outcome: Outcome
    error_code: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Exhibits:
    """All that the page shows beside a `Report`; both come in any order.

    `jaeger_address` is where Jaeger's own pages stand.
    """

    moments: Sequence[Moment]
    episodes: Sequence[Episode]
    jaeger_address: str | None = None


def moments(saves: Iterable[Save]) -> Iterator[Moment]:
    """Yield each save's moment."""
    for save in saves:
        code = save.error_code if save.outcome == "failed" else None
        yield Moment(save.span.start_nanoseconds, save.outcome, code)


def distributions(comparison: Comparison, because: Sequence[Evidence]) -> tuple[Distribution, ...]:
    """Return the values that a verdict's evidence was found in; without any, what its cause is about by name.

    Where there is neither, it is the time at which the saves began: that is known of every save.
    """
    evident = [shown.attribute for shown in because]
    named = [name for name in comparison.near.names() if candidates.is_own(name, comparison.cause)]
    chosen = evident or named or [candidates.TIME]
    return tuple(_distribution(name, comparison) for name in chosen[:MOST_DISTRIBUTIONS])


def _distribution(name: str, comparison: Comparison) -> Distribution:
    of_time = name == candidates.TIME or name in candidates.OF_THE_TIME
    rows = comparison.overall if of_time else comparison.near
    column = _column(name, rows)
    failed = [held for held, is_failed in zip(column, rows.failed, strict=True) if is_failed]
    succeeded = [held for held, is_failed in zip(column, rows.failed, strict=True) if not is_failed]
    in_pairs = () if name in candidates.IN_ORDER or name == candidates.TIME else comparison.pairs
    pairs = ((before.get(name), after.get(name)) for before, after in in_pairs)
    known = tuple((before, after) for before, after in pairs if (before, after) != (None, None))
    return Distribution(name, tuple(failed), tuple(succeeded), known)


def _column(name: str, rows: Rows) -> Sequence[AttributeValue]:
    if name == candidates.TIME:
        return [start // 1_000_000_000 for start in rows.starts]
    return rows.column(name)
