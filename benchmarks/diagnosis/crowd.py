"""Members of teams who save boards and files over HTTP, and save again what was not saved."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable

import requests

PRESSES = 3
"""How often a member saves the same before giving up."""

_AGAIN_SECONDS = (0.05, 0.25)

Draw = Callable[[random.Random], int]


@dataclasses.dataclass(frozen=True)
class Habits:
    """How a crowd saves.

    Each of `members` takes `steps` steps with `pauses` seconds between them. `size` draws a content's bytes,
    `name` a file name's characters, `origin` the characters of a file's metadata. A press goes to a host
    other than the first with the chance of `others_share`; with `large_elsewhere`, so do nine in ten of
    those above 20,000 bytes, and hardly any other. `old_builds` is the share of members with an old client.
    """

    members: int = 8
    steps: int = 36
    pauses: tuple[float, float] = (0.0, 0.03)
    size: Draw = lambda chance: int(chance.lognormvariate(8.5, 1.1))
    name: Draw = lambda chance: chance.randrange(4, 60)
    origin: Draw = lambda chance: chance.randrange(0, 300)
    others_share: float = 0.3
    large_elsewhere: bool = False
    old_builds: float = 0.3
    decoys: int = 0


class Member(threading.Thread):
    """One member at work."""

    def __init__(self, number: int, habits: Habits, addresses: tuple[str, ...], seed: str) -> None:
        super().__init__(daemon=True)
        self._habits = habits
        self._addresses = addresses
        self._chance = random.Random(f"{seed} {number}")  # noqa: S311 - a made crowd, no secret
        self._member = f"member-{number}"
        self._team = f"team-{number % 4}"
        self._board = f"board-{number}"
        self._build = "2.1" if number < habits.old_builds * habits.members else "2.4"

    def run(self) -> None:
        """Enter, and save step after step."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Build"] = self._build
            # Strangers learn it from the next save.
            session.post(
                f"{self._addresses[0]}/enter", json={"member": self._member, "team": self._team}, timeout=30
            )
            for _ in range(self._habits.steps):
                time.sleep(self._chance.uniform(*self._habits.pauses))
                self._save(session)

    def _save(self, session: requests.Session) -> None:
        size = min(self._habits.size(self._chance), 400_000)
        content = self._chance.randbytes(size // 2 + 1).hex()
        is_file = self._chance.random() < 0.5
        name = "n" * self._habits.name(self._chance)
        origin = "o" * self._habits.origin(self._chance)
        for _ in range(PRESSES):
            address = self._host(size)
            decoys = {f"X-Decoy-{one}": f"{self._chance.randrange(5)}" for one in range(self._habits.decoys)}
            try:
                if is_file:
                    headers = {"X-Origin": origin, "Content-Type": "application/octet-stream", **decoys}
                    url = f"{address}/boards/{self._board}/files/{name}"
                    answer = session.post(url, content, headers=headers, timeout=30, allow_redirects=False)
                else:
                    body = {"cards": [content]}
                    url = f"{address}/boards/{self._board}"
                    answer = session.put(url, json=body, headers=decoys, timeout=30, allow_redirects=False)
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code == 200:
                return
            time.sleep(self._chance.uniform(*_AGAIN_SECONDS))

    def _host(self, size: int) -> str:
        share = self._habits.others_share
        if self._habits.large_elsewhere:
            share = 0.9 if size > 20_000 else 0.05
        if len(self._addresses) > 1 and self._chance.random() < share:
            return self._chance.choice(self._addresses[1:])
        return self._addresses[0]


def work(habits: Habits, addresses: tuple[str, ...], seed: str) -> None:
    """Let everybody save; returns when all have finished."""
    members = [Member(number, habits, addresses, seed) for number in range(habits.members)]
    for member in members:
        member.start()
    for member in members:
        member.join()
