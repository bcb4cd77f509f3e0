"""What people do whose saves fail, as data: who presses what, and what goes wrong.

A scenario is planned before anybody presses anything, so which save fails is known of each; the faults of the
way to the store follow from it. The same seed makes the same scenarios.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Fault, Reset, Rule

Way = Literal["create", "save", "publish"]
PartyKind = Literal["person", "couple", "script"]

FILES: dict[Way, tuple[str, ...]] = {
    "create": ("draft.json", "draft.html"),
    "save": ("draft.json",),
    "publish": ("published.json", "index.html"),
}
"""What each way of saving writes, in order."""

_ATTEMPTS = 2
"""HTTP requests that the app's client may send for a call."""

_TRIES: dict[Way, int] = {"create": 1, "save": 2, "publish": 1}
"""Calls that the app makes for an object before it gives up."""

LONG_ENOUGH_TO_OVERLAP = 0.15
"""How long, in seconds, the app waits for its database while one document is saved twice at once."""


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Why a save fails: a fault on the way to the store, or what the app is asked to do by form or header."""

    name: str
    fault: Fault | None = None
    retried_by_client: bool = False


_SKEWED = Trouble("RequestTimeTooSkewed", faults.REQUEST_TIME_TOO_SKEWED)
_EXPIRED = Trouble("ExpiredToken", faults.EXPIRED_TOKEN)
_ABORTED = Trouble("OperationAborted", faults.OPERATION_ABORTED)
_SLOW_DOWN = Trouble("SlowDown", faults.SLOW_DOWN, retried_by_client=True)
_RESET = Trouble("reset", Reset("head"), retried_by_client=True)
_ANSWER_LOST = Trouble("answer lost", Reset("answer"), retried_by_client=True)

# botocore waits half a second on average before it tries again: of those a few are enough.
STORE_TROUBLES = (_SKEWED, _EXPIRED, _ABORTED) * 19 + (_SLOW_DOWN, _RESET, _ANSWER_LOST)
CONFLICT = Trouble("conflict")
EXCEPTION = Trouble("exception")
DATABASE = Trouble("database")
EARLY = Trouble("early")
LOGGED_OUT = Trouble("logged out")
NOT_WRITTEN = {trouble.name for trouble in (CONFLICT, EXCEPTION, EARLY, LOGGED_OUT)}
"""Names of the troubles that end a save before it reaches storage."""


@dataclasses.dataclass(frozen=True)
class Press:
    """One press of a button: the client `who` of the party saves `version` of a document, the party's n-th.

    With `trouble` it fails; `file` is the object that the store refuses then.
    """

    way: Way
    document: int
    version: int
    trouble: Trouble | None = None
    who: int = 0
    file: str = ""


@dataclasses.dataclass(frozen=True)
class Together:
    """Presses that overlap: each is sent before any is answered."""

    presses: tuple[Press, ...]


@dataclasses.dataclass(frozen=True)
class Restart:
    """The app is started anew before the scenario goes on."""


ELSEWHERE = "create, then another key"
"""The kind of scenario in which a storymap whose page was not stored is made again under another id."""

Step: TypeAlias = "Press | Together | Restart"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What a party does, step by step."""

    kind: str
    steps: tuple[Step, ...]


@dataclasses.dataclass(frozen=True)
class Party:
    """One client or two who share documents; a script keeps no cookies, the others are browsers."""

    number: int
    kind: PartyKind
    scenarios: tuple[Scenario, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its clients."""
        count = 2 if self.kind == "couple" else 1
        return tuple(f"{self.kind}-{self.number:03d}-{who}" for who in range(count))

    @property
    def owner(self) -> str:
        """Whose folder its documents stand in."""
        return f"team-{self.number:03d}" if self.kind == "couple" else self.names[0]

    def document_id(self, document: int) -> str:
        """Return the id, or for a create the title that it is made of, of its n-th document."""
        return f"map-{self.number:03d}-{document:02d}x"

    def key(self, document: int, file: str) -> str:
        """Return the key of one of a document's files."""
        return f"storymapjs/{self.owner}/{self.document_id(document)}/{file}"


def presses_of(steps: Iterable[Step]) -> Iterator[Press]:
    """Yield every press of the steps, in order."""
    for step in steps:
        if isinstance(step, Press):
            yield step
        elif isinstance(step, Together):
            yield from step.presses


def rules_of(party: Party) -> Iterator[Rule]:
    """Yield the faults that a party's presses meet on the way to the store."""
    sent: Counter[str] = Counter()
    for scenario in party.scenarios:
        for press in presses_of(scenario.steps):
            yield from _rules_of_press(party, press, sent)


def _rules_of_press(party: Party, press: Press, sent: Counter[str]) -> Iterator[Rule]:
    if press.trouble is not None and press.trouble.name in NOT_WRITTEN:
        return
    for file in FILES[press.way]:
        key = party.key(press.document, file)
        if press.trouble is not None and press.trouble.fault and file == (press.file or FILES[press.way][0]):
            times = _TRIES[press.way] * (_ATTEMPTS if press.trouble.retried_by_client else 1)
            yield Rule(press.trouble.fault, key, skip=sent[key], times=times)
            sent[key] += times
            return
        sent[key] += 1


class _Planner:
    """Makes up one party's scenarios."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._documents = 0
        self._versions = 0

    def document(self) -> int:
        self._documents += 1
        return self._documents

    def version(self) -> int:
        self._versions += 1
        return self._versions

    def trouble(self) -> Trouble:
        return self._chance.choice(STORE_TROUBLES)

    def make(self, kind: str) -> Scenario:
        steps = _KINDS[kind](self)
        return Scenario(kind, steps)

    def with_restart(self, scenario: Scenario) -> Scenario:
        """Start the app anew after the first failure."""
        failed = next(
            index
            for index, step in enumerate(scenario.steps)
            if any(press.trouble is not None for press in presses_of((step,)))
        )
        steps = (*scenario.steps[: failed + 1], Restart(), *scenario.steps[failed + 1 :])
        return dataclasses.replace(scenario, steps=steps)

    def same_content(self) -> tuple[Step, ...]:
        document, version = self.document(), self.version()
        failed = Press("save", document, version, self.trouble())
        return failed, dataclasses.replace(failed, trouble=None)

    def works_on(self) -> tuple[Step, ...]:
        return *self.same_content(), Press("save", self._documents, self.version())

    def changed_content(self) -> tuple[Step, ...]:
        document = self.document()
        failed = Press("save", document, self.version(), self.trouble())
        return failed, Press("save", document, self.version())

    def given_up(self) -> tuple[Step, ...]:
        return Press("save", self.document(), self.version(), self.trouble()), self._unrelated()

    def chain(self) -> tuple[Step, ...]:
        document, version = self.document(), self.version()
        troubles = [self.trouble() for _ in range(self._chance.randrange(2, 5))]
        if self._chance.random() < 0.5:
            troubles[-1] = self._chance.choice((CONFLICT, EXCEPTION, DATABASE))
        failed = [Press("save", document, version, trouble) for trouble in troubles]
        return *failed, Press("save", document, version)

    def before_storage(self) -> tuple[Step, ...]:
        document, version = self.document(), self.version()
        trouble = self._chance.choice((CONFLICT, EXCEPTION, DATABASE))
        again = version if self._chance.random() < 0.6 else self.version()
        return Press("save", document, version, trouble), Press("save", document, again)

    def before_anything_is_read(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), EARLY)
        return failed, dataclasses.replace(failed, trouble=None)

    def logged_out(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), LOGGED_OUT)
        return failed, dataclasses.replace(failed, trouble=None)

    def something_else_between(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), self.trouble())
        return failed, self._unrelated(), self._unrelated(), dataclasses.replace(failed, trouble=None)

    def published_between(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), self.trouble())
        publish = Press("publish", failed.document, failed.version)
        return failed, publish, dataclasses.replace(failed, trouble=None)

    def publish_fails(self) -> tuple[Step, ...]:
        file = self._chance.choice(FILES["publish"])
        failed = Press("publish", self.document(), self.version(), self.trouble(), file=file)
        return failed, dataclasses.replace(failed, trouble=None)

    def create_fails(self) -> tuple[Step, ...]:
        failed = Press("create", self.document(), self.version(), self.trouble(), file="draft.json")
        return failed, dataclasses.replace(failed, trouble=None)

    def create_comes_back_elsewhere(self) -> tuple[Step, ...]:
        failed = Press("create", self.document(), self.version(), self.trouble(), file="draft.html")
        return failed, dataclasses.replace(failed, trouble=None)

    def double_click_of_which_one_works(self) -> tuple[Step, ...]:
        document, version = self.document(), self.version()
        works = Press("save", document, version)
        fails = dataclasses.replace(works, trouble=DATABASE)
        again = Press("save", document, self._chance.choice((version, self.version())))
        return Together(self._shuffled(works, fails)), *((again,) if self._chance.random() < 0.6 else ())

    def double_click_in_vain(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), self.trouble())
        return Together((failed, failed)), dataclasses.replace(failed, trouble=None)

    def retry_clicked_twice(self) -> tuple[Step, ...]:
        failed = Press("save", self.document(), self.version(), self.trouble())
        again = dataclasses.replace(failed, trouble=None)
        return failed, Together((again, again))

    def two_tabs(self) -> tuple[Step, ...]:
        one = Press("save", self.document(), self.version(), self.trouble())
        other = Press("save", self.document(), self.version(), self.trouble())
        retries = [dataclasses.replace(failed, trouble=None) for failed in self._shuffled(one, other)]
        together = self._chance.random() < 0.5
        return Together((one, other)), *([Together(tuple(retries))] if together else retries)

    def one_fails_the_other_saves(self) -> tuple[Step, ...]:
        document = self.document()
        failed = Press("save", document, self.version(), self.trouble())
        others = Press("save", document, self._chance.choice((failed.version, self.version())), who=1)
        retry = dataclasses.replace(failed, trouble=None)
        return failed, others, *((retry,) if self._chance.random() < 0.7 else ())

    def both_fail(self) -> tuple[Step, ...]:
        document = self.document()
        failed = Press("save", document, self.version(), self.trouble())
        others = Press("save", document, self.version(), self.trouble(), who=1)
        retries = [dataclasses.replace(press, trouble=None) for press in (failed, others)]
        return failed, others, *self._shuffled(*retries)

    def works(self) -> tuple[Step, ...]:
        return (self._unrelated(),)

    def _unrelated(self) -> Press:
        return Press(
            self._chance.choice(("save", "save", "create", "publish")), self.document(), self.version()
        )

    def _shuffled(self, *presses: Press) -> tuple[Press, ...]:
        return tuple(self._chance.sample(presses, len(presses)))


_KINDS: dict[str, Callable[[_Planner], tuple[Step, ...]]] = {
    "same content": _Planner.same_content,
    "same content, then on": _Planner.works_on,
    "changed content": _Planner.changed_content,
    "given up": _Planner.given_up,
    "several failures": _Planner.chain,
    "before storage": _Planner.before_storage,
    "before anything is read": _Planner.before_anything_is_read,
    "logged out": _Planner.logged_out,
    "something else between": _Planner.something_else_between,
    "published between": _Planner.published_between,
    "publish": _Planner.publish_fails,
    "create": _Planner.create_fails,
    ELSEWHERE: _Planner.create_comes_back_elsewhere,
    "double click, one works": _Planner.double_click_of_which_one_works,
    "double click in vain": _Planner.double_click_in_vain,
    "retry clicked twice": _Planner.retry_clicked_twice,
    "two tabs": _Planner.two_tabs,
    "one fails, the other saves": _Planner.one_fails_the_other_saves,
    "both fail": _Planner.both_fail,
    "works": _Planner.works,
}

_ANYBODY = {
    "same content": 18, "same content, then on": 6, "changed content": 12, "given up": 10,
    "several failures": 10, "before storage": 9, "something else between": 5, "published between": 3,
    "publish": 4, "create": 3, ELSEWHERE: 4, "double click, one works": 4, "double click in vain": 4,
    "retry clicked twice": 2, "two tabs": 5, "works": 4,
}  # fmt: skip
_WEIGHTS: dict[PartyKind, dict[str, int]] = {
    "person": {**_ANYBODY, "before anything is read": 3, "logged out": 3},
    "couple": {**_ANYBODY, "one fails, the other saves": 50, "both fail": 20},
    "script": _ANYBODY,
}
_RESTARTS = 0.2
_NEVER_RETRIED = ("given up", "works", "double click, one works", "one fails, the other saves")


def plan(seed: str, parties: Sequence[PartyKind], scenarios: int) -> tuple[Party, ...]:
    """Make up `scenarios` for each party; in a fifth of them the app is started anew before the retry."""
    return tuple(_party(seed, number, kind, scenarios) for number, kind in enumerate(parties))


def _party(seed: str, number: int, kind: PartyKind, scenarios: int) -> Party:
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - a story, no secret
    planner = _Planner(chance)
    weights = _WEIGHTS[kind]
    made = [planner.make(name) for name in chance.choices(list(weights), list(weights.values()), k=scenarios)]
    retried = [index for index, scenario in enumerate(made) if scenario.kind not in _NEVER_RETRIED]
    for index in chance.sample(retried, min(len(retried), round(_RESTARTS * scenarios))):
        made[index] = planner.with_restart(made[index])
    return Party(number, kind, tuple(made))
