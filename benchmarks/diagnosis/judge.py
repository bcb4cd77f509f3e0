"""Holds what a report says against what was done, and counts."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.diagnosis.incident import Incident


@dataclasses.dataclass
class Score:
    """Counts over incidents: what there was to find, what was found, and what was claimed and was not so."""

    causes: int = 0
    causes_found: int = 0
    conditions: int = 0
    conditions_found: int = 0
    false_causes: int = 0
    false_conditions: int = 0
    claims: int = 0

    def __iadd__(self, other: Score) -> Score:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        return self


def judge(incident: Incident, report: dict[str, Any]) -> tuple[Score, list[str]]:
    """Return the score of one report, and what it said wrong, a line each."""
    score, wrong = Score(), []
    told = {one["cause"]: one for one in report["verdicts"] if one["cause"] != "unexplained"}
    for truth in incident.truths:
        score.causes += 1
        verdict = told.pop(truth.cause, None)
        if verdict is None:
            wrong.append(f"did not name {truth.cause}")
            score.conditions += bool(truth.condition)
            continue
        score.causes_found += 1
        if incident.too_few and verdict["confidence"] != "low":
            wrong.append(f"was sure of {truth.cause}: {verdict['confidence']}")
            score.false_causes += 1
        _judge_condition(truth.condition, verdict, score, wrong)
    for verdict in told.values():
        sure = f"{verdict['confidence']}, of {verdict['saves']} saves"
        wrong.append(f"named {verdict['cause']}, {sure}: {_said(verdict)}")
        score.false_causes += 1
    return score, wrong


def _judge_condition(
    expected: frozenset[str], verdict: dict[str, Any], score: Score, wrong: list[str]
) -> None:
    condition = verdict["condition"]
    score.claims += condition is not None
    if expected:
        score.conditions += 1
        found = condition is not None and condition["attribute"] in expected
        score.conditions_found += found
        if not found:
            instead = f"{_said(verdict)} instead of {' | '.join(sorted(expected))}"
            wrong.append(f"{verdict['cause']}: {instead}")
    elif condition is not None:
        wrong.append(f"{verdict['cause']}: {_said(verdict)}, where chance struck")
    score.false_conditions += condition is not None and condition["attribute"] not in expected


def _said(verdict: dict[str, Any]) -> str:
    one = verdict["condition"]
    return f"when {one['attribute']} {one['operator']} {one['value']}" if one is not None else "no condition"
