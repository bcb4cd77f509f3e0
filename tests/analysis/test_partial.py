"""What a save was of that died before its key was made."""

from __future__ import annotations

import dataclasses

from otel_savetrace import attributes as names
from otel_savetrace.analysis.pairing import pair
from otel_savetrace.analysis.partial import whole_things
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_saves import key, made_save

WINDOW_SECONDS = 1_800.0
OWNER = "map.owner_id"


def _owned(save: Save, owner: str) -> Save:
    """Return the save as its key names it: with the owner of the map."""
    return dataclasses.replace(save, thing={**save.thing, OWNER: owner})


def _pairs(*saves: Save) -> set[tuple[str, str]]:
    return {(pair.previous[0], pair.retry[0]) for pair in pair(saves, WINDOW_SECONDS).pairs}


def _early(at: float, **told: str) -> Save:
    return made_save(f"early {at}", at, names.FAILED, content=None, **told)  # type: ignore[arg-type]  # few are text


def test_what_only_the_key_names_is_told_by_the_retry() -> None:
    """A save that died before storage has the retry that agrees with it in all that its request named."""
    early = _early(0)
    retry = _owned(made_save("retry", 10), "the-team")
    other = _owned(made_save("other", 5, thing="another"), "the-team")
    assert _pairs(early, other, retry) == {(key(early)[0], key(retry)[0])}


def test_a_chain_is_whole_whichever_of_its_saves_died_early() -> None:
    """Saves that came to storage and saves that did not are one chain, in the order of time."""
    saves = [
        _owned(made_save("first", 0, names.FAILED), "the-team"),
        _early(10),
        _owned(made_save("last", 20), "the-team"),
    ]
    ids = [key(save)[0] for save in saves]
    assert _pairs(*saves) == {(ids[0], ids[1]), (ids[1], ids[2])}


def test_of_two_things_none_is_taken() -> None:
    """Where a user saves two things that agree in all that is known, the save stays what it says itself."""
    early = _early(0)
    saves = [early, *(_owned(made_save(owner, 10), owner) for owner in ("the-team", "ada"))]
    assert whole_things(saves)[0] == (("map.id", "my-map"),)
    assert _pairs(*saves) == set()


def test_the_users_own_come_first() -> None:
    """Of two things that agree, that of the same user is taken; another user's save is no retry of it."""
    early = _early(0)
    own = _owned(made_save("own", 10), "the-team")
    others = _owned(made_save("others", 5, user="bob"), "bob")
    assert _pairs(early, others, own) == {(key(early)[0], key(own)[0])}
    assert _pairs(early, others) == set()


def test_another_route_tells_nothing() -> None:
    """What saves of another route are of says nothing of this one's."""
    early = _early(0)
    elsewhere = _owned(made_save("elsewhere", 10, route="/storymap/publish/"), "the-team")
    assert whole_things([early, elsewhere])[0] == (("map.id", "my-map"),)


def test_what_lacks_nothing_stays() -> None:
    """Things of which every save of the route names as much are as `identity.thing` has them."""
    saves = [made_save("one", 0), made_save("two", 1, thing="another"), made_save("none", 2, thing=None)]
    assert whole_things(saves) == [(("map.id", "my-map"),), (("map.id", "another"),), ()]
