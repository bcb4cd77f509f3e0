"""The charts of the timeline, one beneath the other on the same scale of time.

The saves that did not fail stand lowest and have the labels; where there are none, the failed ones have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace.analysis.words import count
from otel_savetrace.report.page.axis import SECONDS, TIME_FORMAT, enclosing_seconds
from otel_savetrace.report.page.chart import Chart, chart, fixed
from otel_savetrace.report.page.time_bins import TimeBins

PICKED = "picked"
"""The stretch of time that a person marks with the mouse."""

FROM = ({"field": "when", "title": "from"},)

TIME: Mapping[str, Any] = {"field": "t", "type": "temporal", "title": None}
LABELLED: Mapping[str, Any] = {"tickCount": 8, "format": TIME_FORMAT}
UNLABELLED: Mapping[str, Any] = {"labels": False, "ticks": False}


def failed_over_time(bins: TimeBins) -> Chart:
    """Return the failed saves in each bin of time, by code; a stretch of it can be marked."""
    axis = UNLABELLED if bins.others else LABELLED
    time = {**TIME, "scale": _time_scale(bins), "bin": {"binned": True}, "axis": axis}
    saves = sum(row["saves"] for row in bins.failed)
    return chart(
        f"{count(saves, 'failed save')} over time, by error code: {', '.join(bins.codes)}",
        bins.failed,
        height=130,
        mark={"type": "bar", "binSpacing": 1},
        params=[{"name": PICKED, "select": {"type": "interval", "encodings": ["x"]}}],
        encoding={
            "x": time, "x2": {"field": "end"},
            "y": {"field": "saves", "type": "quantitative", "title": "failed",
                  "axis": _whole(bins.failed)},
            "color": _code(bins),
            "tooltip": [*FROM, {"field": "code"}, {"field": "saves", "format": ","}],
        },
    )  # fmt: skip


def others_over_time(bins: TimeBins) -> Chart:
    """Return the saves in each bin of time that did not fail: the traffic behind the failures."""
    time = {**TIME, "scale": _time_scale(bins), "bin": {"binned": True}, "axis": LABELLED}
    outcomes = {"domain": ["succeeded", "unknown"], "range": ["var(--succeeded)", "var(--unknown)"]}
    saves = sum(row["saves"] for row in bins.others)
    return chart(
        f"{count(saves, 'save')} over time that did not fail",
        bins.others,
        height=70,
        mark={"type": "bar", "binSpacing": 1, "opacity": 0.75},
        encoding={
            "x": time, "x2": {"field": "end"},
            "y": {"field": "saves", "type": "quantitative", "title": "others",
                  "axis": _whole(bins.others)},
            "color": {"field": "outcome", "type": "nominal", "scale": outcomes, "legend": None},
            "tooltip": [*FROM, {"field": "outcome"}, {"field": "saves", "format": ","}],
        },
    )  # fmt: skip


def episodes_over_time(bins: TimeBins, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Return each failure with its retry: how high it stands says how long until it was saved."""
    x = {**TIME, "scale": _time_scale(bins), "axis": UNLABELLED}
    tooltip = [
        {"field": "when", "title": "failed first"}, {"field": "what", "title": "saved"}, {"field": "code"},
        {"field": "became", "title": "then"}, {"field": "failures", "title": "failed saves"},
    ]  # fmt: skip
    until = [row["seconds"] for row in rows if row["seconds"] is not None]
    named = enclosing_seconds(until)
    y = {
        "field": "seconds", "type": "quantitative", "title": "until saved",
        "scale": {"type": "log", "domain": fixed((named[0], max([named[-1], *until])))},
        "axis": {"values": named, "labelExpr": SECONDS},
    }  # fmt: skip
    saved = {"filter": "datum.seconds !== null"}
    shared = {"x": x, "color": _code(bins), "tooltip": tooltip}
    layers: list[Chart] = []
    if any(row["seconds"] is not None for row in rows):
        layers += [
            {"transform": [saved], "mark": {"type": "rule", "opacity": 0.5},
             "encoding": {"x": x, "x2": {"field": "until"}, "y": y, "color": _code(bins)}},
            {"transform": [saved], "mark": {"type": "point", "filled": True, "size": 55, "cursor": "pointer"},
             "encoding": {**shared, "y": y}},
        ]  # fmt: skip
    if any(row["seconds"] is None for row in rows):
        cross = {"type": "point", "shape": "cross", "angle": 45, "size": 60, "cursor": "pointer"}
        layers += [
            {"transform": [{"filter": "datum.seconds === null"}], "mark": {**cross, "filled": True},
             "encoding": {**shared, "y": {"value": -12}}},
            {"data": {"values": [{}]},
             "mark": {"type": "text", "text": "not saved", "align": "right", "fill": "var(--muted)",
                      "x": -6, "y": -12, "fontSize": 12}},
        ]  # fmt: skip
    return chart(
        f"{count(len(rows), 'failure')}, and how long until each was saved",
        rows,
        height=110 if until else 8,
        layer=layers,
    )


def _whole(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Return an axis of saves that names no half ones."""
    stacked: Counter[int] = Counter()
    for row in rows:
        stacked[row["t"]] += row["saves"]
    return {"format": "~s", "tickCount": min(4, max(stacked.values()))}


def _time_scale(bins: TimeBins) -> Chart:
    return {"type": "utc", "domain": fixed((bins.start, bins.end))}


def _code(bins: TimeBins) -> Chart:
    colours = [f"var(--code-{number})" for number in range(1, len(bins.codes) + 1)]
    scale = {"domain": list(bins.codes), "range": colours}
    return {"field": "code", "type": "nominal", "scale": scale, "legend": None}
