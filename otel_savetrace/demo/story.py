"""Who saves what in the demo, and what goes wrong for whom: the same seed tells the same story."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from typing import Literal

from otel_savetrace.demo.faults import INTERNAL_ERROR, SLOW_DOWN, Plan, Reset, Rule

What = Literal["create", "save", "publish", "image"]

Mishap = Literal["network_gone", "tab_closed", "clicked_twice", "logged_out"]
"""What can happen in the middle of a save to a user with a real browser."""

SMALLEST = 20
"""Fewest saves that leave room for everything that goes wrong."""

# The sample app tries a draft twice, three requests each; a publish once, three requests.
_REQUESTS_OF_A_DRAFT = 6
_REQUESTS_OF_A_PAGE = 3


@dataclasses.dataclass(frozen=True)
class Image:
    """An image of `bytes_least` to `bytes_most` bytes; `name` and `media_type` are what the user's file says.

    Without `name` it gets a short one.
    """

    bytes_least: int = 20_000
    bytes_most: int = 60_000
    name: str | None = None
    media_type: str = "image/jpeg"


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that a user saves.

    `cut`: at the first try half of the content never reaches the app. `rest_seconds`: the user does
    something else before. `nested`: how many groups of slides lie within one another. `mishap`: what happens
    at the first try.
    """

    what: What
    cut: bool = False
    rest_seconds: float = 0.0
    image: Image = Image()
    nested: int = 0
    mishap: Mishap | None = None


@dataclasses.dataclass(frozen=True)
class Author:
    """A user, the storymap made in the first step, and the steps in order.

    `pauses`: shortest and longest pause between two steps, in seconds. `presses` of the button at most go
    into one step. `patience_seconds` is how long the editor waits for an answer.
    """

    name: str
    title: str
    storymap_id: str
    steps: tuple[Step, ...]
    pauses: tuple[float, float] = (0.05, 0.25)
    presses: int = 5
    patience_seconds: float = 45.0

    @property
    def user_id(self) -> str:
        """The sample app's id for the user."""
        return hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()

    def key(self, file: str) -> str:
        """Object key of one of the storymap's files, or the beginning of several."""
        return f"storymapjs/{self.user_id}/{self.storymap_id}/{file}"


@dataclasses.dataclass(frozen=True)
class Story:
    """The authors, and the faults that their requests meet on the way to the store."""

    authors: tuple[Author, ...]
    plan: Plan


def tell(seed: int, saves: int) -> Story:
    """Make up a story of about `saves` saves, `SMALLEST` at least, by four users."""
    chance = random.Random(seed)  # noqa: S311 - a story, no secret
    steps = max(saves, SMALLEST) // 4 - 1
    ada = _author("ada", "Rivers of Norway", ["save"] * steps)
    bruno = _author("bruno", "Harbours of the Hanse", _mixed(chance, steps, "image", 3))
    chidi = _author("chidi", "A walk through Lagos", _mixed(chance, steps, "publish", 1))
    dalia = _author("dalia", "Night trains", ["save"] * steps)

    # Not the first save, nor the last: what comes before and after shows that all is well otherwise.
    throttled, rescued = chance.randrange(1, steps), chance.randrange(1, steps)
    cut = chance.randrange(1, steps)
    rules = (
        # More than the client's patience: the user sees it fail, and the next press of the button works.
        Rule(SLOW_DOWN, ada.key("draft.json"), skip=throttled, times=_REQUESTS_OF_A_DRAFT),
        # Within its patience: nobody but the trace ever knows.
        Rule(SLOW_DOWN, dalia.key("draft.json"), skip=rescued, times=2),
        # Half of a publish, twice: published.json is stored, the page that shows it is not.
        Rule(INTERNAL_ERROR, chidi.key("index.html"), times=2 * _REQUESTS_OF_A_PAGE),
        # A connection kept alive by the client only; images are tried once, so the user sees it.
        Rule(Reset("head"), bruno.key("_images/"), on_reused=True),
    )
    return Story((ada, bruno, chidi, _with_cut(dalia, cut)), Plan(rules))


def _author(name: str, title: str, steps: list[What]) -> Author:
    everything = tuple(Step(what) for what in ("create", *steps))
    return Author(name, title, title.lower().replace(" ", "-"), everything)


def _mixed(chance: random.Random, steps: int, other: What, at_least: int) -> list[What]:
    """Drafts, and among them every fifth time, but `at_least` so often, the `other`."""
    others = max(at_least, steps // 5)
    mixed: list[What] = [other] * others
    mixed += ["save"] * (steps - others)
    chance.shuffle(mixed)
    return mixed


def _with_cut(author: Author, at: int) -> Author:
    steps = list(author.steps)
    steps[at] = dataclasses.replace(steps[at], cut=True)
    return dataclasses.replace(author, steps=tuple(steps))
