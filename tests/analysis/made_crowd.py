"""A seeded crowd at its maps: the saves that it leaves, and its own diary of what it retried."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable

from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_saves import key, made_save

PROGRAMS = ("Firefox", "Chrome", "Safari")
SECONDS_A_STORY = 20.0


@dataclasses.dataclass
class Crowd:
    """All saves, and of each retry the failed save that its user answered to."""

    chance: random.Random
    saves: list[Save] = dataclasses.field(default_factory=list)
    diary: dict[Key, Key] = dataclasses.field(default_factory=dict)
    names: itertools.count[int] = dataclasses.field(default_factory=itertools.count)

    def save(self, person: Person, at: float, outcome: str, **facts: object) -> Save:
        """Let a person save; `facts` as of `made_save`."""
        told = {"user": person.name, "program": person.program, "seconds": self.chance.uniform(0.05, 2.0)}
        made = made_save(f"save {next(self.names)}", at, outcome, **{**told, **facts})  # type: ignore[arg-type]  # as above
        self.saves.append(made)
        return made

    def retry(self, person: Person, failed: Save, outcome: str, **facts: object) -> Save:
        """Let a person answer to a failure after some seconds, and note it."""
        answered = (failed.span.end_nanoseconds - NOON) / 1e9
        made = self.save(person, answered + self.chance.uniform(0.5, 120.0), outcome, **facts)
        self.diary[key(made)] = key(failed)
        return made


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody with a browser."""

    name: str
    program: str


NOON = made_save("noon", 0.0).span.start_nanoseconds


def crowd(seed: int, stories: int) -> Crowd:
    """Let people live through so many stories, a few at any moment."""
    made = Crowd(random.Random(seed))  # noqa: S311 - no secret
    for number in range(stories):
        person = Person(f"user {made.chance.randrange(stories // 4)}", made.chance.choice(PROGRAMS))
        thing, content = f"map {number}", f"content {number}"
        at = number * SECONDS_A_STORY + made.chance.uniform(0.0, 60.0)
        made.chance.choice(STORIES)(made, person, at, {"thing": thing, "content": content})
    return made


Facts = dict[str, object]


def _body(made: Crowd) -> Facts:
    # Forms of some kilobytes: now and then two are of one size.
    return {"body_size": made.chance.randrange(2_000, 12_000)}


def _retried(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    facts = {**facts, **_body(made)}
    failed = made.save(person, at, "failed", **facts)
    for _ in range(made.chance.choice((0, 0, 0, 1, 2))):
        failed = made.retry(person, failed, "failed", **facts)
    made.retry(person, failed, "succeeded", **facts)


def _changed(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    failed = made.save(person, at, "failed", **facts, **_body(made))
    made.retry(person, failed, "succeeded", **{**facts, "content": "changed", **_body(made)})


def _given_up(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    made.save(person, at, "failed", **facts, **_body(made))


def _worked(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    for number in range(3):
        made.save(person, at + 30.0 * number, "succeeded", **{**facts, "content": f"{facts}{number}"})


def _double_click(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    facts = {**facts, **_body(made)}
    first = made.save(person, at, "failed", **{**facts, "seconds": 0.5})
    second = made.save(person, at + 0.15, "failed", **{**facts, "seconds": made.chance.choice((0.1, 2.0))})
    last = max((first, second), key=lambda save: save.span.end_nanoseconds)
    made.retry(person, last, "succeeded", **facts)


def _two_tabs(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    other: Facts = {"thing": f"{facts['thing']} too", "content": f"{facts['content']} too"}
    both = (facts, other)
    failed = [made.save(person, at + number, "failed", **each) for number, each in enumerate(both)]
    for one, each in zip(failed, both, strict=True):
        made.retry(person, one, "succeeded", **each)


def _two_users(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    other = dataclasses.replace(person, name=f"{person.name} too")
    failed = made.save(person, at, "failed", **facts)
    made.save(other, at + 5.0, "succeeded", **{**facts, "content": "of the other"})
    if made.chance.random() < 0.5:
        made.retry(person, failed, "succeeded", **facts)


def _died_early(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    facts = {**facts, **_body(made)}
    unknown = made.chance.choice(({"user": None}, {"thing": None}, {"user": None, "thing": None}))
    failed = made.save(person, at, "failed", **{**facts, "content": None, **unknown})
    if made.chance.random() < 0.7:
        made.retry(person, failed, "succeeded", **facts)


def _created_anew(made: Crowd, person: Person, at: float, facts: Facts) -> None:
    failed = made.save(person, at, "failed", **facts, route="/storymap/create/")
    again = {**facts, "thing": f"{facts['thing']}-1", "route": "/storymap/create/"}
    made.retry(person, failed, "succeeded", **again)


STORIES: tuple[Callable[[Crowd, Person, float, Facts], None], ...] = (
    _retried, _retried, _retried, _changed, _given_up, _worked, _worked, _double_click, _two_tabs,
    _two_users, _died_early, _created_anew,
)  # fmt: skip
