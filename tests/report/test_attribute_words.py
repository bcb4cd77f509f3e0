"""What an attribute means, told in a clause."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from otel_savetrace.attributes import REGISTRY
from otel_savetrace.report.attribute_words import meaning


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (names.CONNECTION_IDLE_SECONDS, "how long a reused connection had carried nothing"),
        (names.PEER_ADDRESS, "IP address connected to"),
        (names.CONTINUE, "what Expect: 100-continue came to"),
        (names.STORED, "yes: the store confirmed every object that the save tried to write"),
        (candidates.SINCE_DEPLOY, "the time since a new version of the app was first seen"),
        (f"{candidates.HEADER}baggage", "bytes of the header baggage as it was sent"),
        ("pantry.shelf", ""),
    ],
)
def test_a_meaning_is_the_first_clause(name: str, said: str) -> None:
    """Without its stop; of a foreign attribute nothing is made up."""
    assert meaning(name) == said


@pytest.mark.parametrize("name", REGISTRY)
def test_every_attribute_has_one(name: str) -> None:
    """A clause that fits beside a condition, with no mark of the table that it comes from."""
    told = meaning(name)
    assert 3 < len(told) <= 250
    assert "`" not in told
    assert not told.endswith((".", ":", ";"))
