"""Addresses of Jaeger's own pages."""

from __future__ import annotations

from otel_savetrace.analysis.differences import Comparison


def comparison_address(jaeger_address: str, a: str, b: str) -> str:
    """Return the address of the page that shows the traces with the ids `a` and `b` against each other."""
    return f"{jaeger_address}/trace/{a}...{b}"


def comparison_page(comparison: Comparison, jaeger_address: str | None) -> str | None:
    """Return the page that shows both traces; `None` where the saves did not come from a Jaeger."""
    if jaeger_address is None:
        return None
    return comparison_address(jaeger_address, comparison.a.trace_id, comparison.b.trace_id)
