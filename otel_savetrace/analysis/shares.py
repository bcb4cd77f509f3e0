"""Shares with the interval in which they may lie."""

from __future__ import annotations

from otel_savetrace.analysis.findings import Share


def share(count: int, total: int) -> Share:
    """Return `count` of `total` with Wilson's interval at 95 %; of nothing, anything may be.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    from scipy import stats

    if not total:
        return Share(0, 0, 0.0, 1.0)
    interval = stats.binomtest(count, total).proportion_ci(confidence_level=0.95, method="wilson")
    return Share(count, total, float(interval.low), float(interval.high))


def percent(found: Share) -> str:
    """Return a share as a person would say it: ``12 % (8 to 18 %)``."""
    return f"{found.value:.0%} ({found.low * 100:.0f} to {found.high * 100:.0f} %)".replace("%", " %", 1)
