"""botocore's waiting before a retry, cut to next to nothing, for tests that do not ask how long it is."""

from __future__ import annotations

import botocore.endpoint
import pytest

SHORT_SECONDS = 0.001


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once; that and in which mode botocore decides on them is as ever."""
    asleep = botocore.endpoint.time.sleep

    class ShortSleep:
        """Stands for the module `time` in botocore's endpoint."""

        @staticmethod
        def sleep(seconds: float) -> None:
            asleep(min(seconds, SHORT_SECONDS))

    monkeypatch.setattr(botocore.endpoint, "time", ShortSleep)
