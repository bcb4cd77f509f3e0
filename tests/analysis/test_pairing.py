"""Which save is the retry of which: what is recorded, what the rows refute, what only they know."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import WINDOW_SECONDS, assemble, episodes
from otel_savetrace.analysis.pairing import Pairing, pair
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_saves import NOON, key, made_save

Told = set[tuple[str, str, str]]


def paired(**saves: Save) -> Told:
    """Pair saves and say of each pair the names of retry and failure, and how they are known."""
    name_of = {key(save): name for name, save in saves.items()}
    pairing = pair(list(saves.values()), WINDOW_SECONDS)
    return {(name_of[one.retry], name_of[one.previous], one.paired_by) for one in pairing.pairs}


def test_a_chain_is_paired_link_by_link() -> None:
    """Each save is the retry of the one before it, until one works; the save after that is none."""
    made = {name: made_save(name, at, "failed") for at, name in [(0, "a"), (10, "b"), (20, "c")]}
    made |= {"d": made_save("d", 30), "e": made_save("e", 40)}
    assert paired(**made) == {("b", "a", "inferred"), ("c", "b", "inferred"), ("d", "c", "inferred")}


def test_two_saves_at_once_are_no_retries_of_one_another() -> None:
    """Of a double click neither is the other's retry; what follows retries the one that was answered last."""
    a, b = made_save("a", 0.0, "failed", seconds=2.0), made_save("b", 0.1, "failed", seconds=1.0)
    assert paired(a=a, b=b) == set()
    assert paired(a=a, b=b, c=made_save("c", 10.0)) == {("c", "a", "inferred")}
    (episode,) = episodes([a, b, made_save("c", 10.0)])
    assert (len(episode.failed), episode.state, len(episode.pairs)) == (2, "recovered", 1)


def test_a_success_at_the_same_time_ends_nothing() -> None:
    """Where one of a double click worked, the other was not retried, and what follows is no retry either."""
    a, b = made_save("a", 0.0, "failed"), made_save("b", 0.5, seconds=2.0)
    assert paired(a=a, b=b, c=made_save("c", 10.0)) == set()


def test_the_cookie_wins_and_is_counted() -> None:
    """Where a cookie names another failure than time and thing do, it counts, and that is said."""
    a, b = made_save("a", 0.0, "failed"), made_save("b", 10.0, "failed")
    c = made_save("c", 20.0, after=a)
    pairing = pair([a, b, c], WINDOW_SECONDS)
    assert [(one.retry, one.previous) for one in pairing.pairs if one.paired_by == "cookie"] == [
        (key(c), key(a))
    ]
    assert pairing.disagreeing == 1
    assert pair([a, b, made_save("c", 20.0, after=b)], WINDOW_SECONDS).disagreeing == 0


def test_a_cookie_holds_across_clocks_and_things() -> None:
    """What the browser brought back needs no more proof: another name, an earlier clock, a late retry."""
    a = made_save("a", 0.0, "failed")
    for b in (
        made_save("b", 0.5, after=a, thing="my-map-1", content="other"),
        made_save("b", -5.0, after=a),
        made_save("b", WINDOW_SECONDS * 3, after=a),
    ):
        assert paired(a=a, b=b) == {("b", "a", "cookie")}


def test_a_cookie_whose_failure_is_not_here_is_no_other_failures_retry() -> None:
    """A retry of something that the data lacks is not given to what the data has."""
    elsewhere = made_save("elsewhere", -100.0, "failed")
    a, b = made_save("a", 0.0, "failed"), made_save("b", 10.0, after=elsewhere)
    assert paired(a=a, b=b) == set()


def test_a_cookie_of_a_save_that_worked_counts_for_nothing() -> None:
    """Only a failure can be retried, whatever a retry says of it."""
    assert paired(a=made_save("a", 0.0), b=made_save("b", 10.0, after=made_save("a", 0.0))) == set()


def test_a_failure_whose_retry_is_recorded_is_given_no_other() -> None:
    """While its own retry runs, another save by the same user, without a cookie, is not its retry too."""
    a = made_save("a", 0.0, "failed")
    retry = made_save("b", 10.0, after=a, seconds=30.0)
    assert paired(a=a, b=retry, c=made_save("c", 20.0)) == {("b", "a", "cookie")}


def test_a_hint_of_memory_is_dropped_where_the_rows_refute_it() -> None:
    """A save of the same by the same user in between is what another process did not know."""
    a = made_save("a", 0.0, "failed")
    retry = made_save("c", 20.0, after=a, paired_by="memory")
    assert paired(a=a, c=retry) == {("c", "a", "memory")}
    assert pair([a, made_save("b", 10.0), retry], WINDOW_SECONDS).refuted == 1
    assert paired(a=a, b=made_save("b", 10.0), c=retry) == {("b", "a", "inferred")}
    assert paired(a=a, b=made_save("b", 10.0, "failed"), c=retry) == {
        ("b", "a", "inferred"),
        ("c", "b", "inferred"),
    }
    others = {"b": made_save("b", 10.0, user="bob"), "d": made_save("d", 10.0, thing="another")}
    assert paired(a=a, c=retry, **others) == {("c", "a", "memory")}


@pytest.mark.parametrize(
    "other",
    [
        {"user": "bob", "body_size": 900},
        {"thing": "another", "content": "another"},
        {"route": "/storymap/publish/"},
        {"service": "another"},
        {"at": WINDOW_SECONDS + 1.1},
    ],
)
def test_what_is_no_retry(other: dict[str, object]) -> None:
    """Another user, thing, route or service, or a save after the window, is no retry."""
    a = made_save("a", 0.0, "failed", body_size=900)
    b = made_save(**{"name": "b", "at": 10.0, **other})  # type: ignore[arg-type]  # one of several keywords
    assert paired(a=a, b=b) == set()
    assert paired(a=a, b=made_save("b", WINDOW_SECONDS + 1.0)) == {("b", "a", "inferred")}


def test_two_users_on_one_document() -> None:
    """One fails, the other saves: no retry; what the first saves after that is one."""
    a, b = made_save("a", 0.0, "failed"), made_save("b", 5.0, user="bob")
    assert paired(a=a, b=b) == set()
    assert paired(a=a, b=b, c=made_save("c", 10.0)) == {("c", "a", "inferred")}
    nobody = {"a": made_save("a", 0.0, "failed", user=None)}
    assert paired(**nobody, b=made_save("b", 5.0, user=None, program="Chrome")) == set()
    assert paired(**nobody, b=made_save("b", 5.0, user=None)) == {("b", "a", "inferred")}


def test_clients_are_told_apart_by_what_they_say_of_themselves() -> None:
    """Where no user is known, another client's id is another user; where one is, it is another window."""
    a = made_save("a", 0.0, "failed", user=None, client="one")
    assert paired(a=a, b=made_save("b", 5.0, user=None, client="two")) == set()
    assert paired(a=a, b=made_save("b", 5.0, user=None, client="one")) == {("b", "a", "inferred")}
    known = made_save("a", 0.0, "failed", client="one")
    assert paired(a=known, b=made_save("b", 5.0, client="two")) == {("b", "a", "inferred")}


def test_a_thing_under_another_name() -> None:
    """A create that comes back as `…-1` is known by user and content, where neither name was there before."""
    a = made_save("a", 0.0, "failed")
    again = {
        "b": made_save("b", 10.0, "failed", thing="my-map-1"),
        "c": made_save("c", 20.0, thing="my-map-2"),
    }
    assert paired(a=a, **again) == {("b", "a", "inferred"), ("c", "b", "inferred")}
    assert paired(before=made_save("before", -10.0), a=a, c=again["c"]) == set()
    assert paired(before=made_save("before", -10.0, thing="my-map-2"), a=a, c=again["c"]) == set()
    assert paired(a=a, c=made_save("c", 20.0, thing="my-map-2", content="other")) == set()
    assert paired(a=a, c=made_save("c", 20.0, thing="my-map-2", user="bob")) == set()
    assert paired(a=a, c=made_save("c", WINDOW_SECONDS + 2.0, thing="my-map-2")) == set()
    same_name = made_save("b", 15.0)
    assert paired(a=a, b=same_name, c=again["c"]) == {("b", "a", "inferred")}


def test_a_save_that_died_early_is_known_by_what_it_knows() -> None:
    """Route and size of the request, and user or thing where it knows one; in doubt nothing is paired."""
    retry = made_save("r", 10.0, body_size=900)
    for user, thing in [(None, None), ("ada", None), (None, "my-map")]:
        a = made_save("a", 0.0, "failed", user=user, thing=thing, content=None, body_size=900)
        assert paired(a=a, r=retry) == {("r", "a", "inferred")}
        assert paired(a=a, r=made_save("r", 10.0, body_size=901)) == set()
        assert paired(a=a, r=made_save("r", 10.0, body_size=900, program="Chrome")) == set()
    a = made_save("a", 0.0, "failed", user=None, thing=None, content=None, body_size=900)
    bob = made_save("bob", 20.0, user="bob", thing="his-map", content="his", body_size=900)
    assert paired(a=a, r=retry, bob=bob) == set()
    known = made_save("a", 0.0, "failed", thing=None, content=None, body_size=900)
    assert paired(a=known, r=retry, bob=bob) == {("r", "a", "inferred")}


def test_a_chain_of_saves_that_died_early() -> None:
    """Two that know nothing and the one that worked are one chain."""
    a, b = (
        made_save(name, at, "failed", user=None, thing=None, content=None, body_size=900)
        for name, at in (("a", 0.0), ("b", 10.0))
    )
    assert paired(a=a, b=b, c=made_save("c", 20.0, body_size=900)) == {
        ("b", "a", "inferred"),
        ("c", "b", "inferred"),
    }


def test_an_answer_that_never_came_is_a_failure_when_the_save_comes_again() -> None:
    """A span without an answer counts once another save follows; until then it is in no episode."""
    cut = made_save("a", 0.0, "unknown", answered=False)
    assert episodes([cut]) == []
    (episode,) = episodes([cut, made_save("b", 10.0, content="other")])
    assert (episode.state, [save.outcome for save in episode.failed]) == ("recovered", ["unknown"])


def test_a_span_that_is_missing_is_a_failure_only_when_the_very_same_comes_again() -> None:
    """It may be lost alone: the same content, on the one route where it comes again, tells that it failed."""
    missing = made_save("a", 0.0, "unknown", answered=False, seen=False, content=None)
    held = {**missing.span.attributes, names.CONTENT_HASH: "crc32:draft", names.CONTENT_SIZE: 5}
    span = dataclasses.replace(missing.span, attributes=held)
    unseen = Save(span, (), missing.thing, seen=False)
    assert paired(a=unseen, b=made_save("b", 10.0)) == {("b", "a", "inferred")}
    other = made_save("b", 10.0, content="other")
    assert paired(a=unseen, b=other) == set()
    assert paired(a=unseen, b=other, c=made_save("c", 20.0)) == set()
    assert paired(a=missing, b=made_save("b", 10.0)) == set()


def test_an_answer_that_says_nothing_is_looked_past() -> None:
    """A status of 200 without our attribute is neither a failure nor the end of one."""
    a, b = made_save("a", 0.0, "failed"), made_save("b", 10.0, "unknown")
    assert paired(a=a, b=b) == {("b", "a", "inferred")}
    (episode,) = episodes([a, b, made_save("c", 20.0)])
    assert (episode.state, len(episode.failed)) == ("recovered", 1)


USERS = some.sampled_from(["ada", "bob", None])
THINGS = some.sampled_from(["one", "two", None])
SIZES = some.sampled_from([100, 200, None])
OUTCOMES = some.sampled_from(["failed", "failed", "succeeded", "unknown"])


@some.composite
def crowds(draw: some.DrawFn) -> list[Save]:
    """Make up to a dozen saves of few users and things, close in time, some of them recorded as retries."""
    made: list[Save] = []
    for number in range(draw(some.integers(1, 12))):
        outcome = draw(OUTCOMES)
        seen = outcome != "unknown" or draw(some.booleans())
        after = draw(some.sampled_from([None, None, *made])) if made else None
        made.append(
            made_save(
                str(number), float(draw(some.integers(0, 40))), outcome,
                seconds=float(draw(some.integers(0, 9))), user=draw(USERS), thing=draw(THINGS),
                content=draw(some.sampled_from(["x", "y", None])), body_size=draw(SIZES), after=after,
                paired_by=draw(some.sampled_from(["cookie", "memory"])), seen=seen,
                answered=outcome != "unknown" or (seen and draw(some.booleans())),
            )
        )  # fmt: skip
    return made


WINDOW = 20.0

EXAMPLES = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def told(saves: Sequence[Save]) -> tuple[Pairing, list[tuple[object, ...]]]:
    """Pair and assemble, and say all that came of it in an order of its own."""
    pairing = pair(saves, WINDOW)
    in_order = Pairing(
        tuple(sorted(pairing.pairs, key=str)),
        tuple(sorted(pairing.siblings)),
        pairing.refuted,
        pairing.disagreeing,
    )
    return in_order, [
        (one.state, one.paired_by, [key(save) for save in one.members])
        for one in assemble(saves, pairing, WINDOW)
    ]


@EXAMPLES
@given(crowds(), some.randoms(use_true_random=False))
def test_neither_order_nor_repetition_counts(saves: list[Save], chance: random.Random) -> None:
    """The same saves in another order, some of them twice, give the same pairs and episodes."""
    again = [*saves, *chance.sample(saves, chance.randint(0, len(saves)))]
    chance.shuffle(again)
    assert told(again) == told(saves)


@EXAMPLES
@given(crowds(), some.integers(0, 40), OUTCOMES)
def test_a_save_of_something_else_changes_nothing(saves: list[Save], at: int, outcome: str) -> None:
    """One of another user, thing and content adds at most an episode of its own, and moves no other."""
    data_ends = max(save.span.end_nanoseconds for save in saves) / 1e9 - NOON / 1e9
    other = made_save(
        "other",
        min(float(at), data_ends),
        outcome,
        seconds=0.0,
        user="eve",
        thing="else",
        content="else",
        body_size=300,
    )
    pairing, found = told([*saves, other])
    assert (pairing, [one for one in found if one[2] != [key(other)]]) == told(saves)


@EXAMPLES
@given(crowds())
def test_what_every_pair_holds_to(saves: list[Save]) -> None:
    """A retry has one failure; inferred ones follow an answer and agree; each failure is in one episode."""
    by_key = {key(save): save for save in saves}
    pairing = pair(saves, WINDOW)
    failures = [key(save) for episode in assemble(saves, pairing, WINDOW) for save in episode.failed]
    assert len(failures) == len(set(failures))
    assert {key(save) for save in saves if save.outcome == "failed"} <= set(failures)
    assert len({one.retry for one in pairing.pairs}) == len(pairing.pairs)
    for one in pairing.pairs:
        retry, failed = by_key[one.retry], by_key[one.previous]
        assert failed.outcome != "succeeded"
        if one.paired_by == "inferred":
            gap = (retry.span.start_nanoseconds - failed.span.end_nanoseconds) / 1e9
            assert 0 <= gap <= WINDOW
            users = {save.thing.get("map.user_id") for save in (retry, failed)} - {None}
            assert len(users) <= 1
            things = {save.thing.get("map.id") for save in (retry, failed)} - {None}
            assert len(things) <= 1 or retry.content == failed.content
