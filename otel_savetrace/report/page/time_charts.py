"""The charts of the timeline, one beneath the other on the same scale of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace.report.page.chart import Chart, chart
from otel_savetrace.report.page.time_bins import TimeBins

PICKED = "picked"
"""The stretch of time that a person marks with the mouse."""

FROM = ({"field": "when", "title": "from"},)

TIME: Mapping[str, Any] = {"field": "t", "type": "temporal", "title": None}


def failed_over_time(bins: TimeBins) -> Chart:
    """Return the failed saves in each bin of time, by code; a stretch of it can be marked."""
    time = {**TIME, "scale": _time_scale(bins), "bin": {"binned": True}, "axis": {"labels": False}}
    return chart(
        "Failed saves over time, by error code",
        bins.failed,
        height=130,
        mark={"type": "bar", "binSpacing": 1},
        params=[{"name": PICKED, "select": {"type": "interval", "encodings": ["x"]}}],
        encoding={
            "x": time, "x2": {"field": "end"},
            "y": {"field": "saves", "type": "quantitative", "title": "failed", "axis": {"format": "~s"}},
            "color": {"field": "code", "type": "nominal", "scale": _codes(bins)},
            "tooltip": [*FROM, {"field": "code"}, {"field": "saves", "format": ","}],
        },
    )  # fmt: skip


def others_over_time(bins: TimeBins) -> Chart:
    """Return the saves in each bin of time that did not fail: the traffic behind the failures."""
    time = {**TIME, "scale": _time_scale(bins), "bin": {"binned": True}, "axis": {"tickCount": 8}}
    outcomes = {"domain": ["succeeded", "unknown"], "range": ["var(--succeeded)", "var(--unknown)"]}
    return chart(
        "Saves over time that did not fail",
        bins.others,
        height=70,
        mark={"type": "bar", "binSpacing": 1, "opacity": 0.75},
        encoding={
            "x": time, "x2": {"field": "end"},
            "y": {"field": "saves", "type": "quantitative", "title": "others", "axis": {"format": "~s"}},
            "color": {"field": "outcome", "type": "nominal", "scale": outcomes, "legend": None},
            "tooltip": [*FROM, {"field": "outcome"}, {"field": "saves", "format": ","}],
        },
    )  # fmt: skip


def episodes_over_time(bins: TimeBins, rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Return each failure with its retry: how high it stands says how long until it was saved."""
    x = {**TIME, "scale": _time_scale(bins), "axis": {"labels": False}}
    color = {"field": "code", "type": "nominal", "scale": _codes(bins), "legend": None}
    tooltip = [
        {"field": "when", "title": "failed first"}, {"field": "what", "title": "saved"}, {"field": "code"},
        {"field": "became", "title": "then"}, {"field": "failures", "title": "failed saves"},
    ]  # fmt: skip
    y = {
        "field": "seconds", "type": "quantitative", "title": "seconds until saved",
        "scale": {"type": "log", "nice": True}, "axis": {"format": "~s"},
    }  # fmt: skip
    saved = {"filter": "datum.seconds !== null"}
    shared = {"x": x, "color": color, "tooltip": tooltip}
    layers: list[Chart] = []
    if any(row["seconds"] is not None for row in rows):
        layers += [
            {"transform": [saved], "mark": {"type": "rule", "opacity": 0.5},
             "encoding": {"x": x, "x2": {"field": "until"}, "y": y, "color": color}},
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
    return chart("Each failure, and how long until it was saved", rows, height=130, layer=layers)


def _time_scale(bins: TimeBins) -> Chart:
    return {"type": "utc", "domain": [bins.start, bins.end]}


def _codes(bins: TimeBins) -> Chart:
    colours = [f"var(--code-{number})" for number in range(1, len(bins.codes) + 1)]
    return {"domain": list(bins.codes), "range": colours}
