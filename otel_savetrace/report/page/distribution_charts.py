"""The charts of a verdict: how failed and succeeded saves are distributed over a number."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Any

from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.words import count
from otel_savetrace.report.figures import figure
from otel_savetrace.report.page.axis import TIME_FORMAT, labels_of, logarithmic
from otel_savetrace.report.page.chart import Chart, chart
from otel_savetrace.report.page.distribution_data import Histogram
from otel_savetrace.report.page.time_bins import told_time

SIDES: Mapping[str, Any] = {
    "domain": ["failed", "succeeded"], "range": ["var(--failed)", "var(--succeeded)"],
}  # fmt: skip


def histogram(found: Histogram, condition: Condition | None) -> Chart:
    """Return failed above succeeded saves by a number, with the condition's bound where it has one."""
    x = {
        "field": "from", "type": "temporal" if found.of_time else "quantitative", "bin": {"binned": True},
        "title": None, **_x_scale(found),
    }  # fmt: skip
    bars: Chart = {
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": x, "x2": {"field": "to"},
            "y": {"field": "signed", "type": "quantitative", "title": None,
                  "axis": {"format": ".0%", "labelExpr": "format(abs(datum.value), '.0%')"}},
            "color": _side(),
            "tooltip": [
                {"field": "side", "title": "saves that"}, {"field": "told", "title": "between"},
                {"field": "share", "format": ".1%"}, {"field": "saves", "format": ","},
            ],
        },
    }  # fmt: skip
    layers = [bars, *(_rule(bound, of_time=found.of_time) for bound in _bounds(found, condition))]
    mirrored = "datum.side === 'failed' ? datum.share : -datum.share"
    return chart(
        _read_aloud(found),
        found.bins,
        height=180,
        transform=[{"calculate": mirrored, "as": "signed"}],
        layer=layers,
    )


def _x_scale(found: Histogram) -> Chart:
    if found.of_time:
        return {"scale": {"type": "utc"}, "axis": {"format": TIME_FORMAT, "tickCount": 6}}
    if found.logarithmic:
        edges = [row[edge] for row in found.bins for edge in ("from", "to")]
        return {"scale": {"type": "log"}, "axis": logarithmic(found.attribute, edges)}
    return {"scale": {"zero": False}, "axis": {"tickCount": 6, **labels_of(found.attribute)}}


def pairs(found: Histogram) -> Chart:
    """Return a line from each failed save to the one that worked."""
    scale = {"type": "log"} if found.logarithmic else {"zero": False}
    values = [row["value"] for row in found.ends]
    axis = logarithmic(found.attribute, values) if found.logarithmic else labels_of(found.attribute)
    y = {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": axis}
    x = {"field": "side", "type": "nominal", "title": None,
         "scale": {"domain": SIDES["domain"], "padding": 0.3},
         "axis": {"labelAngle": 0, "ticks": False, "domain": False}}  # fmt: skip
    return chart(
        f"{count(found.pairs_in_all, 'failed save')}, each beside the save that worked in its episode",
        found.ends,
        height=180,
        layer=[
            {"mark": {"type": "line", "opacity": 0.35, "stroke": "var(--muted)"},
             "encoding": {"x": x, "y": y, "detail": {"field": "pair"}}},
            {"mark": {"type": "point", "filled": True, "size": 34},
             "encoding": {"x": x, "y": y, "color": _side(),
                          "tooltip": [{"field": "told", "title": "value"}]}},
        ],
    )  # fmt: skip


def _read_aloud(found: Histogram) -> str:
    middles = {
        side: told_time(round(held * 1000)) if found.of_time else figure(found.attribute, held)
        for side, held in found.middles.items()
    }
    said = [f"half of the {side} saves are at {held} or below" for side, held in middles.items()]
    return "Failed saves above the line, succeeded saves below; " + ", ".join(said)


def _bounds(found: Histogram, condition: Condition | None) -> Iterator[float]:
    """Yield where the condition parts the values, if it is one on this attribute and can be drawn."""
    if condition is None or condition.attribute != found.attribute or isinstance(condition.value, bool):
        return
    bound = condition.value
    if found.of_time and isinstance(bound, str):
        yield from _times(bound)
    elif isinstance(bound, (int, float)) and math.isfinite(bound) and (bound > 0 or not found.logarithmic):
        yield bound


def _times(stretch: str) -> Iterator[float]:
    """Yield both ends of a stretch of time, in milliseconds since 1970."""
    for one in stretch.split("/"):
        with contextlib.suppress(ValueError):
            yield datetime.datetime.fromisoformat(one.replace("Z", "+00:00")).timestamp() * 1000


def _rule(bound: float, *, of_time: bool) -> Chart:
    return {
        "data": {"values": [{"bound": bound}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "stroke": "var(--ink)"},
        "encoding": {"x": {"field": "bound", "type": "temporal" if of_time else "quantitative"}},
    }


def _side() -> Chart:
    return {"field": "side", "type": "nominal", "scale": SIDES, "legend": None}
