"""Thousands of seeded requests: every fact told of them is what the raw store counted.

The same ``SAVETRACE_SEED`` gives each thread the same operations, faults and wires; ``SAVETRACE_REQUESTS``
says how many requests there are at least. The figures stand at the end of the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.exact.comparison import compare
from tests.exact.figures import Figures
from tests.exact.mix import Mix
from tests.fixture_capture import Captured
from tests.fixture_wires import Wire

SEED = os.environ.get("SAVETRACE_SEED", "saves")
REQUESTS = int(os.environ.get("SAVETRACE_REQUESTS", "3000"))


def test_every_fact_is_what_the_store_counted(
    captured: Captured,
    wires: dict[str, Wire],
    client_on: Callable[..., Any],
    no_backoff: None,
    figures_of: Callable[[str], Figures],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over thousands of requests of every kind, faults and threads among them, no fact differs even once."""
    mix = Mix(SEED, wires, client_on)
    mix.keep_time(monkeypatch)
    mix.run(REQUESTS)
    figures = figures_of(f"{len(mix.script.exchanges):,} requests, SAVETRACE_SEED={SEED}")
    compare(figures, mix, captured)
    assert not figures.differences(), "\n".join(figures.differences())
    assert len(mix.script.exchanges) == mix.sent >= REQUESTS
