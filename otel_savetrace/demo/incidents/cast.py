"""Who saves in an incident: a handful of users, each with steps of one kind."""

from __future__ import annotations

import random
from collections.abc import Callable

from otel_savetrace.demo.incidents.incident import Cast
from otel_savetrace.demo.story import Author, Image, Mishap, Step, What

NAMES = ("ada", "bruno", "chidi", "dalia", "emil", "farah", "goran", "hana")
_TITLES = (
    "Rivers of Norway", "Harbours of the Hanse", "A walk through Lagos", "Night trains",
    "Lighthouses", "Bazaars", "Bridges of Mostar", "Volcanoes",
)  # fmt: skip

_ANY: tuple[What, ...] = ("save", "image", "publish")

MakeStep = Callable[[random.Random], Step]


def cast(
    make_step: MakeStep, *, users: int = 6, steps: int = 10, presses: int = 3,
    pauses: tuple[float, float] = (0.05, 0.25), first: MakeStep | None = None, patience: float = 45.0,
) -> Cast:  # fmt: skip
    """Return a cast of `users`, each of whom takes `steps` steps that `make_step` makes up, after `first`.

    `patience` is how many seconds their editor waits for an answer.
    """

    def make(chance: random.Random) -> tuple[Author, ...]:
        makers = [*([first] if first else []), *[make_step] * steps]
        return tuple(
            author(
                index,
                [make_one(chance) for make_one in makers],
                presses=presses,
                pauses=pauses,
                patience=patience,
            )
            for index in range(users)
        )

    return make


def in_browser(mishap: Mishap | None = None, *, users: int = 4, steps: int = 8) -> Cast:
    """Return a cast that saves drafts in a browser; at every third the mishap happens."""

    def make(_: random.Random) -> tuple[Author, ...]:
        made = [Step("save", mishap=mishap if number % 3 == 0 else None) for number in range(users + steps)]
        # Not to all at the same time.
        return tuple(author(index, made[index:][:steps], pauses=(1.0, 1.3)) for index in range(users))

    return make


def author(
    index: int, steps: list[Step], *, presses: int = 3, pauses: tuple[float, float] = (0.05, 0.25),
    patience: float = 45.0,
) -> Author:  # fmt: skip
    """Return a user who makes a storymap and goes through the steps."""
    title = _TITLES[index]
    everything = (Step("create"), *steps)
    name = title.lower().replace(" ", "-")
    return Author(NAMES[index], title, name, everything, pauses, presses, patience)


def an_image(_: random.Random) -> Step:
    """Save a small image."""
    return Step("image", image=Image(5_000, 20_000))


def a_draft(_: random.Random) -> Step:
    """Save a draft."""
    return Step("save")


def a_publication(_: random.Random) -> Step:
    """Publish: two objects, the second as soon as the store has the first."""
    return Step("publish")


def anything(chance: random.Random) -> Step:
    """Save a draft, an image, or publish."""
    what: What = chance.choices(_ANY, (3, 2, 1))[0]
    return Step(what, image=Image(5_000, 20_000))


def image_of_any_size(chance: random.Random) -> Step:
    """Save an image: most are small, every third is as large as a camera makes it."""
    if chance.random() < 0.3:
        return Step("image", image=Image(140_000, 320_000))
    return Step("image", image=Image(5_000, 110_000))


def image_with_any_name(chance: random.Random) -> Step:
    """Save an image: every third has the caption for its name, as some programs export them."""
    length = chance.randrange(256, 330) if chance.random() < 0.3 else chance.randrange(12, 245)
    words = "-".join(f"{chance.randrange(16**6):06x}" for _ in range(length // 7 + 1))
    return Step("image", image=Image(5_000, 20_000, name=f"{words[: length - 4]}.jpg"))


def image_with_any_media_type(chance: random.Random) -> Step:
    """Save an image: every third drags what a program wrote into its media type along."""
    length = chance.randrange(7_600, 9_000) if chance.random() < 0.3 else chance.randrange(2_000)
    history = ";history=" + "".join(chance.choices("abcdefghij", k=length))
    return Step("image", image=Image(5_000, 20_000, media_type=f"image/jpeg{history}"))


def nested_draft(chance: random.Random) -> Step:
    """Save a draft: every fourth has its slides in groups of groups of groups, without end."""
    return Step("save", nested=100_000 if chance.random() < 0.25 else 1)
