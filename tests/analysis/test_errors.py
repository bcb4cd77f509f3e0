"""The table of errors: how often each, whether it lasts, what the user saw, where, and of what."""

from __future__ import annotations

import dataclasses

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import Episode, episodes
from otel_savetrace.analysis.errors import errors_found
from otel_savetrace.analysis.findings import ErrorFound
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_saves import ROUTE, made_save


def _failed(
    name: str, at: float, code: str = "SlowDown", *, stage: str = names.STORAGE,
    user_saw: str = "not saved", route: str = ROUTE, thing: str = "my-map",
) -> Save:  # fmt: skip
    made = made_save(name, at, names.FAILED, route=route, thing=thing)
    told = {names.ERROR_CODE: code, names.STAGE: stage, names.USER_ERROR: user_saw}
    return dataclasses.replace(
        made, span=dataclasses.replace(made.span, attributes={**made.span.attributes, **told})
    )


def _found(*saves: Save) -> list[ErrorFound]:
    return list(errors_found([save for save in saves if save.outcome == "failed"], episodes(saves)))


def test_the_most_frequent_comes_first_with_its_share() -> None:
    """Each code and stage is one row, its share is of all that failed."""
    saves = [_failed(f"a{number}", number, thing=f"map {number}") for number in range(3)]
    saves.append(_failed("b", 9.0, "KeyTooLongError", thing="map b"))
    saves.append(_failed("c", 10.0, "SlowDown", stage=names.NETWORK, thing="map c"))
    found = _found(*saves)
    assert [(one.code, one.stage, one.saves) for one in found] == [
        ("SlowDown", "storage", 3), ("KeyTooLongError", "storage", 1), ("SlowDown", "network", 1),
    ]  # fmt: skip
    assert (found[0].share.count, found[0].share.total) == (3, 5)
    assert found[0].share.low < 0.6 < found[0].share.high


def test_what_users_saw_and_where_the_most_frequent_first() -> None:
    """What the user was told, the route, and the thing by its user's name for it, most frequent first."""
    saves = [
        _failed("a", 0.0, user_saw="x", route="/draw/"),
        _failed("b", 10_000.0, user_saw="y", thing="other"),
        _failed("c", 20_000.0, user_saw="y"),
    ]
    (found,) = _found(*saves)
    assert found.user_saw == ("y", "x")
    assert found.routes == (("POST /storymap/save/", 2), ("POST /draw/", 1))
    assert [number for _, number in found.things] == [2, 1]
    assert "my-map" in found.things[0][0]


@pytest.mark.parametrize(
    ("later", "intermittent"),
    [
        (made_save("worked", 60.0), True),
        (made_save("worked", 60.0, content="another"), False),
        (made_save("worked", 60.0, content=None), None),
        (made_save("failed too", 60.0, names.FAILED), False),
        (None, None),
    ],
    ids=["the same", "changed", "not known", "failed again", "nobody tried"],
)
def test_an_error_is_intermittent_if_the_same_content_was_saved(
    later: Save | None, intermittent: bool | None
) -> None:
    """True once the same was saved after it, false if it was tried and never worked so, else not known."""
    found = {one.code: one for one in _found(_failed("first", 0.0), *([later] if later else []))}
    assert found["SlowDown"].intermittent is intermittent


def test_one_episode_that_recovered_makes_an_error_intermittent() -> None:
    """An error that went away once is not permanent, however often it stayed."""
    stayed = [_failed(f"s{number}", 40_000.0 * number, thing=f"m{number}") for number in range(3)]
    again = [
        made_save(f"again {number}", 40_000.0 * number + 60, content="x", thing=f"m{number}")
        for number in range(3)
    ]
    assert _found(*stayed, *again)[0].intermittent is False
    unknown = [_failed("u", 400_000.0, thing="u"), made_save("u again", 400_060.0, thing="u", content=None)]
    assert _found(*stayed, *again, *unknown)[0].intermittent is False
    for at in (-500_000.0, 500_000.0):
        went = [_failed("w", at, thing="w"), made_save("w again", at + 60, thing="w")]
        assert _found(*stayed, *again, *went)[0].intermittent is True


def test_a_failure_that_nothing_names() -> None:
    """The status stands for a code, then a word: that there was none, or that there was no answer."""
    bare = made_save("bare", 0.0, names.FAILED)
    cut = made_save("cut", 1.0, names.UNKNOWN, answered=False)
    silent = dataclasses.replace(
        bare, span=dataclasses.replace(bare.span, attributes={names.OUTCOME: names.FAILED})
    )
    found = {one.code for one in errors_found([bare, cut, silent], [])}
    assert found == {"200", "no_answer", "unknown"}


def test_a_save_without_an_answer_that_was_saved_again_is_intermittent() -> None:
    """A killed save that the user made good with the same content went away by itself."""
    cut = made_save("cut", 0.0, names.UNKNOWN, answered=False)
    worked = made_save("again", 60.0)
    (found,) = errors_found([cut], [Episode((cut,), worked, "recovered")])
    assert (found.code, found.intermittent) == ("no_answer", True)
