"""Each of the four patterns: when it holds, when it does not, and when that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import PatternFound, PatternName
from otel_savetrace.analysis.patterns import patterns_found
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_spans import Held, failed_in_app, failed_save, made_call, made_request, only

OF_ONE = "Of 1 failure that a later save made good"
NOT_KNOWN = "What was saved in the end is not known well enough to be held against what failed."
LONG: Held = {names.KEY_LEN: 300}
SHORT: Held = {names.KEY_LEN: 90}


def _content(name: str) -> Held:
    return {names.CONTENT_HASH: f"crc32:{name}", names.CONTENT_SIZE: 10}


def _refused(
    code: str = "SlowDown", content: str | None = "a", key: str = "k", size: Held | None = None
) -> Save:
    held = {names.S3_KEY: key, **(size or {})}
    return failed_save(code, of_save=_content(content) if content else None, of_call=held)


def _worked(content: str | None = "a", key: str = "k", size: Held | None = None) -> Save:
    held = _content(content) if content else {}
    call = made_call("worked", None, held={names.S3_KEY: key, **(size or {})})
    return only(made_request("worked", outcome=names.SUCCEEDED, held=held, at=60.0), call)


def _episode(failed: Save, worked: Save | None) -> Episode:
    return Episode((failed,), worked, "recovered" if worked else "abandoned")


def _pattern(name: PatternName, failed: Sequence[Save], episodes: Sequence[Episode] = ()) -> PatternFound:
    return next(one for one in patterns_found(failed, episodes) if one.pattern == name)


def test_all_four_are_told_always() -> None:
    """Whatever there is, even nothing, each pattern has its say, in the contract's order."""
    found = patterns_found([], [])
    assert [one.pattern for one in found] == [
        "same_data_different_outcome",
        "different_data_different_outcome",
        "dominant_error",
        "no_storage_error",
    ]
    assert [(one.holds, one.episodes, one.share) for one in found] == [(None, 0, 0.0)] * 4
    assert [one.says for one in found] == [
        "No failed save was saved in the end.",
        "No save can be held against a changed one that worked.",
        "No save failed.",
        "No save failed.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "holds", "says"),
    [
        ("a", "a", True, f"{OF_ONE}, 1 stored the very same content: 100 % (21 to 100 %)."),
        ("a", "b", False, f"{OF_ONE}, 0 stored the very same content: 0 % (0 to 79 %)."),
        ("a", None, None, NOT_KNOWN),
    ],
)  # fmt: skip
def test_the_same_data_with_another_outcome(
    before: str, after: str | None, holds: bool | None, says: str
) -> None:
    """It holds where the content of what failed was saved in the end, as it was."""
    found = _pattern("same_data_different_outcome", [], [_episode(_refused(content=before), _worked(after))])
    assert (found.holds, found.says) == (holds, says)


@pytest.mark.parametrize(
    ("failed", "worked", "holds"),
    [
        # Shorter names were what the store wanted.
        (_refused("KeyTooLongError", key="x", size=LONG), _worked(key="y", size=SHORT), True),
        (_refused("KeyTooLongError", key="x", size=SHORT), _worked(key="y", size=LONG), False),
        # Other content under a throttle changes nothing.
        (_refused(), _worked("b"), False),
        (_refused(), _worked("a"), False),
        (_refused("InvalidArgument"), _worked("b"), True),
        (_refused(content=None), _worked(None), None),
        (_refused(), None, None),
    ],
)  # fmt: skip
def test_other_data_with_another_outcome(failed: Save, worked: Save | None, holds: bool | None) -> None:
    """It holds where something else was saved in the end and the change is what the failure wanted."""
    found = _pattern("different_data_different_outcome", [failed], [_episode(failed, worked)])
    assert found.holds is holds
    assert found.episodes == (1 if holds else 0)


def test_an_error_that_also_went_away_by_itself_is_not_explained_by_changes() -> None:
    """Where the same content was saved after the same error, what others changed explains nothing."""
    told = [
        _episode(_refused("InvalidArgument"), _worked("b")),
        _episode(_refused("InvalidArgument"), _worked("a")),
    ]
    assert _pattern("different_data_different_outcome", [], told).holds is False


@pytest.mark.parametrize(
    ("codes", "holds", "share"),
    [
        (["SlowDown"] * 4, None, 0.0),
        (["SlowDown"] * 5, True, 1.0),
        (["SlowDown"] * 30 + ["InternalError"] * 3, True, 30 / 33),
        (["SlowDown"] * 5 + ["InternalError"] * 4, False, 5 / 9),
        (["SlowDown"] * 10 + ["InternalError"] * 4, False, 10 / 14),
    ],
)
def test_one_error_stands_clear(codes: list[str], holds: bool | None, share: float) -> None:
    """It holds where the intervals of the two most frequent errors lie apart; of few it cannot be said."""
    found = _pattern("dominant_error", [_refused(code) for code in codes])
    assert (found.holds, found.share) == (holds, share)


def test_how_few_and_how_clear_are_said_in_words() -> None:
    """The sentence says of how many, and how large the share may be."""
    few = _pattern("dominant_error", [_refused()] * 3).says
    assert few == "3 failed saves: too few to say that one error stands clear."
    two = _pattern("dominant_error", [*[_refused()] * 30, *[_refused("InternalError")] * 3]).says
    assert two == (
        "SlowDown stands clear of the rest: 91 % (76 to 97 %) of 33 failed saves,"
        " the next, InternalError, 9 % (3 to 24 %)."
    )


@pytest.mark.parametrize(
    ("save", "innocent"),
    [
        (_refused(), False),
        (failed_in_app("ValueError"), True),
        (failed_in_app("OperationalError", names.DEPENDENCY, of_save={names.STORED: names.YES}), True),
        (only(made_request("early", outcome=names.FAILED, code="302", stage=names.SESSION)), True),
        (failed_save("NoCredentialsError", names.CLIENT, attempts=()), False),
        # The storage call's own span is lost.
        (only(made_request("lost", outcome=names.FAILED, code="SlowDown", stage=names.STORAGE)), False),
    ],
)
def test_no_storage_error(save: Save, innocent: bool) -> None:
    """It holds where a save failed for its user though storage took it, or was never asked."""
    assert _pattern("no_storage_error", [save], [_episode(save, None)]).holds is innocent


def test_whether_storage_was_asked_is_told_apart() -> None:
    """Of the failures that storage is innocent of, some had stored, some only read or less."""
    early = only(made_request("early", outcome=names.FAILED, code="302", stage=names.SESSION))
    read = only(
        made_request("read", outcome=names.FAILED, code="ValueError", stage=names.APP),
        made_call("read", None, operation="GetObject"),
    )
    found = _pattern("no_storage_error", [failed_in_app("ValueError"), early, read, _refused()])
    assert found.says == (
        "3 of 4 saves that failed did so though no storage call had (1 had stored, 2 had not come to it):"
        " 75 % (30 to 95 %)."
    )


def test_patterns_that_do_not_hold_are_said_without_noughts() -> None:
    """Where there is nothing to count, the sentence says what was there instead."""
    failed, worked = _refused(), _worked("a")
    assert _pattern("no_storage_error", [failed] * 2).says == (
        "In each of 2 failed saves a storage call failed, or did not end."
    )
    assert _pattern("no_storage_error", [failed]).says.startswith("In the failed save a storage call")
    assert _pattern("different_data_different_outcome", [failed], [_episode(failed, worked)]).says == (
        "Of 1 recovery, none is known to have stored anything else than had failed."
    )
