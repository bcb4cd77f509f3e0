"""What all charts of the page have in common, as Vega-Lite has it.

Colours are the style sheet's own: so a chart follows light, dark and print without being drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Chart: TypeAlias = "dict[str, Any]"

LEFT = 46
"""Columns of pixels for the labels of every vertical axis, so that charts beneath each other line up."""

CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridColor": "var(--line)",
        "domainColor": "var(--line)", "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": 400, "labelLimit": 220,
    },
    "axisY": {"minExtent": LEFT, "maxExtent": LEFT, "domain": False, "ticks": False, "tickCount": 4},
    "legend": {
        "labelColor": "var(--ink)", "titleColor": "var(--muted)", "labelFontSize": 12, "orient": "top",
        "title": None, "symbolType": "square", "offset": 4, "labelLimit": 320,
    },
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
