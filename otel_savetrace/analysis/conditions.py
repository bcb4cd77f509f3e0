"""Under which condition a cause strikes: chosen among all that was tried, or none.

What is claimed has to stand out from chance among everything tried (false discovery rate, Benjamini and
Hochberg), and by more than a little. What repeats another attribute is folded into it; what is only carried
along by another (all big saves on one bad worker) gives way to it, by stratifying.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.findings import Condition, Evidence
from otel_savetrace.analysis.limits import LIMITS
from otel_savetrace.analysis.predicates import is_number
from otel_savetrace.analysis.stratified import mantel_haenszel
from otel_savetrace.analysis.trials import Trial

CHANCE = 0.01
"""Share of false ones among all conditions that are claimed."""

TELLING = 0.05
"""Below this p an attribute tells something beyond what another says."""

FITTED_TELLING = 0.001
"""Below this p a stretch of time does: fitted to the very failures, it always tells a little more."""

LEAST_GAIN = 0.2
"""By so much the share of failed saves at least exceeds that of the others under a condition."""

FEW = 5
"""With fewer failed saves no condition is claimed that the cause does not itself name."""

MOST_WEIGHED = 30
"""Attributes that are weighed against one another, those that separate best."""

MOST_EVIDENCE = 6

TOGETHER = 0.3
"""Correlation from which on one statement is shown to go along with another."""

TIME_BEYOND = 0.25
"""By so much more must a stretch of time separate to be named before an attribute of the saves in it."""


def corrected(trials: Sequence[Trial]) -> list[float]:
    """Return the p value of each trial, corrected for all that were made."""
    from scipy import stats

    if not trials:
        return []
    adjusted = stats.false_discovery_control(np.array([trial.p for trial in trials]), method="bh")
    return [float(p) for p in adjusted]


def chosen(
    cause: str, units: int, trials: Sequence[tuple[Trial, float]]
) -> tuple[Condition | None, tuple[Evidence, ...]]:
    """Return the condition and all that shows a difference, the condition's attribute first.

    `trials` are the cause's, each with its corrected p value; `units` are the failed saves that count.
    """
    standing = _standing(cause, units, trials)
    near = [one for one in standing if not one[0].of_time]
    of_time = [one for one in standing if one[0].of_time]
    first, second = _led(near, cause), _led(of_time, cause)
    if second and (not first or second[0].trial.gain > first[0].trial.gain + TIME_BEYOND):
        first, second = second, first
    leaders = [*first, *second][:MOST_EVIDENCE]
    if not leaders:
        return None, ()
    best = leaders[0].trial
    condition = Condition(
        best.predicate.attribute,
        best.predicate.operator,
        best.predicate.value,
        best.failed_share,
        best.succeeded_share,
    )
    return condition, tuple(leader.evidence() for leader in leaders)


class _Leader:
    """A trial that no other explains, and those that it explains."""

    def __init__(self, trial: Trial, p: float, paired: bool) -> None:
        self.trial, self.p, self.paired = trial, p, paired
        self.folded: list[str] = []

    def evidence(self) -> Evidence:
        failed, succeeded = self.trial.usual
        name = self.trial.predicate.attribute
        return Evidence(
            name, failed, succeeded, self.p, self.paired, tuple(sorted(set(self.folded) - {name}))
        )


def _standing(
    cause: str, units: int, trials: Sequence[tuple[Trial, float]]
) -> list[tuple[Trial, float, bool]]:
    """Return of each attribute the trial that says most, among those that chance does not explain."""
    found: dict[tuple[str, bool], tuple[Trial, float, bool]] = {}
    paired = {
        trial.predicate.attribute: p for trial, p in trials if trial.paired and p <= CHANCE and units >= FEW
    }
    for trial, p in trials:
        name = trial.predicate.attribute
        p_paired = paired.get(name, 1.0)
        stands = units >= FEW and min(p, p_paired) <= CHANCE
        if trial.gain < LEAST_GAIN or not (stands or _names_itself(cause, units, trial)):
            continue
        kept = found.get((name, trial.of_time))
        if kept is None or _says_more(trial, kept[0]):
            found[name, trial.of_time] = (trial, min(p, p_paired), p_paired <= p)
    ordered = sorted(found.values(), key=lambda one: (-one[0].gain, one[1], one[0].predicate.attribute))
    return ordered[:MOST_WEIGHED]


def _says_more(trial: Trial, other: Trial) -> bool:
    """Return whether one of two forms of a statement separates better; a bound says more than one number."""
    margin = 0.02 if trial.predicate.operator == "=" else -0.02
    return trial.gain > other.gain + margin


def _names_itself(cause: str, units: int, trial: Trial) -> bool:
    """Return whether a cause is about the attribute by its name: asked by itself, it pays for no others."""
    predicate = trial.predicate
    if not candidates.is_own(predicate.attribute, cause) or trial.paired:
        return False
    _, most = LIMITS.get(predicate.attribute, ("", float("inf")))
    beyond = is_number(predicate.value) and predicate.value > most  # type: ignore[operator]  # a number, as told
    return trial.p <= CHANCE and (units >= 3 or beyond)


def _led(standing: Sequence[tuple[Trial, float, bool]], cause: str) -> list[_Leader]:
    """Return those that no other explains, the best first, each with what it explains."""
    leader_of: dict[int, int] = {}
    for index, (trial, _, _) in enumerate(standing):
        over = [
            other
            for other, (by, _, _) in enumerate(standing)
            if other != index and _is_explained(trial, by, cause)
        ]
        if over:
            leader_of[index] = over[0]
    leaders = {
        index: _Leader(trial, p, paired)
        for index, (trial, p, paired) in enumerate(standing)
        if index not in leader_of
    }
    if standing and not leaders:
        leaders[0] = _Leader(*standing[0])
    for index in leader_of:
        leader = leaders.get(_top(index, leader_of))
        trial = standing[index][0]
        if leader is not None and leader.trial is not trial and _repeats(trial, leader.trial):
            leader.folded.append(trial.predicate.attribute)
    return sorted(leaders.values(), key=lambda leader: _place(leader, cause))


def _repeats(trial: Trial, other: Trial) -> bool:
    """Return whether two statements are mostly true together; what is not is left out, as chance has it."""
    if trial.truths.all() or other.truths.all():
        return False
    return bool(np.corrcoef(trial.truths, other.truths)[0, 1] >= TOGETHER)


def _top(index: int, leader_of: dict[int, int]) -> int:
    passed: set[int] = set()
    while index in leader_of and index not in passed:
        passed.add(index)
        index = leader_of[index]
    return index


def _place(leader: _Leader, cause: str) -> tuple[float, tuple[int, int], float, str]:
    """Put the best first; of those that are about as good, the one nearest to the cause."""
    name = leader.trial.predicate.attribute
    return -round(leader.trial.gain * 20) / 20, candidates.nearness(name, cause), leader.p, name


def _is_explained(trial: Trial, by: Trial, cause: str) -> bool:
    """Return whether one statement tells nothing that the other does not.

    Where neither tells anything beyond the other they are one fact under two names: the nearer one stays.
    """
    if _tells_beyond(trial, by):
        return False
    name, other = trial.predicate.attribute, by.predicate.attribute
    other_is_nearer = (candidates.nearness(other, cause), -by.gain, other) < (
        candidates.nearness(name, cause), -trial.gain, name,
    )  # fmt: skip
    return _tells_beyond(by, trial) or other_is_nearer


def _tells_beyond(trial: Trial, other: Trial) -> bool:
    """Return whether a statement separates within the saves for which another is true, and those others."""
    p = mantel_haenszel(
        (
            int((trial.truths & trial.failed & part).sum()),
            int((trial.truths & ~trial.failed & part).sum()),
            int((~trial.truths & trial.failed & part).sum()),
            int((~trial.truths & ~trial.failed & part).sum()),
        )
        for part in (other.truths, ~other.truths)
    )
    return p <= (FITTED_TELLING if trial.predicate.attribute == candidates.TIME else TELLING)
