"""The incidents: causes alone, two at once, confounded ones, decoys, too few, none at all."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

from benchmarks.diagnosis.crowd import Habits
from benchmarks.diagnosis.incident import Host, Incident, Truth
from benchmarks.diagnosis.store import Asked, Hold, Refuse, Reset, Rule
from otel_savetrace import attributes as attribute

HOST = frozenset({attribute.HOST_NAME, attribute.PROCESS_ID, "service.instance.id"})
SIZE = frozenset({attribute.CONTENT_SIZE, attribute.REQUEST_BODY_SIZE, attribute.BODY_BYTES_SENT})
TEAM = frozenset({"team.id", "member.id", "board.id"})
IDLE = frozenset({attribute.CONNECTION_IDLE_SECONDS})
ADDRESS = frozenset(
    {attribute.ENDPOINT, "network.peer.address", "server.address", "network.peer.port", "server.port"}
)
KEY = frozenset({attribute.KEY_LEN, attribute.KEY_LEN_SENT, "file.name"})
HEAD = frozenset({attribute.HEADER_BYTES, attribute.HEADER_SECTION_BYTES, attribute.LARGEST_HEADERS})
METADATA = frozenset({attribute.METADATA_BYTES, f"{attribute.LARGEST_HEADERS}.x-amz-meta-origin"}) | HEAD
ROUTE = frozenset({"http.route", "http.request.method", "http.method", "url.path", "file.name"})
BUILD = frozenset({"client.build"})
AGE = frozenset({attribute.WORKER_AGE_SECONDS, attribute.REQUESTS_SERVED})

SLOW_DOWN, INTERNAL = Refuse(503, "SlowDown"), Refuse(500, "InternalError")

Fault = Refuse | Reset | Hold
When = Callable[[Asked], bool]


def always(fault: Fault, when: When) -> Callable[[random.Random], Rule]:
    """Meet every request that fits."""
    return lambda _: lambda asked: fault if when(asked) else None


def now_and_then(fault: Fault, share: float, when: When = lambda _: True) -> Callable[[random.Random], Rule]:
    """Meet a share of those that fit, by chance."""
    return lambda chance: lambda asked: fault if when(asked) and chance.random() < share else None


def either(*makers: Callable[[random.Random], Rule]) -> Callable[[random.Random], Rule]:
    """Follow the first rule that has a fault for a request."""

    def make(chance: random.Random) -> Rule:
        rules = [maker(chance) for maker in makers]
        return lambda asked: next((fault for rule in rules if (fault := rule(asked))), None)

    return make


def larger_than(size: int) -> When:
    """Whether the content is larger."""
    return lambda asked: asked.size > size


def of_team(team: str) -> When:
    """Whether the key is one of the team's."""
    return lambda asked: f"/{team}/" in asked.key


def of_second_host(asked: Asked) -> bool:
    """Whether the request comes from the second host, which has an access key of its own."""
    return asked.access_key == "SECOND"


def files(asked: Asked) -> bool:
    """Whether a file is saved."""
    return asked.key.startswith("files/")


def idle(asked: Asked) -> bool:
    """Whether the connection has idled for longer than 0.6 seconds."""
    return asked.before > 0 and asked.idle_seconds > 0.6


SECOND = Host({"AWS_ACCESS_KEY_ID": "SECOND"})
TWO_HOSTS = (Host(), SECOND)
TWO_ADDRESSES = ("127.0.0.1", "127.0.0.2")
SLOWLY = Habits(members=3, steps=50, pauses=(0.05, 0.9))
MANY_SIZES = Habits(size=lambda chance: chance.randrange(500, 60_000))
LONG_NAMES = Habits(name=lambda chance: chance.randrange(4, 160))
LONG_ORIGINS = Habits(origin=lambda chance: chance.randrange(0, 3_000))
LARGE_ELSEWHERE = Habits(
    size=lambda chance: chance.choice((2_000, 5_000, 30_000, 40_000)), large_elsewhere=True
)
HUGE_ORIGINS = Habits(origin=lambda chance: chance.choice((20, 300, 1_500, 6_500, 7_900)))


def _one(name: str, cause: str, condition: frozenset[str] = frozenset(), **more: object) -> Incident:
    return dataclasses.replace(Incident(name, (Truth(cause, condition),)), **more)  # type: ignore[arg-type]  # checked by the class


ALL = (
    _one("throttled team", "storage.throttled", TEAM, rule=now_and_then(SLOW_DOWN, 0.5, of_team("team-2"))),
    _one("throttled now and then", "storage.throttled", rule=now_and_then(SLOW_DOWN, 0.12)),
    _one("internal error now and then", "storage.internal_error", rule=now_and_then(INTERNAL, 0.1)),
    _one("internal error of large ones", "storage.internal_error", SIZE,
         rule=always(INTERNAL, larger_than(40_000)), habits=MANY_SIZES),
    _one("internal error of some large ones", "storage.internal_error", SIZE,
         rule=now_and_then(INTERNAL, 0.5, larger_than(30_000)), habits=MANY_SIZES),
    _one("bad gateway of files", "storage.internal_error", ROUTE,
         rule=now_and_then(Refuse(502, "BadGateway"), 0.3, files)),
    _one("skewed clock of a host", "storage.clock_skew", HOST, hosts=TWO_HOSTS,
         rule=always(Refuse(403, "RequestTimeTooSkewed"), of_second_host)),
    _one("wrong secret of a host", "storage.signature", HOST, hosts=TWO_HOSTS,
         rule=always(Refuse(403, "SignatureDoesNotMatch"), of_second_host)),
    _one("expired token of a host", "storage.credentials", HOST, hosts=TWO_HOSTS,
         rule=now_and_then(Refuse(400, "ExpiredToken"), 0.6, of_second_host)),
    _one("files denied", "storage.access_denied", ROUTE, rule=always(Refuse(403, "AccessDenied"), files)),
    _one("metadata too large", "storage.metadata_too_large", METADATA, habits=LONG_ORIGINS,
         rule=always(Refuse(400, "MetadataTooLarge"),
                     lambda asked: len(asked.headers.get("x-amz-meta-origin", "")) > 2_042)),
    _one("head too large", "storage.header_too_large", METADATA, habits=HUGE_ORIGINS,
         rule=always(Refuse(400, "RequestHeaderSectionTooLarge"), lambda asked: asked.head_bytes > 8_192)),
    _one("name too long", "storage.key_too_long", KEY, habits=LONG_NAMES,
         rule=always(Refuse(400, "KeyTooLongError"), lambda asked: len(asked.key) > 130)),
    _one("too large", "storage.content_too_large", SIZE, habits=MANY_SIZES,
         rule=always(Refuse(400, "EntityTooLarge"), larger_than(45_000))),
    _one("bad digest now and then", "storage.checksum", rule=now_and_then(Refuse(400, "BadDigest"), 0.1)),
    _one("conflict on a board", "storage.conflict", TEAM,
         rule=now_and_then(Refuse(409, "OperationAborted"), 0.4, lambda asked: "board-3" in asked.key)),
    _one("no bucket at a host", "storage.not_found", HOST, hosts=TWO_HOSTS,
         rule=always(Refuse(404, "NoSuchBucket"), of_second_host)),
    _one("idle connections forgotten", "network.stale_connection", IDLE,
         rule=always(Reset("head"), idle), habits=SLOWLY, hosts=(Host(gunicorn=("--workers", "3")),)),
    _one("reset within large bodies", "network.reset", SIZE,
         rule=always(Reset("body"), larger_than(35_000)), habits=MANY_SIZES),
    _one("answers lost now and then", "network.reset", rule=now_and_then(Reset("answer"), 0.1)),
    _one("one address hangs", "network.read_timeout", ADDRESS, addresses=TWO_ADDRESSES,
         rule=now_and_then(Hold(1.2), 0.4, lambda asked: asked.address == "127.0.0.2"),
         hosts=(Host({"PATIENCE": "0.4"}),)),
    _one("hangs now and then", "network.read_timeout", rule=now_and_then(Hold(1.2), 0.08),
         hosts=(Host({"PATIENCE": "0.4"}),)),
    _one("one address refuses", "network.refused", ADDRESS, addresses=TWO_ADDRESSES,
         listening=("127.0.0.1",)),
    _one("a host that knows no name", "network.dns", HOST | ADDRESS, hosts=TWO_HOSTS, unresolved=True),
    _one("the app cannot take large ones", "app.exception", SIZE, hosts=(Host({"FAULT": "large"}),),
         habits=MANY_SIZES),
    _one("the app's young workers fail", "app.exception", AGE, hosts=(Host({"FAULT": "young worker"},
         ("--workers", "3", "--max-requests", "25")),)),
    _one("old clients turned away", "app.rejected", BUILD, hosts=(Host({"FAULT": "old build"}),)),
    _one("a host that knows nobody", "app.session", HOST, hosts=(Host(), Host({"SECRET": "another"}))),
    _one("database locked", "app.dependency", hosts=(Host({"FAULT": "database"}),)),
    _one("workers killed as they wait", "process.killed", rule=now_and_then(Hold(4.0), 0.04),
         hosts=(Host({"PATIENCE": "10"}, ("--workers", "4", "--timeout", "1")),), habits=Habits(steps=20)),
    _one("host hidden behind size", "storage.internal_error", HOST, hosts=TWO_HOSTS,
         rule=now_and_then(INTERNAL, 0.6, of_second_host),
         habits=LARGE_ELSEWHERE),
    _one("size hidden behind host", "storage.internal_error", SIZE, hosts=TWO_HOSTS,
         rule=now_and_then(INTERNAL, 0.7, larger_than(20_000)),
         habits=LARGE_ELSEWHERE),
    Incident("a throttled team and large ones reset",
             (Truth("storage.throttled", TEAM), Truth("network.reset", SIZE)),
             rule=either(now_and_then(SLOW_DOWN, 0.4, of_team("team-1")),
                         always(Reset("body"), larger_than(45_000))), habits=MANY_SIZES),
    Incident("a wrong secret and errors now and then",
             (Truth("storage.signature", HOST), Truth("storage.internal_error")), hosts=TWO_HOSTS,
             rule=either(now_and_then(Refuse(403, "SignatureDoesNotMatch"), 0.7, of_second_host),
                         now_and_then(INTERNAL, 0.06))),
    Incident("old clients turned away and names too long",
             (Truth("app.rejected", BUILD), Truth("storage.key_too_long", KEY)),
             hosts=(Host({"FAULT": "old build"}),), habits=LONG_NAMES,
             rule=always(Refuse(400, "KeyTooLongError"), lambda asked: len(asked.key) > 130)),
    _one("chance among forty decoys", "storage.internal_error", rule=now_and_then(INTERNAL, 0.12),
         habits=Habits(decoys=40)),
    _one("one team among forty decoys", "storage.internal_error", TEAM,
         rule=now_and_then(INTERNAL, 0.5, of_team("team-3")), habits=Habits(decoys=40)),
    _one("too few to say", "storage.internal_error", rule=lambda _: _first_of(INTERNAL, 3), too_few=True),
    Incident("none at all", ()),
    Incident("rescued by the client's own retries", (), rule=now_and_then(SLOW_DOWN, 0.1),
             hosts=(Host({"ATTEMPTS": "6"}),), habits=Habits(steps=12)),
)  # fmt: skip


def _first_of(fault: Fault, most: int) -> Rule:
    """Meet every fortieth request, `most` times in all."""
    seen = iter(range(10**9))
    return lambda _: fault if (number := next(seen)) % 40 == 39 and number // 40 < most else None
