"""What the report's page draws beside the findings: every save as a moment, episodes, distributions.

A million saves may be shown: of each only its moment is held, whole saves only where an episode has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.saves import Outcome, Save
from otel_savetrace.spans.rows import AttributeValue


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """One save on the timeline: when its request began (nanoseconds since 1970, UTC), what became of it."""

    nanoseconds: int
    outcome: Outcome
    error_code: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """An attribute's values among a verdict's failed saves and among the succeeded ones held against them.

    A value is None where it is not recorded. `pairs` are failed and succeeded within the same episode.
    """

    attribute: str
    failed: Sequence[AttributeValue]
    succeeded: Sequence[AttributeValue]
    pairs: Sequence[tuple[AttributeValue, AttributeValue]] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Exhibits:
    """All that the page shows beside a `Report`.

    `moments` and `episodes` come in any order. `distributions` has one entry a verdict of the report, in its
    order: the condition's attribute first. `jaeger_address` is where Jaeger's own pages stand.
    """

    moments: Sequence[Moment]
    episodes: Sequence[Episode]
    distributions: Sequence[Sequence[Distribution]] = ()
    jaeger_address: str | None = None


def moments(saves: Iterable[Save]) -> Iterator[Moment]:
    """Yield each save's moment."""
    for save in saves:
        code = save.error_code if save.outcome == "failed" else None
        yield Moment(save.span.start_nanoseconds, save.outcome, code)
