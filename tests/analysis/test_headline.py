"""The sentence on two saves says what they carry, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.saves import Save
from tests.fixture_spans import FAILED_PUT, RESET, SLOW_DOWN, Put, SpanFile, Try

FAILED: dict[str, Any] = {"puts": [FAILED_PUT], "outcome": "failed"}
DATABASE_LOST: dict[str, Any] = {"outcome": "failed", "savetrace__error_code": "OperationalError"}
NEVER_SENT = Put([], facts={names.ERROR_CODE: "NoCredentialsError"}, failed=True)
TWICE: Sequence[Put] = [Put([SLOW_DOWN] * 6), Put([SLOW_DOWN] * 6)]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            FAILED, {},
            "The earlier save failed: SlowDown after 3 of 3 attempts;"
            " 8.3 s later the same content was saved at the first attempt.",
        ),
        (
            FAILED, {"puts": [Put([RESET, Try()], content=("crc32:2", 1))]},
            "The earlier save failed: SlowDown after 3 of 3 attempts;"
            " 8.3 s later other content was saved after 1 retry by the client.",
        ),
        (
            FAILED, {"puts": [Put([RESET], content=None, allowed=None)], "outcome": "failed"},
            "The earlier save failed: SlowDown after 3 of 3 attempts; 8.3 s later content that may or may not"
            " be the same failed too: ConnectionResetError after 1 attempt.",
        ),
        (
            {"puts": [Put([RESET], allowed=1)], "outcome": "failed"}, {},
            "The earlier save failed: ConnectionResetError at the only attempt;"
            " 10 s later the same content was saved at the first attempt.",
        ),
        (
            {"puts": TWICE, "outcome": "failed"}, {"outcome": "unknown"},
            "The earlier save failed: SlowDown after 12 attempts over 2 storage calls; 9.8 s later"
            " the same content was sent again, and how that ended is not known.",
        ),
        (
            {"puts": [], "outcome": "failed", "savetrace__error_code": "302"}, {},
            "The earlier save failed: 302, with no storage call made;"
            " 10 s later content that may or may not be the same was saved at the first attempt.",
        ),
        (
            DATABASE_LOST, {},
            "The earlier save failed: OperationalError, although no storage call failed;"
            " 10 s later the same content was saved at the first attempt.",
        ),
        (
            {"puts": [Put([RESET]), Put()], **DATABASE_LOST}, {},
            "The earlier save failed: OperationalError, which is no storage call's error;"
            " 10 s later the same content was saved at the first attempt.",
        ),
        (
            {}, {"puts": [Put([SLOW_DOWN]), Put()]},
            "The earlier save succeeded at the first attempt;"
            " 10 s later the same content was saved after 2 attempts over 2 storage calls.",
        ),
        (
            {**FAILED, "savetrace__stored": "yes"}, {"savetrace__stored": "no"},
            "The earlier save failed: SlowDown after 3 of 3 attempts, and yet is stored; 8.3 s later the same"
            " content was said to be saved at the first attempt, and yet is not stored.",
        ),
        (
            {"savetrace__stored": "unknown"}, {"savetrace__stored": "yes"},
            "The earlier save succeeded at the first attempt, which the store has not confirmed;"
            " 10 s later the same content was saved at the first attempt.",
        ),
        (
            {"puts": [NEVER_SENT], "outcome": "failed", "savetrace__error_code": "NoCredentialsError"}, {},
            "The earlier save failed: NoCredentialsError, with nothing sent;"
            " 10 s later the same content was saved at the first attempt.",
        ),
        (
            {"outcome": "unknown"}, {"storymap": "another"},
            "How the earlier save ended is not known; 10 s later content that may or may not be the same was"
            " saved at the first attempt. These are saves of two different things.",
        ),
    ],
)  # fmt: skip
def test_it_says_what_became_of_both(
    span_file: SpanFile,
    read_saves: Callable[[], list[Save]],
    first: dict[str, Any],
    second: dict[str, Any],
    said: str,
) -> None:
    """Outcome, code, attempts, time between and content are told as they are, unknown ones as unknown."""
    span_file.save(0.0, **first)
    span_file.save(10.0, **second)
    a, b = read_saves()
    assert headline(compare(a, b)) == said
    assert headline(compare(b, a)) == said


def test_saves_that_overlap_are_told_so(span_file: SpanFile, read_saves: Callable[[], list[Save]]) -> None:
    """A save that began while the first still ran came no time later."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(1.0)
    assert "; while it still ran, the same content was saved" in headline(compare(*read_saves()))
