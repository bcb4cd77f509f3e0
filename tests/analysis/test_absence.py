"""What a span does not carry is known where its absence means something, and not known elsewhere."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.absence import KNOWN_WITH, SAME_AS, meant


@pytest.mark.parametrize("name", [name for name, one in names.REGISTRY.items() if one.absent is not None])
def test_every_default_of_the_registry_is_known(name: str) -> None:
    """On a span that carries what goes with it, absence is the registry's word; elsewhere it is nothing."""
    assert meant({KNOWN_WITH[name]: 1}, name) == names.REGISTRY[name].absent
    assert meant({}, name) is None


def test_what_is_there_counts() -> None:
    """A value that is recorded is never replaced."""
    assert (
        meant({names.CONNECTION: names.REUSED, names.CONNECTION_REQUESTS: 3}, names.CONNECTION_REQUESTS) == 3
    )


@pytest.mark.parametrize(("name", "other"), SAME_AS.items())
def test_what_is_as_another(name: str, other: str) -> None:
    """Sizes as sent that are not recorded are those before sending."""
    assert meant({KNOWN_WITH[name]: 1, other: 71}, name) == 71
    assert meant({other: 71}, name) is None


def test_a_name_that_is_not_ours_has_no_default() -> None:
    """Of other instrumentations' attributes absence means nothing."""
    assert meant({names.ATTEMPTS: 1}, "user.id") is None
