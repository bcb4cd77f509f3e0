"""Pages of incidents that nobody had: a chart app's saves fail in two ways, or in none, or in one."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.exhibits import Exhibits, moments
from otel_savetrace.analysis.findings import Report, SourceSeen
from otel_savetrace.analysis.report import make_report
from otel_savetrace.analysis.saves import Save
from otel_savetrace.report.page.document import html
from tests.analysis.made_incident import Fault, Moment, Rule, made_incident

JAEGER = "http://jaeger.example.org:16686"

BAD_PEER = "10.0.0.3"
LARGE = 1_050
TIMEOUT = Fault("ReadTimeoutError", names.NETWORK, None)


def two_faults(moment: Moment) -> Fault | None:
    """Fail at one of the store's machines, and with a head that is too large."""
    if moment.peer == BAD_PEER and moment.chance.random() < 0.8:
        return TIMEOUT
    return Fault("RequestHeaderSectionTooLarge", status=400) if moment.section > LARGE else None


def now_and_then(moment: Moment) -> Fault | None:
    """Fail by chance."""
    return Fault("SlowDown") if moment.chance.random() < 0.1 else None


def the_fiftieth() -> Rule:
    """Fail once."""
    number = itertools.count()
    return lambda _: Fault("SlowDown") if next(number) == 50 else None


def never(_: Moment) -> Fault | None:
    """Fail at nothing."""
    return None


def exhibited(saves: Sequence[Save], jaeger: str | None = JAEGER) -> tuple[Report, Exhibits]:
    """Return the report on saves, and what its page shows beside it."""
    told = episodes(saves)
    seen = SourceSeen("jaeger", JAEGER, 3 * len(saves), len(saves), ())
    report = make_report([seen], saves, told, lambda _: True, (), jaeger)
    return report, Exhibits(list(moments(saves)), told, jaeger)


def page_of(saves: Sequence[Save], jaeger: str | None = JAEGER) -> str:
    """Return the page of a report on saves."""
    return html(*exhibited(saves, jaeger))


HOSTILE = (
    "</script><script>window.hurt = 1</script>",
    "<img src=x onerror='window.hurt = 2'>",
    "{{ 7 * 7 }}${window.hurt = 3}\u2028\u202e\x1b[31m\x00",
    "javascript:window.hurt=4//\"' onload=window.hurt=5 x='",
    "]]>--><svg/onload=window.hurt=6>&lt;b&gt;\ud800",
)


def hostile_saves() -> list[Save]:
    """Return saves whose users, things, routes, codes, messages and attributes are markup and worse."""
    turn = itertools.cycle(HOSTILE)

    def before(moment: Moment) -> None:
        moment.user, moment.thing, moment.route = f"{next(turn)}{moment.user}", next(turn), f"/{next(turn)}"
        moment.host = next(turn)
        moment.of_save = {f"app.<b>{next(turn)}": next(turn), names.USER_ERROR: next(turn)}

    def rule(moment: Moment) -> Fault | None:
        if moment.chance.random() > 0.2:
            return None
        return Fault(next(turn), of_save={names.USER_ERROR: next(turn)}, of_call={"app.note": next(turn)})

    saves = made_incident(5, rule, 120, before=before)
    return [dataclasses.replace(save, thing={f"{names_}<i>": held for names_, held in save.thing.items()})
            for save in saves]  # fmt: skip


INCIDENTS: Mapping[str, Callable[[], Sequence[Save]]] = {
    "two faults": lambda: made_incident(1, two_faults, 400),
    "by chance": lambda: made_incident(4, now_and_then, 600, 2 * 86_400.0),
    "one failure": lambda: made_incident(3, the_fiftieth(), 200),
    "only failures": lambda: made_incident(6, lambda _: TIMEOUT, 10),
    "no failure": lambda: made_incident(2, never, 200),
    "one save": lambda: made_incident(2, never, 1),
    "nothing": list,
    "hostile": hostile_saves,
}


@functools.cache
def made_page(incident: str) -> str:
    """Return the page of an incident, made once for each process of the tests."""
    return page_of(INCIDENTS[incident]())
