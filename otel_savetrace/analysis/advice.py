"""What to do next about a cause: concrete, with this data's own figures and the limit or defect behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otel_savetrace.analysis.comparisons import Comparison
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.saves import Save


def advise(
    cause: str,
    failed: Sequence[Save],
    comparison: Comparison,
    condition: Condition | None,
    worked: Sequence[Save],
    dependencies: Mapping[str, str],
) -> tuple[str, ...]:
    """Return next steps, the most promising first."""
    return ()
