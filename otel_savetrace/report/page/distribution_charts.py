"""The charts of a verdict: how failed and succeeded saves are distributed over an attribute."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from otel_savetrace import attributes
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.report.page.chart import Chart, chart
from otel_savetrace.report.page.distribution_data import Drawn

SIDES: Mapping[str, Any] = {
    "domain": ["failed", "succeeded"], "range": ["var(--failed)", "var(--succeeded)"],
}  # fmt: skip


def distribution(found: Drawn, condition: Condition | None) -> Chart:
    """Return failed above succeeded saves by an attribute, with the condition's bound where it has one."""
    return _numbers(found, condition) if found.numeric else _categories(found)


def pairs(found: Drawn) -> Chart:
    """Return the pairs: of numbers a line from each failed save to its retry, of categories each change."""
    if not found.numeric:
        return _changes(found)
    scale = {"type": "log"} if found.logarithmic else {"zero": False}
    y = {"field": "value", "type": "quantitative", "title": unit_title(found.attribute), "scale": scale,
         "axis": {"format": "~s"}}  # fmt: skip
    x = {"field": "side", "type": "nominal", "title": None,
         "scale": {"domain": SIDES["domain"], "padding": 0.3},
         "axis": {"labelAngle": 0, "ticks": False}}  # fmt: skip
    return chart(
        "Each failed save and its retry",
        found.pairs,
        height=200,
        layer=[
            {"mark": {"type": "line", "opacity": 0.35, "stroke": "var(--muted)"},
             "encoding": {"x": x, "y": y, "detail": {"field": "pair"}}},
            {"mark": {"type": "point", "filled": True, "size": 34},
             "encoding": {"x": x, "y": y, "color": _side(legend=False)}},
        ],
    )  # fmt: skip


def unit_title(name: str) -> str | None:
    """Return an axis's title: the attribute's unit, None where it has none."""
    described = attributes.REGISTRY.get(name)
    return {"s": "seconds", "By": "bytes"}.get(described.unit) if described is not None else None


def _numbers(found: Drawn, condition: Condition | None) -> Chart:
    scale = {"type": "log"} if found.logarithmic else {"zero": False}
    x = {
        "field": "from", "type": "quantitative", "bin": {"binned": True}, "scale": scale,
        "title": unit_title(found.attribute), "axis": {"format": "~s", "grid": False, "tickCount": 6},
    }  # fmt: skip
    bars: Chart = {
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": x, "x2": {"field": "to"},
            "y": {"field": "signed", "type": "quantitative", "title": None,
                  "axis": {"format": ".0%", "labelExpr": "format(abs(datum.value), '.0%')"}},
            "color": _side(legend=True),
            "tooltip": [
                {"field": "side", "title": "saves that"}, {"field": "from", "format": ",.4~g"},
                {"field": "to", "format": ",.4~g"}, {"field": "share", "format": ".1%"},
                {"field": "saves", "format": ","},
            ],
        },
    }  # fmt: skip
    layers = [bars]
    bound = _bound(found, condition)
    if bound is not None:
        layers.append(
            {"data": {"values": [{"bound": bound}]},
             "mark": {"type": "rule", "strokeDash": [4, 3], "stroke": "var(--ink)"},
             "encoding": {"x": {"field": "bound", "type": "quantitative"}}}
        )  # fmt: skip
    mirrored = "datum.side === 'failed' ? datum.share : -datum.share"
    return chart(
        "Failed saves above, succeeded saves below",
        found.rows,
        height=180,
        transform=[{"calculate": mirrored, "as": "signed"}],
        layer=layers,
    )


def _bound(found: Drawn, condition: Condition | None) -> float | None:
    """Return where the condition parts the values, if it is one on this attribute and can be drawn."""
    if condition is None or condition.attribute != found.attribute or isinstance(condition.value, bool):
        return None
    bound = condition.value
    if not isinstance(bound, (int, float)) or not math.isfinite(bound):
        return None
    return bound if bound > 0 or not found.logarithmic else None


def _categories(found: Drawn) -> Chart:
    return chart(
        "Share of failed and of succeeded saves with each value",
        found.rows,
        height={"step": 13},
        mark={"type": "bar", "height": {"band": 0.9}},
        encoding={
            "y": {"field": "value", "type": "nominal", "sort": None, "title": None, "axis": _wide_axis()},
            "yOffset": {"field": "side", "sort": SIDES["domain"]},
            "x": {"field": "share", "type": "quantitative", "title": None,
                  "scale": {"domain": [0, 1]}, "axis": {"format": ".0%", "tickCount": 5}},
            "color": _side(legend=True),
            "tooltip": [
                {"field": "value"}, {"field": "side", "title": "saves that"},
                {"field": "share", "format": ".1%"}, {"field": "saves", "format": ","},
            ],
        },
    )  # fmt: skip


def _changes(found: Drawn) -> Chart:
    return chart(
        "From the failed save to its retry, in episodes",
        found.pairs,
        height={"step": 24},
        mark={"type": "bar", "height": {"band": 0.6}},
        encoding={
            "y": {"field": "change", "type": "nominal", "sort": None, "title": None, "axis": _wide_axis()},
            "x": {"field": "episodes", "type": "quantitative", "title": "episodes",
                  "axis": {"format": "~s", "tickMinStep": 1, "tickCount": 5}},
            "color": {"condition": {"test": "datum.same", "value": "var(--muted)"}, "value": "var(--accent)"},
            "tooltip": [{"field": "change"}, {"field": "episodes", "format": ","}],
        },
    )  # fmt: skip


def _wide_axis() -> Chart:
    return {"minExtent": 0, "maxExtent": 240, "domain": False, "ticks": False}


def _side(*, legend: bool) -> Chart:
    shown = {"orient": "top"} if legend else None
    return {"field": "side", "type": "nominal", "scale": SIDES, "legend": shown}
