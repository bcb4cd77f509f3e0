"""How near saves come to documented limits, before they fail by them."""

from __future__ import annotations

from collections.abc import Sequence

from otel_savetrace.analysis.findings import LimitUse
from otel_savetrace.analysis.saves import Save


def limits_used(saves: Sequence[Save]) -> tuple[LimitUse, ...]:
    """Return each limit of which anything is known."""
    return ()
