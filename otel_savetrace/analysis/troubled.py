"""Which saves went wrong, which worked as far as is known, and of which nothing can be said."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from otel_savetrace import attributes
from otel_savetrace.analysis.causes import ended_its_process, key_of
from otel_savetrace.analysis.decisive import failed_call
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.findings import Undetermined
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count
from otel_savetrace.spans.rows import AttributeValue

AT_THE_END_SECONDS = 60.0
"""A save without an end this short before the data's end may still have been under way."""


@dataclasses.dataclass(frozen=True)
class Trouble:
    """The saves that failed, beside those that worked; all oldest first.

    One that got no answer failed too: it was cut short, or its user saved the same again.
    """

    failed: Sequence[Save]
    worked: Sequence[Save]
    undetermined: Undetermined


def trouble_among(saves: Sequence[Save], meant: Sequence[Save], episodes: Sequence[Episode] = ()) -> Trouble:
    """Sort the saves that are `meant` by whether they went wrong; those that worked are of all `saves`.

    `episodes` tell which saves without an answer their users tried again.
    """
    ends = max((save.span.end_nanoseconds for save in saves), default=0)
    lived = _last_seen(saves)
    answering = {save.span.service for save in saves if save.answered == "yes"}
    retried = {key_of(save) for episode in episodes for save in episode.failed}
    failed, reasons = [], Counter[str]()
    for save in meant:
        why = _why_unknown(save, ends, lived, retried, answering)
        if why is not None:
            reasons[why] += 1
        elif save.outcome == "failed" or save.answered != "yes":
            failed.append(save)
    return Trouble(failed, [save for save in saves if has_worked(save)], _undetermined(reasons))


def has_worked(save: Save) -> bool:
    """Return whether a save worked as far as is known.

    Plain OpenTelemetry does not say what the user got: there, an answer without an error after storage calls
    without one counts.
    """
    if save.outcome == "unknown":
        return save.answered == "yes" and failed_call(save) is None
    return save.outcome == "succeeded"


def _why_unknown(
    save: Save, ends: int, lived: Mapping[str, int], retried: Set[Key], answering: Set[str]
) -> str | None:
    if save.outcome != "unknown" or ended_its_process(save):
        return None
    if save.answered == "yes":
        return (
            None
            if failed_call(save) is None
            else "a storage call failed, and what the user saw was not recorded"
        )
    if save.seen and save.span.service not in answering:
        return "the spans of their service tell of no answers"
    if lived.get(_instance(save), 0) > save.span.end_nanoseconds:
        return "their end is missing though their worker lived on"
    if (save.seen and save.seconds > 0) or key_of(save) in retried:
        return None  # a span that has a length has ended; who saves again waits no longer
    under_way = (ends - save.span.end_nanoseconds) / 1e9 < AT_THE_END_SECONDS
    return "the data ends while they may still be under way" if under_way else None


def _instance(save: Save) -> str:
    instance = save.span.resource.get("service.instance.id") or save.span.attributes.get(
        attributes.PROCESS_ID
    )
    return str(instance) if instance else ""


def _last_seen(saves: Iterable[Save]) -> dict[str, int]:
    """Return when each worker last began a save, where it is known which one it was.

    Older SDKs give all workers that were forked from one process the instance id of that one.
    """
    found: dict[str, int] = {}
    processes: dict[str, set[AttributeValue]] = defaultdict(set)
    for save in saves:
        instance = _instance(save)
        if instance:
            found[instance] = max(save.span.start_nanoseconds, found.get(instance, 0))
            processes[instance].add(save.span.attributes.get(attributes.PROCESS_ID))
    return {instance: last for instance, last in found.items() if len(processes[instance] - {None}) <= 1}


def _undetermined(reasons: Counter[str]) -> Undetermined:
    said = "; ".join(f"{count(number, 'save')}: {why}" for why, number in reasons.most_common())
    return Undetermined(sum(reasons.values()), said)
