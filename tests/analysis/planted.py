"""Conditions planted in a made crowd, of many kinds: who fails is known, and so is what should be said."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.facts import Deploys, facts_of
from otel_savetrace.analysis.findings import Condition, Verdict
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.verdicts import verdicts_found
from tests.analysis.made_incident import RESET, Fault, Moment, made_incident

DAY = 86_400.0

REFUSED = Fault("InternalError")
RAISED = Fault("ValueError", names.APP, 500)
TOO_LARGE = Fault("RequestHeaderSectionTooLarge", status=400)

Struck = Callable[[Moment], bool]

Fits = Callable[[Condition, "Sequence[Save]"], bool]
"""Whether a condition that was found is like the one that is true, as far as the saves can show it."""


def nothing(moment: Moment) -> None:
    """Change nothing of a moment."""


@dataclasses.dataclass(frozen=True)
class Planted:
    """One condition: saves that are `struck` fail by the fault, most of them, and no others do.

    `share` is the share of all saves that are struck, about. `named` are the attributes that a report may
    name, `value` is what the condition must be like.
    """

    name: str
    struck: Struck
    share: float
    named: Collection[str]
    value: Fits
    fault: Fault = REFUSED
    prepare: Callable[[Moment], None] = nothing
    fails: float = 0.9
    seconds: float = 7_200.0

    def incident(self, seed: int, failures: int, decoys: int = 20) -> list[Save]:
        """Return a crowd's saves, of which about so many fail."""

        def rule(moment: Moment) -> Fault | None:
            return self.fault if self.struck(moment) and moment.chance.random() < self.fails else None

        wanted = round(failures / (self.share * self.fails))
        saves = min(max(wanted, 60), 6_000)
        return made_incident(seed, rule, saves, self.seconds, decoys, self.prepare)


def verdicts(saves: Sequence[Save]) -> tuple[Verdict, ...]:
    """Return what a report says of some saves."""
    return verdicts_found(saves, saves, episodes(saves))[0]


def is_right(planted: Planted, found: Condition | None, saves: Sequence[Save]) -> bool:
    """Return whether a condition is the one that was planted."""
    return found is not None and found.attribute in planted.named and planted.value(found, saves)


def equals(*values: object) -> Fits:
    """Return what tells whether a condition names one of these values."""
    return lambda found, _: found.operator == "=" and found.value in values


def bound(operator: str, true: float) -> Fits:
    """Return what tells whether a condition is this bound, give or take a few saves that lie between."""

    def fits(found: Condition, saves: Sequence[Save]) -> bool:
        if found.operator != operator or not isinstance(found.value, (int, float)):
            return False
        low, high = sorted((true, float(found.value)))
        told = [facts_of(save, Deploys({})).get(found.attribute) for save in saves]
        held = [float(value) for value in told if isinstance(value, (int, float))]
        return sum(low < value < high for value in held) <= max(2, 0.03 * len(saves))

    return fits


def anything(found: Condition, saves: Sequence[Save]) -> bool:
    """Return that any value is right."""
    return True


def _note(name: str, draw: Callable[[Moment], object]) -> Callable[[Moment], None]:
    def prepare(moment: Moment) -> None:
        moment.of_save[name] = draw(moment)  # type: ignore[assignment]  # a number or a text, each time

    return prepare


def _held(name: str) -> Callable[[Moment], float]:
    return lambda moment: float(moment.of_save[name])  # type: ignore[arg-type]  # as noted


def _baggage(moment: Moment) -> None:
    moment.headers["Authorization"] = 320
    if moment.chance.random() < 0.3:
        moment.headers["baggage"] = moment.chance.randrange(100, 8_000)
    moment.section += sum(moment.headers.values())


def _big_on_a_bad_worker(moment: Moment) -> None:
    if moment.pid == 4_702:
        moment.size *= 20


def _big_on_one_host(moment: Moment) -> None:
    if moment.host == "host-1" and moment.chance.random() < 0.7:
        moment.size *= 20


def _node(moment: Moment) -> None:
    moment.of_save["shop.node"] = moment.host.replace("host", "node")
    moment.of_call["shop.rack"] = moment.host.replace("host", "rack")


def _size_in_other_words(moment: Moment) -> None:
    moment.of_save["shop.kilobytes"] = moment.size / 1_024
    moment.of_save["shop.strokes"] = moment.size // 90


KINDS = (
    Planted(
        "a number of the app's from a bound on", lambda moment: _held("shop.layers")(moment) >= 40, 0.2,
        {"shop.layers"}, bound(">=", 40), prepare=_note("shop.layers", lambda m: m.chance.randrange(50)),
    ),
    Planted(
        "a number of the app's up to a bound", lambda moment: _held("shop.budget")(moment) <= 12.0, 0.12,
        {"shop.budget"}, bound("<=", 12.0), prepare=_note("shop.budget", lambda m: m.chance.uniform(0, 100)),
    ),
    Planted(
        "one value among five", lambda moment: moment.of_save["shop.engine"] == "engine-3", 0.2,
        {"shop.engine"}, equals("engine-3"),
        prepare=_note("shop.engine", lambda m: f"engine-{m.chance.randrange(5)}"),
    ),
    Planted(
        "one of two values, always", lambda moment: moment.of_save["shop.zone"] == "b", 0.25,
        {"shop.zone"}, equals("b"), fails=1.0,
        prepare=_note("shop.zone", lambda m: "b" if m.chance.random() < 0.25 else "a"),
    ),
    Planted(
        "a flag", lambda moment: bool(moment.of_save["shop.draft_mode"]), 0.15, {"shop.draft_mode"},
        equals(True), prepare=_note("shop.draft_mode", lambda m: m.chance.random() < 0.15), fails=0.7,
    ),
    Planted(
        "a shard by its number", lambda moment: moment.of_save["shop.shard"] == 3, 0.125, {"shop.shard"},
        equals(3), prepare=_note("shop.shard", lambda m: m.chance.randrange(8)),
    ),
    Planted(
        "an hour of the night", lambda moment: 2 <= (moment.at / 3_600 + 12) % 24 < 4, 0.083,
        {"derived.hour_of_day"}, equals("02:00/04:00", "02:00/03:00", "03:00/04:00"),
        seconds=6 * DAY,
    ),
    Planted(
        "at each full hour", lambda moment: moment.at % 3_600 < 300, 0.083, {"derived.minute_of_hour"},
        equals(":00/:05"), seconds=DAY,
    ),
    Planted(
        "an outage", lambda moment: 3_000 <= moment.at < 3_600, 0.083, {"derived.time"}, anything,
    ),
    Planted(
        "a connection that idled", lambda moment: moment.reused and moment.idle >= 8.0, 0.095,
        {names.CONNECTION_IDLE_SECONDS}, bound(">=", 8.0), RESET, fails=1.0,
    ),
    Planted(
        "a big header", lambda moment: moment.headers.get("baggage", 0) >= 6_500, 0.057,
        {"savetrace.largest_headers.baggage"}, bound(">=", 6_500), TOO_LARGE, _baggage, fails=1.0,
    ),
    Planted(
        "one host", lambda moment: moment.host == "host-1", 0.5, {names.HOST_NAME}, equals("host-1"), RAISED,
        fails=0.4,
    ),
    Planted(
        "one worker", lambda moment: moment.pid == 4_703, 0.167, {names.PROCESS_ID}, equals(4_703), RAISED,
    ),
    Planted(
        "one address of the store", lambda moment: moment.peer == "10.0.0.2", 0.2, {names.PEER_ADDRESS},
        equals("10.0.0.2"),
    ),
    Planted(
        "a route", lambda moment: moment.route == "/pictures", 0.33, {"http.route"}, equals("/pictures"),
        RAISED, fails=0.5,
    ),
    Planted(
        "a release", lambda moment: moment.version == "1.5.0", 0.5, {names.APP_VERSION}, equals("1.5.0"),
        RAISED, fails=0.3,
    ),
    Planted(
        "one user", lambda moment: moment.user == "user-7", 0.017, {"chart.user_id"}, equals("user-7"),
        RAISED,
    ),
    Planted(
        "big content", lambda moment: moment.size >= 30_000, 0.14,
        {names.CONTENT_SIZE, names.REQUEST_BODY_SIZE}, bound(">=", 30_000),
    ),
    Planted(
        "big content, told in three more ways", lambda moment: moment.size >= 30_000, 0.14,
        {names.CONTENT_SIZE, names.REQUEST_BODY_SIZE}, bound(">=", 30_000), prepare=_size_in_other_words,
    ),
    Planted(
        "one host, told in two more ways", lambda moment: moment.host == "host-1", 0.5, {names.HOST_NAME},
        equals("host-1"), RAISED, _node, fails=0.4,
    ),
    Planted(
        "a bad worker that has all big saves", lambda moment: moment.pid == 4_702, 0.167, {names.PROCESS_ID},
        equals(4_702), RAISED, _big_on_a_bad_worker,
    ),
    Planted(
        "big content, most of it on one host", lambda moment: moment.size >= 100_000, 0.27,
        {names.CONTENT_SIZE, names.REQUEST_BODY_SIZE}, bound(">=", 100_000), RAISED, _big_on_one_host,
    ),
)  # fmt: skip
