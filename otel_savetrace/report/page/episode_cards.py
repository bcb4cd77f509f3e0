"""Episodes as the page shows them: a line each, and beneath it both ends side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from otel_savetrace.analysis import ranking
from otel_savetrace.analysis.calls import Attempt, Call, call_name
from otel_savetrace.analysis.differences import Comparison, compare
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import Report
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.jaeger_page import comparison_address
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count
from otel_savetrace.report.figures import figure
from otel_savetrace.report.page.episode_points import episode_name
from otel_savetrace.report.timeline import attempt_facts, why_no_attempts
from otel_savetrace.report.wording import short_name, thing

MOST_CARDS = 150
MOST_CALLS = 12
MOST_ATTEMPTS = 15
MOST_DIFFERENCES = 30

SHORTEST_BAR = 0.012
"""Share of the whole width that even the shortest attempt takes, to be seen."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """An attempt, or a call without any, on the scale of both saves: where it begins and how long, 0 to 1."""

    begins: float
    length: float
    failed: bool
    outcome: str
    facts: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class CallShown:
    """A storage call with a bar for each of its attempts."""

    name: str
    tries: str
    bars: Sequence[Bar]
    left_out: int


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One end of an episode."""

    save: Save
    calls: Sequence[CallShown]
    calls_left_out: int
    notices: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Differing:
    """An attribute's value on either side; `consequence`: the outcome brought it."""

    name: str
    where: str
    failed: str
    succeeded: str
    consequence: bool


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodeCard:
    """One episode; `said` is its headline, `right` None where no later save worked."""

    name: str
    episode: Episode
    what: str
    said: str
    left: Side
    right: Side | None
    differing: Sequence[Differing]
    differing_left_out: int
    page: str | None


def episode_cards(report: Report, episodes: Sequence[Episode], jaeger: str | None) -> list[EpisodeCard]:
    """Return the cards, the latest first: of too many those that a verdict names, then the latest."""
    named = {example.failed for verdict in report.verdicts for example in verdict.examples}
    latest = sorted(episodes, key=lambda one: one.failed[0].span.start_nanoseconds, reverse=True)
    chosen = sorted(latest, key=lambda one: not any(save.trace_id in named for save in one.failed))
    kept = {id(one) for one in chosen[:MOST_CARDS]}
    return [_card(one, jaeger) for one in latest if id(one) in kept]


def _card(episode: Episode, jaeger: str | None) -> EpisodeCard:
    first, worked = episode.failed[0], episode.recovered_by
    failed = episode.failed[-1]
    whole = max(save.seconds for save in (failed, worked or failed)) or 1.0
    compared = None if worked is None else compare(failed, worked)
    differing = [] if compared is None else list(_differing(compared))
    return EpisodeCard(
        name=episode_name(episode),
        episode=episode,
        what=thing(worked or first) or thing(first),
        said=headline(compared) if compared is not None else _not_saved(episode),
        left=_side(failed, whole),
        right=None if worked is None else _side(worked, whole),
        differing=differing[:MOST_DIFFERENCES],
        differing_left_out=max(0, len(differing) - MOST_DIFFERENCES),
        page=comparison_address(jaeger, failed.trace_id, worked.trace_id) if jaeger and worked else None,
    )


def _not_saved(episode: Episode) -> str:
    tries = count(len(episode.failed), "save")
    if episode.state == "open":
        return f"{tries} failed, and the data ends too soon to say whether a later one worked."
    return f"{tries} failed, and no later one worked."


def _side(save: Save, whole: float) -> Side:
    shown = [_call(call, save, whole) for call in save.calls[:MOST_CALLS]]
    return Side(save, shown, len(save.calls) - len(shown), notices(save))


def _call(call: Call, save: Save, whole: float) -> CallShown:
    made, allowed = call.attempts_made, call.attempts_allowed
    tries = f"{made} of {count(allowed, 'attempt')}" if made and allowed else ""
    attempts = call.attempts[:MOST_ATTEMPTS]
    bars = [_bar(attempt, save, whole) for attempt in attempts] or [_bar_of_call(call, save, whole)]
    return CallShown(call_name(call), tries, bars, len(call.attempts) - len(attempts))


def _bar(attempt: Attempt, save: Save, whole: float) -> Bar:
    begins, length = _place(attempt.span.start_nanoseconds, attempt.seconds, save, whole)
    return Bar(begins, length, not attempt.succeeded, attempt.outcome, attempt_facts(attempt))


def _bar_of_call(call: Call, save: Save, whole: float) -> Bar:
    begins, length = _place(call.span.start_nanoseconds, call.seconds, save, whole)
    outcome = (call.error_code or "failed") if call.failed else "succeeded"
    return Bar(begins, length, call.failed, outcome, [why_no_attempts(call)])


def _place(start_nanoseconds: int, seconds: float, save: Save, whole: float) -> tuple[float, float]:
    """Return where a bar begins and how long it is; clocks that disagree carry it not out of sight."""
    offset = (start_nanoseconds - save.span.start_nanoseconds) / 1e9 / whole
    begins = min(1.0 - SHORTEST_BAR, max(0.0, offset))
    return begins, min(1.0 - begins, max(SHORTEST_BAR, seconds / whole))


def _differing(compared: Comparison) -> Iterator[Differing]:
    for found in compared.differences:
        if found.attribute in ranking.OF_THE_RETRY:
            continue
        failed, succeeded = (figure(found.attribute, held) for held in (found.a, found.b))
        where = "" if found.where == "save" else found.where
        yield Differing(short_name(found.attribute), where, failed, succeeded, found.consequence)
