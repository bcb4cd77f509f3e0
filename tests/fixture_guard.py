"""Any test fails if the guard caught something that the test did not announce."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_savetrace.capture.guard import guard


@pytest.fixture(autouse=True)
def announced() -> Iterator[set[str]]:
    """The moments at which this test expects the guard to catch something."""
    guard.caught.clear()
    moments: set[str] = set()
    yield moments
    caught = {moment for moment, _ in guard.caught}
    assert caught == moments, f"the guard caught {dict(guard.caught)}, announced were {moments}"
    guard.caught.clear()
