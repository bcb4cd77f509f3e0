"""The page itself: one HTML file without any address to load from, and nothing in it runs but our scripts."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from otel_savetrace.analysis.exhibits import Exhibits
from otel_savetrace.analysis.findings import Report, Verdict
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report import figures, wording
from otel_savetrace.report.answer import answer, not_said
from otel_savetrace.report.attribute_words import meaning
from otel_savetrace.report.cause_words import cause_in_words, sentence
from otel_savetrace.report.page import distribution_charts, time_charts
from otel_savetrace.report.page.chart import Chart
from otel_savetrace.report.page.distribution_data import Histogram, Values, drawn
from otel_savetrace.report.page.episode_cards import episode_cards
from otel_savetrace.report.page.episode_points import episode_points
from otel_savetrace.report.page.script import charting_script
from otel_savetrace.report.page.time_bins import time_bins
from otel_savetrace.report.report_sections import PATTERN_WORDS, RETRIED
from otel_savetrace.report.verdict_view import NOT_SET_APART

MOST_ERRORS = 40
MOST_VERDICTS = 20
"""So many stand on the page; where each failure has a code of its own, there is no end of them."""


def html(report: Report, exhibits: Exhibits) -> str:
    """Return the page: whatever it is given, it is text there and no markup, and no script of its own."""
    cards = episode_cards(report, exhibits.episodes, exhibits.jaeger_address)
    drawings: dict[str, Chart] = {}
    context = {
        "report": report,
        "answer": answer(report),
        "not_said": list(not_said(report)),
        "timeline": _timeline(exhibits, drawings),
        "distributions": _distributions(report, drawings),
        "cards": cards,
        "episodes_in_all": max(report.episodes.total, len(exhibits.episodes)),
        "known": {save.trace_id: card for card in cards for save in card.episode.failed},
        "sources_named": ", ".join(source.name for source in report.sources),
    }
    scripts = [charting_script(), _asset("page.js")]
    style = _asset("page.css")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            **context,
            drawings=_embedded(drawings),
            style=Markup(style),  # noqa: S704 - the package's own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - the package's own, and the library's
            policy=_policy(scripts, style),
        )
    )


def _timeline(exhibits: Exhibits, drawings: dict[str, Chart]) -> Mapping[str, Any] | None:
    bins = time_bins(exhibits.moments)
    if bins is None:
        return None
    points = episode_points(exhibits.episodes, bins.codes)
    if bins.failed:
        drawings["failed-over-time"] = time_charts.failed_over_time(bins)
    if points.rows:
        drawings["episodes-over-time"] = time_charts.episodes_over_time(bins, points.rows)
    if bins.others:
        drawings["others-over-time"] = time_charts.others_over_time(bins)
    shown = [name for name in drawings if name.endswith("over-time")]
    return {
        "charts": shown,
        "width": duration(bins.width_seconds),
        "codes": bins.codes,
        "drawn": len(points.rows),
        "left_out": points.left_out,
    }


def _distributions(report: Report, drawings: dict[str, Chart]) -> list[list[Mapping[str, Any]]]:
    """Return of each verdict what is drawn of it: in charts, which join the `drawings`, or as rows."""
    return [
        [
            _distribution(f"verdict-{number}-{place}", drawn(one, verdict.condition), verdict, drawings)
            for place, one in enumerate(verdict.distributions)
        ]
        for number, verdict in enumerate(report.verdicts[:MOST_VERDICTS], start=1)
    ]


def _distribution(
    name: str, found: Histogram | Values, verdict: Verdict, drawings: dict[str, Chart]
) -> Mapping[str, Any]:
    if isinstance(found, Values):
        return {"by_value": found}
    drawings[name] = distribution_charts.histogram(found, verdict.condition)
    if not found.ends:
        return {"histogram": found, "chart": name}
    drawings[f"{name}-pairs"] = distribution_charts.pairs(found)
    return {"histogram": found, "chart": name, "pairs": f"{name}-pairs"}


def _embedded(drawings: Mapping[str, Chart]) -> Markup:
    """Return the charts as JSON that cannot end the element around it."""
    text = json.dumps(drawings, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)  # noqa: S704 - no mark of markup is left in it


def _policy(scripts: Sequence[str], style: str) -> str:
    """Return what the browser lets the page do: these scripts and this style, nothing from anywhere."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none';"
        " form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (resources.files("otel_savetrace.report.page") / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_readable,
        # Lines stay lines, so that no two words of theirs run together.
        lstrip_blocks=True,
    )
    environment.filters.update(
        cause=cause_in_words,
        condition=figures.condition_words,
        count=count,
        duration=duration,
        figure=figures.figure,
        interval=figures.interval,
        meaning=meaning,
        moment=wording.moment,
        percent=figures.percent,
        probability=figures.probability,
        sentence=sentence,
        short_name=wording.short_name,
        shortened=wording.shortened,
        thousands="{:,}".format,
    )
    environment.globals.update(
        is_address=_is_address,
        most_errors=MOST_ERRORS,
        most_verdicts=MOST_VERDICTS,
        not_set_apart=NOT_SET_APART,
        pattern_words=PATTERN_WORDS,
        retried=RETRIED,
    )
    return environment


def _readable(value: object) -> object:
    """Return text without an endless rest and without control characters: they turn lines here as well."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return wording.shortened(value, wording.MOST_LETTERS_OF_A_STEP)


def _is_address(text: str | None) -> bool:
    """Return whether a browser may be led there: a page elsewhere, and nothing that would run here."""
    return text is not None and text.startswith(("http://", "https://"))
