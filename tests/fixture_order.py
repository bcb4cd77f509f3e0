"""Tests that take a minute come first: last, one process would be at work and the others wait for it."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let tests be marked."""
    config.addinivalue_line("markers", "long: takes a minute, and so comes first")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked as long before all else, in every process alike."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
