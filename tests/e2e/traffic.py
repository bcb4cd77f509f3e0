"""What users send to the editor, and which faults their saves meet: the same seed makes the same traffic."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Fault, Plan, Reset, Rule, SlowAnswer
from tests.fixture_app import App

USERS = 8
"""How many send at once."""

_WAYS = ("save",) * 12 + ("publish",) * 3 + ("replace",) * 2 + ("image",) * 2 + ("rejected", "broken")
_UNREAD = ("rejected", "broken")
"""They answer without reading the body; some servers then reset the connection under the answer."""

_FAULTS: tuple[Fault, ...] = (
    faults.SLOW_DOWN,
    faults.INTERNAL_ERROR,
    faults.REQUEST_TIME_TOO_SKEWED,
    faults.REQUEST_TIMEOUT,
    faults.OPERATION_ABORTED,
    Reset("head"),
    Reset("body", 100),
    Reset("answer"),
    SlowAnswer(0.2),
)
_DATE = re.compile(rb"\r\nDate: [^\r]*")


@dataclasses.dataclass(frozen=True)
class Request:
    """One press of a button; every storymap is saved once."""

    number: int
    way: str
    body: bytes

    @property
    def storymap_id(self) -> str:
        """The storymap's id."""
        return f"map-{self.number:04d}"

    @property
    def path(self) -> str:
        """Where it is sent to."""
        return f"/{self.way}/{self.storymap_id}"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a user got for a request."""

    request: Request
    raw: bytes

    @property
    def without_date(self) -> bytes:
        """Every byte but those of the Date header."""
        return _DATE.sub(b"", self.raw, count=1)

    @property
    def saved(self) -> bool:
        """Whether the user was told that it was saved."""
        head, _, body = self.raw.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) < 400 and b'"error"' not in body


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Requests, and the faults that they meet on the way to the store."""

    requests: tuple[Request, ...]
    plan: Plan

    def send(self, app: App, users: int = USERS) -> list[Answer]:
        """Send everything, `users` at a time, and return the answers in the order of the requests."""
        return send(app, self.requests, users)


def send(app: App, requests: Sequence[Request], users: int = USERS) -> list[Answer]:
    """Send `requests`, `users` at a time, and return the answers in their order."""
    with ThreadPoolExecutor(users) as pool:
        return list(pool.map(lambda one: Answer(one, app.exchange("POST", one.path, one.body)), requests))


def tell(seed: int, saves: int, faulty_share: float = 0.15) -> Traffic:
    """Make up `saves` requests, of which a share meets one to three faults of one kind."""
    chance = random.Random(seed)  # noqa: S311 - traffic, no secret
    requests, rules = [], []
    for number in range(saves):
        slides = [chance.randbytes(30).hex() for _ in range(chance.randrange(1, 200))]
        way = chance.choice(_WAYS)
        body = b"" if way in _UNREAD else json.dumps({"slides": slides}).encode()
        request = Request(number, way, body)
        requests.append(request)
        if chance.random() < faulty_share:
            fault = chance.choice(_FAULTS)
            prefix = f"storymapjs/ada/{request.storymap_id}/"
            rules.append(Rule(fault, prefix, times=chance.randrange(1, 4)))
    return Traffic(tuple(requests), Plan(tuple(rules)))
