"""The verdicts: each cause among the failed saves, its condition, its evidence, what to do next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from otel_savetrace.analysis.advice import advise
from otel_savetrace.analysis.case import Case
from otel_savetrace.analysis.cause_codes import UNEXPLAINED
from otel_savetrace.analysis.causes import causes_of, key_of
from otel_savetrace.analysis.comparisons import Comparison, compare_cause, deeds_of
from otel_savetrace.analysis.conditions import chosen, corrected
from otel_savetrace.analysis.controls import Pool
from otel_savetrace.analysis.dependencies import failed_dependencies
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.exhibits import distributions
from otel_savetrace.analysis.facts import deploys_among
from otel_savetrace.analysis.findings import Confidence, Example, Undetermined, Verdict
from otel_savetrace.analysis.jaeger_page import comparison_address
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.refusals import Cause
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.trials import Trial, trials_of
from otel_savetrace.analysis.troubled import Trouble, trouble_among
from otel_savetrace.spans.rows import Span

FEW = 5
"""With fewer failed saves of a cause the confidence is low."""

MOST_EXAMPLES = 3

USUAL_SAVES = 2_000
"""So many of the saves that worked tell what is usual."""

Group = tuple[str, str]
"""A cause; where nothing is known of it, with the code, since two unknown things are not one."""


def verdicts_found(
    saves: Sequence[Save], meant: Sequence[Save], episodes: Sequence[Episode]
) -> tuple[tuple[Verdict, ...], Undetermined]:
    """Return the verdicts on the saves that are `meant`, and of which of them nothing can be said."""
    trouble = trouble_among(saves, meant, episodes)
    return verdicts_on(trouble, saves, episodes), trouble.undetermined


def verdicts_on(
    trouble: Trouble,
    saves: Sequence[Save],
    episodes: Sequence[Episode],
    spans: Iterable[Span] = (),
    jaeger: str | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdicts on the saves that failed, strongest first.

    `saves` are all there are, oldest first, `episodes` theirs; `spans` are those of their traces.
    """
    if not trouble.failed:
        return ()
    dependencies = failed_dependencies(spans, {save.trace_id for save in trouble.failed})
    causes = causes_of(trouble.failed, _some(trouble.worked), dependencies)
    groups = _grouped(trouble.failed, causes)
    episode_of = {key_of(save): episode for episode in episodes for save in episode.failed}
    comparisons = _compared(groups, saves, trouble, episodes, episode_of)
    tried = _tried(comparisons)
    made = [
        _verdict(
            group,
            groups[group],
            causes,
            comparisons[group],
            tried[group],
            trouble,
            episode_of,
            dependencies,
            jaeger,
        )
        for group in groups
    ]
    return tuple(sorted(made, key=_strength))


def _some(saves: Sequence[Save]) -> Sequence[Save]:
    return saves[:: max(len(saves) // USUAL_SAVES, 1)]


def _grouped(failed: Iterable[Save], causes: Mapping[Key, Cause]) -> dict[Group, list[Save]]:
    groups: dict[Group, list[Save]] = defaultdict(list)
    for save in failed:
        name = causes[key_of(save)].name
        groups[name, kind_of(save)[0] if name == UNEXPLAINED else ""].append(save)
    return dict(groups)


def _compared(
    groups: Mapping[Group, list[Save]],
    saves: Sequence[Save],
    trouble: Trouble,
    episodes: Sequence[Episode],
    episode_of: Mapping[Key, Episode],
) -> dict[Group, Comparison]:
    retries = {one.retry for episode in episodes for one in episode.pairs}
    deeds = deeds_of(trouble.failed)
    first_tries = [save for save in trouble.worked if key_of(save) not in retries]
    pool = Pool(first_tries, {deed for deed in deeds.values() if deed is not None})
    deploys = deploys_among(saves)
    return {
        group: compare_cause(group[0], held, episode_of, deeds, pool, deploys)
        for group, held in groups.items()
    }


def _tried(comparisons: Mapping[Group, Comparison]) -> dict[Group, list[tuple[Trial, float]]]:
    """Return all trials of each cause, each with its p value corrected for those of all causes."""
    made = {group: trials_of(comparison) for group, comparison in comparisons.items()}
    adjusted = iter(corrected([trial for trials in made.values() for trial in trials]))
    return {group: [(trial, next(adjusted)) for trial in trials] for group, trials in made.items()}


def _verdict(
    group: Group,
    failed: Sequence[Save],
    causes: Mapping[Key, Cause],
    comparison: Comparison,
    tried: Sequence[tuple[Trial, float]],
    trouble: Trouble,
    episode_of: Mapping[Key, Episode],
    dependencies: Mapping[str, str],
    jaeger: str | None,
) -> Verdict:
    cause, _ = group
    condition, because = chosen(cause, comparison.units, tried)
    told = list({id(one): one for one in map(episode_of.get, map(key_of, failed)) if one}.values())
    return Verdict(
        cause=cause,
        confidence=_confidence(failed, [causes[key_of(save)] for save in failed]),
        episodes=len(told),
        saves=len(failed),
        share=len(failed) / (len(trouble.failed) + trouble.undetermined.saves),
        condition=condition,
        because=because,
        next=advise(Case(cause, failed, comparison.pairs, condition, trouble.worked, dependencies)),
        examples=_examples(failed, told, jaeger),
        distributions=distributions(comparison, because),
    )


def _confidence(failed: Sequence[Save], causes: Sequence[Cause]) -> Confidence:
    if len(failed) < FEW:
        return "low"
    if causes[0].name == UNEXPLAINED:
        return "medium"
    return "high" if Counter(cause.sure for cause in causes)[True] > len(causes) / 2 else "medium"


def _examples(failed: Sequence[Save], episodes: Sequence[Episode], jaeger: str | None) -> tuple[Example, ...]:
    """Return those first whose retry worked with the same content, then those that recovered at all."""
    ordered = sorted(
        episodes,
        key=lambda one: (
            one.recovered_by is None,
            one.same_content is not True,
            one.failed[0].span.start_nanoseconds,
        ),
    )
    of_cause = {key_of(save) for save in failed}
    found = []
    for episode in ordered[:MOST_EXAMPLES]:
        save = next(one for one in reversed(episode.failed) if key_of(one) in of_cause)
        retry = episode.recovered_by.trace_id if episode.recovered_by else None
        page = comparison_address(jaeger, save.trace_id, retry) if jaeger and retry else None
        found.append(Example(save.trace_id, retry, page))
    return tuple(found or [Example(save.trace_id, None, None) for save in failed[:MOST_EXAMPLES]])


def _strength(verdict: Verdict) -> tuple[int, str]:
    return -verdict.saves, verdict.cause
