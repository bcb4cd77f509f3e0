"""Worlds in which nothing that was recorded makes saves fail: what is claimed of them is false.

Some are harder than others: people with traits of whom a few have bad luck, states that last while an outage
comes and goes, something that every second try has otherwise than the first.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Collection

from otel_savetrace.analysis.saves import Save
from tests.analysis.made_incident import Fault, Moment, Rule, made_incident

REFUSED = Fault("InternalError")

DECOYS = 40

Change = Callable[[Moment], None]


@dataclasses.dataclass(frozen=True)
class World:
    """Saves that fail without a reason that was recorded; `true` are attributes that may be named yet.

    `rule` and `change` are made anew for each seed.
    """

    name: str
    rule: Callable[[int], Rule]
    change: Callable[[int], Change]
    true: Collection[str] = ()

    def saves(self, seed: int, saves: int) -> list[Save]:
        """Return what the crowd of a seed leaves, with `DECOYS` attributes that mean nothing on each save."""
        change = self.change(seed)

        def before(moment: Moment) -> None:
            change(moment)

        return made_incident(seed, self.rule(seed), saves, decoys=DECOYS, before=before)


def _chance(*what: object) -> random.Random:
    return random.Random(" ".join(map(str, what)))  # noqa: S311 - no secret


def _one_in(share: float) -> Callable[[int], Rule]:
    return lambda seed: lambda moment: REFUSED if moment.chance.random() < share else None


def _bad_luck(seed: int) -> Rule:
    """Every twelfth user fails mostly, the others hardly ever."""

    def rule(moment: Moment) -> Fault | None:
        unlucky = _chance("luck", seed, moment.user).random() < 1 / 12
        return REFUSED if moment.chance.random() < (0.6 if unlucky else 0.01) else None

    return rule


def _outage(seed: int) -> Rule:
    """For ten minutes nearly all fail."""
    begins = _chance("outage", seed).uniform(600.0, 6_000.0)

    def rule(moment: Moment) -> Fault | None:
        share = 0.9 if begins < moment.at < begins + 600.0 else 0.005
        return REFUSED if moment.chance.random() < share else None

    return rule


def _nothing(seed: int) -> Change:
    return lambda moment: None


def _traits(seed: int) -> Change:
    """Each user has fifteen traits, of three values or numbers."""

    def change(moment: Moment) -> None:
        of_user = _chance("traits", seed, moment.user)
        for number in range(15):
            moment.of_save[f"charts.taste_{number}"] = (
                f"taste-{of_user.randrange(3)}" if number % 2 else of_user.gauss(100.0, 15.0)
            )

    return change


def _states(seed: int) -> Change:
    """Twenty-five states last four to twenty-five minutes each, then others follow."""

    def change(moment: Moment) -> None:
        for number in range(25):
            lasts = _chance("lasts", seed, number).uniform(240.0, 1_500.0)
            now = _chance("state", seed, number, int(moment.at / lasts))
            moment.of_save[f"charts.season_{number}"] = (
                f"season-{now.randrange(4)}" if number % 2 else now.gauss(10.0, 3.0)
            )

    return change


def _second_tries(seed: int) -> Change:
    """Who tries again presses a button, where the first try came by itself."""
    tries: Counter[str] = Counter()

    def change(moment: Moment) -> None:
        tries[moment.thing] += 1
        moment.of_save["charts.trigger"] = "button" if tries[moment.thing] > 1 else "timer"
        moment.of_save["charts.presses"] = tries[moment.thing]

    return change


WORLDS = (
    World("pure chance, 8 in 100", _one_in(0.08), _nothing),
    World("pure chance, 30 in 100", _one_in(0.3), _nothing),
    World("a few users' bad luck, and users' traits", _bad_luck, _traits, {"chart.user_id"}),
    World("an outage, and states that last", _outage, _states, {"derived.time"}),
    World("second tries that differ by nature", _one_in(0.2), _second_tries),
)
