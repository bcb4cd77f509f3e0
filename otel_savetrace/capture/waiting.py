"""How long a request waited before the app took it, by the time that the front server wrote on it.

The header is `X-Request-Start`; there is no standard, but one meaning: when the front server had the request.
nginx writes ``t=${msec}`` (seconds and milliseconds), HAProxy ``t=%Ts%ms`` and Heroku's router milliseconds,
Apache ``t=%t`` (mod_headers) microseconds since 1970.
"""

from __future__ import annotations

import re

QUEUE_HEADER = "HTTP_X_REQUEST_START"
"""The header in a WSGI environment."""

LONGEST_SECONDS = 600.0
"""A time that lies further back was not written by a front server on its way here."""

CLOCKS_SECONDS = 1.0
"""So far in the future a time may lie by clocks that differ: the request did not wait. Beyond that it says
nothing."""

# Seconds have ten digits until the year 2286, and each finer unit three more.
_TIME = re.compile(r"(?:t=)?([0-9]{10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(?:\.([0-9]{1,9}))?")
_SECONDS_DIGITS = 10
_DECIMALS = 3


def queue_seconds(told: str, started: int) -> float | None:
    """Return how many seconds a request waited, by its header, before `started` (nanoseconds since 1970).

    None where a front server said what cannot be. Of several that wrote one after the other the first counts.
    """
    found = _TIME.fullmatch(told.partition(",")[0].strip())
    if found is None:
        return None
    whole, fraction = found.groups(default="")
    digits = whole + fraction
    began = int(digits[:_SECONDS_DIGITS]) * 1_000_000_000 + int(f"{digits[_SECONDS_DIGITS:]:0<9}"[:9])
    waited = (started - began) / 1e9
    if not -CLOCKS_SECONDS <= waited <= LONGEST_SECONDS:
        return None
    return round(max(waited, 0.0), _DECIMALS)
