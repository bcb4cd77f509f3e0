"""What all charts of the page have in common, as Vega-Lite has it.

Colours are the style sheet's own: so a chart follows light, dark and print without being drawn again. What
the colours mean stands beside a chart, not in it: text of the page wraps and can be copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Chart: TypeAlias = "dict[str, Any]"

LEFT = 46
"""Columns of pixels for the labels of every vertical axis, so that charts beneath each other line up."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
"""The style sheet's; named here too, since labels are measured before they are drawn."""

CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridColor": "var(--line)",
        "domainColor": "var(--line)", "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": 400, "labelLimit": 220,
    },
    "axisX": {"grid": False, "labelFlush": True},
    "axisY": {"minExtent": LEFT, "maxExtent": LEFT, "domain": False, "ticks": False, "tickCount": 4},
}  # fmt: skip


def chart(description: str, rows: Sequence[Mapping[str, Any]], **parts: Any) -> Chart:
    """Return a chart as wide as the place that it stands in; `description` is what is read aloud of it."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": description,
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": CONFIG,
        "data": {"values": list(rows)},
        **parts,
    }


def fixed(domain: Sequence[float]) -> Chart:
    """Return a scale's domain as given; Vega-Lite would merge bare numbers with each other, and warn."""
    return {"expr": f"[{', '.join(map(repr, domain))}]"}
