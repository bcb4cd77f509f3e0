"""Saves over time in as many bins as a page has room for, however many saves there are."""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from otel_savetrace.analysis.exhibits import Moment
from otel_savetrace.analysis.saves import Outcome
from otel_savetrace.report.wording import shortened

MOST_BINS = 120

MOST_LETTERS = 60
"""Of a code; those that begin alike for so long are drawn as one."""

MOST_CODES = 5
"""Codes that have a colour of their own; the others share one."""

OTHER = "other"
NOT_RECORDED = "not recorded"

WIDTHS_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 2_592_000, 31_536_000,
)  # fmt: skip
"""Lengths of a bin that a person reads easily."""


@dataclasses.dataclass(frozen=True, slots=True)
class TimeBins:
    """Saves by the time of their request; times in milliseconds since 1970, as the charting library has them.

    `failed` has a row a bin and code (``t``, ``end``, ``code``, ``saves``), `others` a row a bin and any
    other outcome. `codes` are those that are told apart, the most frequent first.
    """

    start: int
    end: int
    width_seconds: int
    codes: Sequence[str]
    failed: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]


def time_bins(moments: Sequence[Moment]) -> TimeBins | None:
    """Return the saves in bins; None where there is no save."""
    if not moments:
        return None
    first, last = min(one.nanoseconds for one in moments), max(one.nanoseconds for one in moments)
    width = _width((last - first) / 1e9)
    step = width * 10**9
    begins = first // step
    counted = Counter((one.nanoseconds // step, one.outcome, one.error_code) for one in moments)
    codes = _codes(counted)
    failed: Counter[tuple[int, str]] = Counter()
    others: Counter[tuple[int, str]] = Counter()
    for (place, outcome, code), number in counted.items():
        if outcome == "failed":
            failed[place, shown_code(code, codes)] += number
        else:
            others[place, outcome] += number
    return TimeBins(
        start=begins * width * 1000,
        end=(last // step + 1) * width * 1000,
        width_seconds=width,
        codes=codes,
        failed=[_row(place, width, "code", code, number) for (place, code), number in sorted(failed.items())],
        others=[
            _row(place, width, "outcome", one, number) for (place, one), number in sorted(others.items())
        ],
    )


def shown_code(code: str | None, codes: Sequence[str]) -> str:
    """Return the name under which a code is drawn."""
    named = _named(code)
    return named if named in codes else OTHER


def _named(code: str | None) -> str:
    return shortened(code, MOST_LETTERS) if code else NOT_RECORDED


def _width(seconds: float) -> int:
    return next((width for width in WIDTHS_SECONDS if seconds / width < MOST_BINS), WIDTHS_SECONDS[-1])


def _codes(counted: Counter[tuple[int, Outcome, str | None]]) -> list[str]:
    by_code: Counter[str] = Counter()
    for (_, outcome, code), number in counted.items():
        if outcome == "failed":
            by_code[_named(code)] += number
    most = sorted(by_code, key=lambda code: (-by_code[code], code))[:MOST_CODES]
    return [*most, OTHER] if len(by_code) > len(most) else most


def _row(place: int, width: int, name: str, held: str, number: int) -> dict[str, Any]:
    begins = place * width * 1000
    return {
        "t": begins, "end": begins + width * 1000, "when": told_time(begins), name: held, "saves": number,
    }  # fmt: skip


def told_time(milliseconds: int) -> str:
    """Return a time, in milliseconds since 1970, to the second."""
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, tz=datetime.timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
