"""What one would have been told by ranking attributes by the difference of their shares, as trace UIs do.

Of each value of each attribute on a save's spans, the share among failed saves less that among succeeded
ones; numbers count as above or below the median of all. The largest difference comes first. Honeycomb's
BubbleUp and Jaeger's and Grafana's comparisons of tags rank so. Twice: over all attributes, and without those
that our own report knows as consequences of failing.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.diagnosis.incident import Incident
from otel_savetrace.analysis.facts import deploys_among, facts_of
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.spans.sources import read_all

Row = Mapping[str, object]


def first_by_shares(failed: Sequence[Row], worked: Sequence[Row]) -> str | None:
    """Return the attribute that comes first, None where there is nothing to compare."""
    if not failed or not worked:
        return None
    named = {name for row in [*failed, *worked] for name in row}
    differences = {name: _difference(name, failed, worked) for name in sorted(named)}
    return max(differences, key=differences.__getitem__, default=None)


def _difference(name: str, failed: Sequence[Row], worked: Sequence[Row]) -> float:
    values = [row.get(name) for row in [*failed, *worked]]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(set(numbers)) > 10:
        middle = statistics.median(numbers)
        values = [value > middle if isinstance(value, (int, float)) else value for value in values]
    shares: dict[object, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for side, held in enumerate((values[: len(failed)], values[len(failed) :])):
        for value, count in Counter(map(repr, held)).items():
            shares[value][side] = count / len(held)
    return max(one - other for one, other in shares.values())


@dataclasses.dataclass
class Guesses:
    """How often what comes first is among the attributes of an incident's condition."""

    conditions: int = 0
    right: int = 0
    right_without: int = 0

    def guess(self, incident: Incident, files: Sequence[Path]) -> None:
        """Rank the attributes of an incident's saves; each of its conditions is one to be named."""
        expected = [truth.condition for truth in incident.truths if truth.condition]
        if not expected:
            return
        found = saves([span for reading in read_all([str(file) for file in files]) for span in reading.spans])
        deploys = deploys_among(found)
        first = first_by_shares(*_sides(found, _row))
        first_without = first_by_shares(*_sides(found, lambda save: facts_of(save, deploys)))
        self.conditions += len(expected)
        self.right += any(first in condition for condition in expected)
        self.right_without += any(first_without in condition for condition in expected)


def _sides(found: Sequence[Save], row: Callable[[Save], Row]) -> tuple[list[Row], list[Row]]:
    failed = [row(save) for save in found if save.outcome == "failed"]
    return failed, [row(save) for save in found if save.outcome == "succeeded"]


def _row(save: Save) -> Row:
    row: dict[str, object] = dict(save.span.resource)
    for call in save.calls:
        for attempt in call.attempts:
            row.update(attempt.span.attributes)
        row.update(call.span.attributes)
    row.update(save.span.attributes)
    return row
