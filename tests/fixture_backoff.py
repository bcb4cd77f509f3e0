"""botocore's waiting before a retry, cut to next to nothing, for tests that do not ask how long it is."""

from __future__ import annotations

import time

import botocore.endpoint
import pytest

SHORT_SECONDS = 0.001


class ShortSleep:
    """Stands for the module `time` in `botocore.endpoint`, which asks it for nothing else."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """Sleep for a moment."""
        time.sleep(min(seconds, SHORT_SECONDS))


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once; whether there is one, and how long its backoff should be, is as ever."""
    monkeypatch.setattr(botocore.endpoint, "time", ShortSleep)
