"""People who save in the sample app over HTTP and, when a save fails, press the button again."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import random
import threading
import time
from collections.abc import Callable

import requests

from otel_savetrace.demo.story import Author, Image, Step, What

PATIENCE_SECONDS = 45.0
"""How long somebody waits who logs in."""

BETWEEN_PRESSES_SECONDS = (0.6, 1.4)
"""How long somebody looks at an error before the next press, at least and at most."""

_WORDS = ("harbour", "bridge", "market", "night", "river", "song", "tower", "winter")


@dataclasses.dataclass(frozen=True)
class Press:
    """One press of a button and what the user saw of it; `error` is None when it was saved."""

    user: str
    storymap_id: str
    what: What
    number: int
    error: str | None
    seconds: float


OnPress = Callable[[Press], None]


class Crowd:
    """All authors at once, each in a thread; they stop between two presses when the ``with`` block ends.

    `addresses` are the app's: of several hosts, the users log in at the first, and each press goes to the
    others with the chance of `others_share`.
    """

    def __init__(
        self,
        addresses: tuple[str, ...],
        authors: tuple[Author, ...],
        seed: int,
        on_press: OnPress,
        others_share: float = 0.3,
    ) -> None:
        self._stop = threading.Event()
        self._threads = []
        for author in authors:
            hosts = Hosts(addresses, others_share)
            user = User(hosts, author, chance_of(seed, author), on_press, self._stop)
            self._threads.append(threading.Thread(target=user.run, name=author.name, daemon=True))

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def wait(self) -> None:
        """Return when nobody has anything left to save."""
        for thread in self._threads:
            thread.join()


def chance_of(seed: int, author: Author) -> random.Random:
    """Return the author's own source of chance, so that nobody's pace changes what another writes."""
    return random.Random(f"{seed} {author.name}")  # noqa: S311 - a story, no secret


@dataclasses.dataclass(frozen=True)
class Hosts:
    """The app's addresses, the first one's first, and the share of presses that go to the others."""

    addresses: tuple[str, ...]
    others_share: float

    def one(self, chance: random.Random) -> str:
        """Return the host that a press goes to, as a load balancer has it."""
        if len(self.addresses) == 1 or chance.random() >= self.others_share:
            return self.addresses[0]
        return chance.choice(self.addresses[1:])


class User:
    """One author at the editor."""

    def __init__(
        self,
        hosts: Hosts,
        author: Author,
        chance: random.Random,
        on_press: OnPress,
        stop: threading.Event,
    ) -> None:
        self.hosts = hosts
        self.author = author
        self.chance = chance
        self.on_press = on_press
        self.stop = stop
        self.slides: list[dict[str, object]] = []

    def run(self) -> None:
        """Log in and go through the steps."""
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the user's is no way to loopback
            self._log_in(session)
            for step in self.author.steps:
                if self.stop.wait(step.rest_seconds) or self._pause(self.author.pauses):
                    return
                self._save(session, step)

    def _save(self, session: requests.Session, step: Step) -> None:
        """Press the button until it is saved: with the same content, as nothing was changed meanwhile."""
        form = self._form(step)
        for number in range(1, self.author.presses + 1):
            cut = step.cut and number == 1
            sent = {**form, "d": form["d"][: len(form["d"]) // 2]} if cut else form
            press = self._press(session, step.what, sent, number)
            self.on_press(press)
            if press.error is None or self._pause(BETWEEN_PRESSES_SECONDS):
                return

    def _press(self, session: requests.Session, what: What, form: dict[str, str], number: int) -> Press:
        path = "/storymap/image/save/" if what == "image" else f"/storymap/{what}/"
        started = time.monotonic()
        patience = self.author.patience_seconds
        error = _what_the_editor_shows(session, self.hosts.one(self.chance) + path, form, patience)
        seconds = time.monotonic() - started
        return Press(self.author.name, self.author.storymap_id, what, number, error, seconds)

    def _log_in(self, session: requests.Session) -> None:
        form = {"name": self.author.name}
        # Whoever is not let in learns it from the next save.
        with contextlib.suppress(requests.RequestException):
            session.post(f"{self.hosts.addresses[0]}/login/", data=form, timeout=PATIENCE_SECONDS)

    def _pause(self, between: tuple[float, float]) -> bool:
        """Do nothing for a while; return whether it is time to stop."""
        return self.stop.wait(self.chance.uniform(*between))

    def _form(self, step: Step) -> dict[str, str]:
        """Fill in the form for the next thing to save."""
        if step.what == "image":
            return self._image_form(step.image)
        headline, text = some_words(self.chance, 4), some_words(self.chance, 60)
        self.slides.append({"text": {"headline": headline, "text": text}})
        content = json.dumps({"storymap": {"slides": self.slides}})
        groups = "[" * step.nested + content + "]" * step.nested
        return {"id": self.author.storymap_id, "title": self.author.title, "d": groups}

    def _image_form(self, image: Image) -> dict[str, str]:
        size = self.chance.randrange(image.bytes_least, image.bytes_most)
        content = base64.b64encode(self.chance.randbytes(size)).decode()
        name = f"{self.chance.choice(_WORDS)}-{self.chance.randrange(1000)}.jpg"
        return {
            "id": self.author.storymap_id,
            "name": image.name or name,
            "content": f"data:{image.media_type};base64,{content}",
        }


def some_words(chance: random.Random, count: int) -> str:
    """Write something."""
    return " ".join(chance.choices(_WORDS, k=count)).capitalize()


def _what_the_editor_shows(
    session: requests.Session, url: str, form: dict[str, str], patience_seconds: float
) -> str | None:
    """Post as the editor's script does; return the text of its message, None for saved."""
    try:
        answer = session.post(url, data=form, timeout=patience_seconds)
    except requests.Timeout:
        return "timeout"
    except requests.RequestException:
        return "error"
    if not answer.ok:
        return answer.reason
    try:
        error = answer.json().get("error")
    except ValueError:
        return "parsererror"  # what jQuery calls a page where it wants JSON: the login page, mostly
    return None if error is None else str(error)
