"""Who waits for whom: the storage call, the worker, the front server, the browser."""

from __future__ import annotations

from collections.abc import Sequence

from otel_savetrace.analysis.findings import Patience
from otel_savetrace.analysis.saves import Save


def patience_found(saves: Sequence[Save]) -> Patience | None:
    """Return the waits that are known; None where none is."""
    return None
