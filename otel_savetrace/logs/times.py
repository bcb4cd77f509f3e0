"""Times as logs write them, in nanoseconds since 1970. A time without a zone is taken for UTC."""

from __future__ import annotations

import datetime
import functools
import re

SECOND = 10**9

_ISO = re.compile(
    r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r" ?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_CLF = re.compile(
    r"(?P<day>\d\d)/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?: (?P<zone>[+-]\d{4}))?"
)
_SYSLOG = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
)
_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)  # noqa: SIM905
}
_ABOUT_A_DAY = 90_000 * SECOND


def iso(text: str) -> int | None:
    """Return the first ISO 8601 time in `text`, also with a blank for the T and a comma for the point."""
    found = _ISO.search(text)
    if found is None:
        return None
    date = found["date"].replace("/", "-")
    return _moment(f"{date}T{found['time']}", found["fraction"], found["zone"])


def common_log(text: str) -> int | None:
    """Return the first time in `text` as access logs have it: ``28/Nov/2026:04:46:01 +0000``."""
    found = _CLF.search(text)
    if found is None or found["month"] not in _MONTHS:
        return None
    date = f"{found['year']}-{_MONTHS[found['month']]}-{found['day']}"
    return _moment(f"{date}T{found['time']}", found["fraction"], found["zone"])


def syslog(text: str, not_after: int) -> int | None:
    """Return the first time in `text` as syslog has it, ``Nov  8 04:46:01``.

    It has no year: the latest is taken that makes it no later than about a day after `not_after`.
    """
    found = _SYSLOG.search(text)
    if found is None or found["month"] not in _MONTHS:
        return None
    latest = datetime.datetime.fromtimestamp(not_after / SECOND, tz=datetime.timezone.utc).year + 1
    for year in range(latest, latest - 9, -1):  # 29 February comes at least every eighth year
        date = f"{year}-{_MONTHS[found['month']]}-{int(found['day']):02}"
        moment = _moment(f"{date}T{found['time']}", found["fraction"], None)
        if moment is not None and moment <= not_after + _ABOUT_A_DAY:
            return moment
    return None


def epoch(value: object) -> int | None:
    """Return seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size."""
    text = str(value)
    if isinstance(value, bool) or len(text) > 32:
        return None
    try:
        number = float(text)
        exact = int(text) if text.isdecimal() else None
    except ValueError:
        return None
    for digits, factor in ((11, SECOND), (14, 10**6), (17, 10**3), (20, 1)):
        if 0 < number < 10**digits:
            return exact * factor if exact is not None else round(number * factor)
    return None


def _moment(date_and_time: str, fraction: str | None, zone: str | None) -> int | None:
    seconds = _seconds(date_and_time, zone or "")
    return None if seconds is None else seconds * SECOND + int((fraction or "0").ljust(9, "0"))


@functools.lru_cache(maxsize=4096)  # lines of one second are many
def _seconds(date_and_time: str, zone: str) -> int | None:
    shift = 0
    if len(zone) > 1:
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        shift = (hours * 60 + minutes) * 60 * (-1 if zone[0] == "-" else 1)
    try:
        moment = datetime.datetime.fromisoformat(date_and_time).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None
    seconds = int(moment.timestamp()) - shift
    return seconds if seconds >= 0 else None
