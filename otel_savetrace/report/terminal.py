"""What a person sees in a terminal; each function returns something that a rich console prints."""

from __future__ import annotations

from rich.console import RenderableType

from otel_savetrace.analysis.differences import Comparison
from otel_savetrace.report.comparison import ComparisonView
from otel_savetrace.report.tables import episodes_table, saves_table

__all__ = ["comparison", "episodes_table", "saves_table"]


def comparison(compared: Comparison, jaeger_address: str | None = None) -> RenderableType:
    """Return two saves side by side; with the address of Jaeger's own page where the saves came from one."""
    return ComparisonView(compared, jaeger_address)
