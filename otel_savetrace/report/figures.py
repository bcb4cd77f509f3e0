"""Shares, p values and conditions as they are printed, in the terminal and on the page."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.findings import Condition, Share
from otel_savetrace.analysis.words import duration
from otel_savetrace.report.wording import moment, printable, short_name, value
from otel_savetrace.spans.rows import AttributeValue

SMALLEST_P = 0.0001

NAMING = frozenset({"id", "pid", "port", "status_code"})
"""How names of whole numbers end that only name something: no thousands are told apart in them."""

OPERATORS: Mapping[str, str] = {"=": "=", "!=": "≠", "<=": "≤", ">=": "≥", "<": "<", ">": ">"}


def percent(share: float) -> str:
    """Return a share as a person would say it: ``92 %``; neither none nor all is rounded to either."""
    if share <= 0 or share >= 1:
        return "100 %" if share >= 1 else "0 %"
    if share < 0.001:
        return "< 0.1 %"
    if share > 0.999:
        return "> 99.9 %"
    hundredths = share * 100
    return f"{hundredths:.1f} %" if hundredths < 9.95 or hundredths > 99 else f"{hundredths:.0f} %"


def interval(share: Share) -> str:
    """Return between what a share lies at 95 %: ``47 to 91 %``, ``0.1 to 1.8 %``."""
    digits = 1 if share.high < 0.0995 else 0
    return f"{share.low * 100:.{digits}f} to {share.high * 100:.{digits}f} %"


def probability(p: float) -> str:
    """Return a p value with as many digits as tell something."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.2g}"


def figure(name: str, held: AttributeValue) -> str:
    """Return a value with its unit; a number of an attribute that is not ours to four digits."""
    if name in DERIVED:
        return DERIVED[name](held)
    if isinstance(held, bool) or not isinstance(held, (int, float)) or _has_unit(name):
        return value(name, held)
    if isinstance(held, int) and name.rpartition(".")[2] in NAMING:
        return str(held)
    return f"{held:,.0f}" if float(held).is_integer() else f"{held:,.4g}"


def condition_words(condition: Condition) -> str:
    """Return a condition in one line, to follow a *when*: ``connection_idle_seconds ≥ 60 s``."""
    if condition.attribute == candidates.TIME:
        return f"the save began {_stretch(condition.value)}"
    sign = OPERATORS[condition.operator]
    return f"{short_name(condition.attribute)} {sign} {figure(condition.attribute, condition.value)}"


def _stretch(held: AttributeValue) -> str:
    """Return a stretch of time, as the analysis has it (two times parted by a slash, ISO 8601), in words."""
    try:
        ends = [datetime.datetime.fromisoformat(end.replace("Z", "+00:00")) for end in str(held).split("/")]
        begins, ends_at = ends
    except ValueError:
        return "-" if held is None else printable(str(held))
    if begins.date() == ends_at.date():
        return f"between {begins:%Y-%m-%d %H:%M:%S} and {ends_at:%H:%M:%S} UTC"
    return f"between {begins:%Y-%m-%d %H:%M:%S} and {moment(ends_at)}"


def _length(held: AttributeValue) -> str:
    return duration(held) if isinstance(held, (int, float)) else value("", held)


def _share(held: AttributeValue) -> str:
    return percent(held) if isinstance(held, (int, float)) else value("", held)


DERIVED: Mapping[str, Callable[[AttributeValue], str]] = {
    candidates.LIMIT_SHARE: _share,
    candidates.SINCE_DEPLOY: _length,
    candidates.TIME: _stretch,
}
"""How values are told of which no span has one."""


def _has_unit(name: str) -> bool:
    described = attributes.REGISTRY.get(name)
    return described is not None and bool(described.unit)
