"""The answer in three sentences: what happens to users, why, and what to do about it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

from otel_savetrace.analysis.cause_codes import UNEXPLAINED
from otel_savetrace.analysis.findings import Condition, Confidence, Report, Sample, Verdict
from otel_savetrace.analysis.shares import share
from otel_savetrace.analysis.words import count
from otel_savetrace.report.cause_words import cause_in_words, sentence
from otel_savetrace.report.figures import condition_words, interval, percent
from otel_savetrace.report.wording import shortened

SURENESS: Mapping[Confidence, str] = {
    "high": "",
    "medium": "most likely ",
    "low": "perhaps, with too few failures to be sure, ",
}

DOCTOR = "Run `savetrace doctor` where the app runs: it finds where saves get lost on the way here."
FEW = 30
"""With fewer failed saves their share is told with Wilson's interval at 95 %, as what is likely."""

OPEN_TWO = "Open a failed save and its retry side by side, listed below."

_END_OF_SENTENCE = re.compile(r"(?<=[^.]{2}[.])\s+(?=[A-Z])")
"""A full stop and a capital after it; `e.g. S3` ends none, nor does `S. Miles`."""

NOTHING_SEPARATES = "nothing that was recorded separates the saves that failed from those that worked"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """Three sentences; `why` and `do` are empty where there is nothing to explain or to do."""

    what: str
    why: str
    do: str


def answer(report: Report) -> Answer:
    """Return what a person reads first."""
    if not report.saves.total:
        return Answer("No saves were found.", _why_none(report), DOCTOR)
    if not report.saves.failed:
        return Answer(_none_failed(report), _closest(report), "")
    told = [verdict for verdict in report.verdicts if verdict.cause != UNEXPLAINED]
    if not told:
        return Answer(_what(report), _why_unexplained(report), _step(report) or OPEN_TWO)
    return Answer(_what(report), sentence(_why(report, told)), _step(report) or OPEN_TWO)


def not_said(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what cannot be said: of what, and why."""
    undetermined, unknown = report.undetermined, report.saves.unknown
    if undetermined.saves:
        yield count(undetermined.saves, "failed save"), undetermined.why
    if unknown:
        counts = "it counts" if unknown == 1 else "they count"
        yield count(unknown, "save"), f"the end was not seen, so {counts} neither as failed nor as succeeded."
    for told in report.unsaid:
        yield count(told.saves, "save"), told.why
    if report.sample is not None:
        yield from _not_looked_at(report.sample)
    for source in report.sources:
        for one in source.skipped:
            yield f"{one.count:,} not read of {source.name}", f"{one.why}, first at {one.where}"


def _not_looked_at(sample: Sample) -> Iterator[tuple[str, str]]:
    if sample.failed_read < sample.failed:
        yield (
            f"{sample.failed - sample.failed_read:,} of {count(sample.failed, 'failed save')}",
            "too many to look at each: they are counted, by their errors too, but episodes, patterns and"
            f" causes are those of the other {sample.failed_read:,}, some of each error.",
        )
    yield (
        f"{sample.worked - sample.worked_read:,} of {count(sample.worked, 'save')} that worked",
        f"they are counted; the failed ones were held against the other {sample.worked_read:,}, which were"
        " near them or stand for the whole time.",
    )


def _what(report: Report) -> str:
    saves = report.saves
    said = f"{saves.failed:,} of {count(saves.total, 'save')} failed ({_share(saves.failed, saves.total)})."
    episodes = report.episodes
    ended = episodes.recovered + episodes.abandoned
    if not ended:
        return f"{said} Whether trying again worked is not known."
    return f"{said} {_again(report, ended)}"


def _share(failed: int, total: int) -> str:
    said = percent(failed / total)
    return said if failed >= FEW else f"{said}, likely {interval(share(failed, total))}"


def _again(report: Report, ended: int) -> str:
    recovered = report.episodes.recovered
    if not recovered:
        any_of = "the only episode" if ended == 1 else f"any of {ended:,} episodes"
        return f"No later save worked in {any_of}{_so_far(report, ended)}."
    same = next((one for one in report.patterns if one.pattern == "same_data_different_outcome"), None)
    alike = min(recovered, same.episodes) if same is not None else 0
    if report.episodes.total == 1:
        return f"A later save{' with the same content' if alike else ''} worked."
    every = {1: "the only episode", 2: "both episodes"}.get(ended, f"all {ended:,} episodes")
    times = every if recovered == ended else f"{recovered:,} of {ended:,} episodes"
    content = "each time" if alike == recovered else count(alike, "time")
    same_content = f", {content} with the same content" if alike else ""
    return f"A later save worked in {times}{_so_far(report, ended)}{same_content}."


def _so_far(report: Report, ended: int) -> str:
    if not report.episodes.open:
        return ""
    return " that has ended" if ended == 1 else " that have ended"


def _none_failed(report: Report) -> str:
    saves = report.saves
    ended = saves.total - saves.unknown
    if saves.unknown:
        unseen = f"How {saves.unknown:,} of {count(saves.total, 'save')} ended was not seen"
        return f"{unseen}; none of the other {ended:,} failed." if ended else f"{unseen}."
    if ended == 1:
        return "The only save did not fail."
    most = percent(share(0, ended).high)
    return f"None of {ended:,} saves failed: likely fewer than {most} do."


def _closest(report: Report) -> str:
    nearest = max(report.limits, key=lambda limit: limit.largest / limit.most, default=None)
    if nearest is None:
        return "There is nothing to explain."
    used = percent(nearest.largest / nearest.most)
    return (
        f"There is nothing to explain. What comes nearest to a limit is the {nearest.limit}, of which {used}"
        " was used."
    )


def _why_none(report: Report) -> str:
    spans = sum(source.spans for source in report.sources)
    skipped = sum(one.count for source in report.sources for one in source.skipped)
    said = "Nothing was read." if not spans else f"None of {count(spans, 'span')} belongs to a save."
    return f"{said} {count(skipped, 'thing was', 'things were')} skipped, told below." if skipped else said


def _why_unexplained(report: Report) -> str:
    if report.undetermined.saves and not report.verdicts:
        return f"That cannot be said. {report.undetermined.why}"
    condition = next((verdict.condition for verdict in report.verdicts if verdict.condition), None)
    if condition is not None:
        return f"{sentence(cause_in_words(UNEXPLAINED))}, but it strikes when {_condition(condition)}."
    return f"Not known: {NOTHING_SEPARATES}."


def _why(report: Report, told: list[Verdict]) -> str:
    first = told[0]
    said = f"{SURENESS[first.confidence]}{cause_in_words(first.cause)}"
    if first.condition is not None:
        said += f", when {_condition(first.condition)}"
    if len(told) == 1 and first.saves == report.saves.failed:
        return f"{said}."
    said = f"in {first.saves:,} of {count(report.saves.failed, 'failed save')}, {said}."
    others = len(report.verdicts) - 1
    return f"{said} {count(others, 'other cause is', 'other causes are')} told below." if others else said


def _condition(condition: Condition) -> str:
    failed, succeeded = percent(condition.failed_share), percent(condition.succeeded_share)
    said = shortened(condition_words(condition))
    return f"{said} ({failed} of failed saves, {succeeded} of those that worked)"


def _step(report: Report) -> str:
    """Return what to do first, in one sentence: what it rests on stands with the verdict."""
    step = next((step for verdict in report.verdicts for step in verdict.next), "")
    return _END_OF_SENTENCE.split(step, maxsplit=1)[0]
