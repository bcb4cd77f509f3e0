"""Incidents made without servers: a seeded crowd saves, a rule says who fails, who fails tries again."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import random
from collections.abc import Callable, Mapping

from otel_savetrace import attributes as names
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue, Span, SpanStatus

NOON = 1_795_521_600_000_000_000
ROUTES = ("/charts/keep", "/charts/share", "/pictures")

Held = dict[str, AttributeValue]


@dataclasses.dataclass
class Moment:
    """What a save is about to go through; a rule may look at all of it, and change it."""

    at: float
    user: str
    thing: str
    route: str
    pid: int
    host: str
    peer: str
    reused: bool
    idle: float
    size: int
    key_len: int
    section: int
    version: str
    chance: random.Random
    headers: dict[str, int] = dataclasses.field(default_factory=dict)
    of_save: Held = dataclasses.field(default_factory=dict)
    of_call: Held = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Fault:
    """How a save fails: with a code, in a stage, after a status where an answer came."""

    code: str
    stage: str = names.STORAGE
    status: int | None = 503
    of_save: Mapping[str, AttributeValue] = dataclasses.field(default_factory=dict)
    of_call: Mapping[str, AttributeValue] = dataclasses.field(default_factory=dict)


Rule = Callable[[Moment], "Fault | None"]

RESET = Fault("ConnectionResetError", names.NETWORK, None)


def made_incident(
    seed: int,
    rule: Rule,
    saves: int = 400,
    seconds: float = 7_200.0,
    decoys: int = 0,
    before: Rule | None = None,
) -> list[Save]:
    """Let people save, fail by the rule, and try again up to three times; `before` only changes moments."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    numbers = itertools.count()
    made: list[Save] = []
    for _ in range(saves):
        moment = _moment(chance, chance.uniform(0.0, seconds), seconds)
        for _ in range(4):
            _surround(moment, decoys)
            if before is not None:
                before(moment)
            fault = rule(moment)
            made.append(_save(f"{seed} {next(numbers)}", moment, fault))
            if fault is None:
                break
            moment = dataclasses.replace(
                _moment(chance, moment.at + chance.uniform(3.0, 90.0), seconds),
                user=moment.user, thing=moment.thing, route=moment.route, size=moment.size,
                key_len=moment.key_len, headers={}, of_save={}, of_call={},
            )  # fmt: skip
    return sorted(made, key=lambda save: (save.span.start_nanoseconds, save.trace_id))


def _moment(chance: random.Random, at: float, seconds: float) -> Moment:
    worker = chance.randrange(6)
    reused = chance.random() < 0.7
    return Moment(
        at=at,
        user=f"user-{chance.randrange(60)}",
        thing=f"chart-{chance.randrange(100_000)}",
        route=chance.choice(ROUTES),
        pid=4_700 + worker,
        host=f"host-{worker % 2}",
        peer=f"10.0.0.{chance.randrange(5)}",
        reused=reused,
        idle=chance.expovariate(1 / 4.0) if reused else 0.0,
        size=int(chance.lognormvariate(9.0, 1.2)),
        key_len=chance.randrange(60, 400),
        section=chance.randrange(700, 1_100),
        version="1.4.0" if at < seconds / 2 else "1.5.0",
        chance=chance,
    )


def _surround(moment: Moment, decoys: int) -> None:
    chance = moment.chance
    for number in range(decoys):
        name = f"charts.decoy_{number}"
        kind = number % 5
        if kind == 0:
            moment.of_save[name] = chance.gauss(100.0, 15.0)
        elif kind == 1:
            moment.of_save[name] = f"kind-{chance.randrange(4)}"
        elif kind == 2:
            moment.of_save[name] = chance.random() < 0.15
        elif kind == 3:
            moment.of_save[name] = int(chance.paretovariate(1.2))
        elif chance.random() < 0.3:
            moment.of_save[name] = f"tag-{chance.randrange(30)}"


def _save(name: str, moment: Moment, fault: Fault | None) -> Save:
    trace_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    told: Held = {"chart.id": moment.thing, "chart.user_id": moment.user}
    start = NOON + round(moment.at * 1e9)
    made = None if fault is not None and fault.stage in {names.APP, names.SESSION} else fault
    call = _call(trace_id, start, told, moment, made)
    held: Held = {
        "http.request.method": "POST", "http.route": moment.route, **told,
        names.OUTCOME: names.SUCCEEDED, "http.response.status_code": 200,
        names.PROCESS_ID: moment.pid, names.HOST_NAME: moment.host, names.APP_VERSION: moment.version,
        names.CONTENT_SIZE: moment.size, names.CONTENT_HASH: f"crc32:{moment.thing}", names.ATTEMPTS: 1,
        names.REQUEST_BODY_SIZE: moment.size + 100, **moment.of_save,
    }  # fmt: skip
    if fault is not None:
        held |= {names.OUTCOME: names.FAILED, names.ERROR_CODE: fault.code, names.STAGE: fault.stage}
        held |= {names.USER_ERROR: "not saved", **fault.of_save}
    return Save(
        _span(trace_id, trace_id[:16], None, "POST", start, 0.3, held, kind="server"), (call,), _texts(told)
    )


def _texts(told: Held) -> dict[str, str]:
    return {name: str(value) for name, value in told.items()}


def _call(trace_id: str, start: int, told: Held, moment: Moment, fault: Fault | None) -> Call:
    held: Held = {
        **told, "rpc.service": "S3", "rpc.method": "PutObject", names.S3_BUCKET: "charts",
        names.S3_KEY: f"charts/{moment.user}/{moment.thing}/data.json", names.KEY_LEN: moment.key_len,
        names.CONTENT_SIZE: moment.size, names.CONTENT_HASH: f"crc32:{moment.thing}", names.ATTEMPTS: 1,
        names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 1, **moment.of_call,
    }  # fmt: skip
    wire: Held = {
        names.HEADER_BYTES: moment.section + 150 + moment.key_len, names.HEADER_SECTION_BYTES: moment.section,
        names.PEER_ADDRESS: moment.peer, names.CONNECTION: names.REUSED if moment.reused else names.NEW,
        names.LARGEST_HEADERS: " ".join(f"{name}={size}" for name, size in moment.headers.items()),
    }  # fmt: skip
    if moment.reused:
        wire[names.CONNECTION_IDLE_SECONDS] = round(moment.idle, 4)
        wire[names.CONNECTION_REQUESTS] = 3
    if fault is not None:
        held |= {names.ERROR_CODE: fault.code, **fault.of_call}
        wire[names.ERROR_CODE] = fault.code
    if fault is None or fault.status is not None:
        wire["http.response.status_code"] = fault.status if fault else 200
        wire[names.FIRST_BYTE_SECONDS] = 0.01
    status: SpanStatus = "error" if fault else "unset"
    span_id = trace_id[-16:]
    attempt = _span(trace_id, trace_id[8:24], span_id, "attempt: x", start, 0.1, wire, status=status)
    span = _span(trace_id, span_id, trace_id[:16], "S3.PutObject", start, 0.2, held, status=status)
    return Call(span, (Attempt(attempt),))


def _span(
    trace_id: str, span_id: str, parent: str | None, name: str, start: int, seconds: float, held: Held,
    *, kind: str = "client", status: SpanStatus = "unset",
) -> Span:  # fmt: skip
    return Span(
        trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name, kind=kind,  # type: ignore[arg-type]  # one of two
        scope=names.SCOPE, scope_version="", service="charts", start_nanoseconds=start,
        end_nanoseconds=start + round(seconds * 1e9), status=status, status_message="", attributes=held,
        resource={"service.name": "charts"}, links=(), events=(),
    )  # fmt: skip
