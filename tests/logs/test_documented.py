"""docs/logs.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from otel_savetrace.logs import reading
from otel_savetrace.logs.envelope import LONGEST_LINE

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "logs.md").read_text()


def test_limits_are_those_in_force() -> None:
    """The figures under Limits are the code's."""
    assert f"{reading.MOST_WORKED:,} saves that did not fail and {reading.MOST_FAILED:,} that failed" in TEXT
    assert f"{LONGEST_LINE // 1024} KB" in TEXT


def test_what_it_links_to_is_there() -> None:
    """The nginx format that it shows is the file that the tests run nginx with."""
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (DOCS / link).exists(), link
