"""What an attribute means, in a few words, for who has never seen its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from otel_savetrace.analysis import candidates
from otel_savetrace.attributes import REGISTRY

DERIVED_WORDS: Mapping[str, str] = {
    candidates.HOUR: "the hour in which the save began, UTC",
    candidates.MINUTE: "the minute of the hour in which the save began",
    candidates.SINCE_DEPLOY: "the time since a new version of the app was first seen",
    candidates.LIMIT_SHARE: "the share of a limit that the save used, of the limit that it came nearest to",
    candidates.TIME: "when the save began, UTC",
}
"""Of what no span carries; what spans carry is described where it is defined."""

FIRST_CLAUSE = re.compile(r"(`[^`]*`:?|[^`.:;]|[.:;](?!\s|$))+")
"""Up to the first stop that is not within or right behind what is quoted."""


def meaning(name: str) -> str:
    """Return what an attribute tells, a clause without a stop; empty where nobody here knows."""
    if name in DERIVED_WORDS:
        return DERIVED_WORDS[name]
    if name.startswith(candidates.HEADER):
        return f"bytes of the header {name.removeprefix(candidates.HEADER)} as it was sent"
    described = REGISTRY.get(name)
    if described is None:
        return ""
    first = FIRST_CLAUSE.match(described.meaning)
    said = (first[0] if first else described.meaning).replace("`", "")
    return said[:1].lower() + said[1:] if said[1:2].islower() else said
