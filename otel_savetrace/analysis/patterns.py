"""The four patterns of a failure: which of them the data shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.decisive import call_like, deed_of, failed_call
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.errors import intermittent_kinds, kind_of
from otel_savetrace.analysis.findings import PatternFound
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.shares import percent, share
from otel_savetrace.analysis.witnesses import (
    NEVER_CAME_TO_THE_APP,
    only_told_by_browser,
    only_told_by_front,
)
from otel_savetrace.analysis.words import count

FEW = 5
"""With fewer failed saves no error can be said to stand clear of the rest."""

MEASURED = {
    "front.too_large": attributes.REQUEST_BODY_SIZE,
    "storage.content_too_large": attributes.CONTENT_SIZE,
    "storage.header_too_large": attributes.HEADER_BYTES,
    "storage.key_too_long": attributes.KEY_LEN,
    "storage.metadata_too_large": attributes.METADATA_BYTES,
}
"""What must have become less where a limit was the reason."""

BY_THE_DATA = frozenset({"app.exception", "app.rejected", "client.invalid_parameter", "storage.not_found"})
"""Causes that what was saved may explain, where the same was never saved in the end."""


def patterns_found(failed: Sequence[Save], episodes: Sequence[Episode]) -> tuple[PatternFound, ...]:
    """Return all four, in the contract's order, of the saves that failed and their episodes."""
    recovered = [episode for episode in episodes if episode.recovered_by is not None]
    return (
        _same_data(recovered),
        _different_data(recovered, episodes),
        _dominant(failed, episodes),
        _no_storage_error(failed, episodes),
    )


def _same_data(recovered: Sequence[Episode]) -> PatternFound:
    known = [episode for episode in recovered if episode.same_content is not None]
    same = [episode for episode in known if episode.same_content]
    part = share(len(same), len(known))
    if not known:
        says = (
            "No failed save was saved in the end." if not recovered
            else "What was saved in the end is not known well enough to be held against what failed."
        )  # fmt: skip
        return PatternFound("same_data_different_outcome", None, 0, 0.0, says)
    says = (
        f"Of {count(len(known), 'failure')} that a later save made good, {len(same):,} stored the very same"
        f" content: {percent(part)}."
    )
    return PatternFound("same_data_different_outcome", bool(same), len(same), part.value, says)


def _different_data(recovered: Sequence[Episode], episodes: Sequence[Episode]) -> PatternFound:
    changed = [one for one in recovered if one.same_content is False or _key_changed(one)]
    intermittent = intermittent_kinds(episodes)
    explained = [
        one for one in changed if _change_explains(one, intermittent.get(kind_of(one.failed[-1])) is True)
    ]
    part = share(len(explained), len(recovered))
    known = any(one.same_content is not None for one in recovered)
    if not recovered or not (known or changed):
        return PatternFound(
            "different_data_different_outcome",
            None,
            0,
            0.0,
            "No save can be held against a changed one that worked.",
        )
    if not changed:
        of_all = count(len(recovered), "recovery", "recoveries")
        says = f"Of {of_all}, none is known to have stored anything else than had failed."
        return PatternFound("different_data_different_outcome", False, 0, 0.0, says)
    says = (
        f"In {len(changed):,} of {count(len(recovered), 'recovery', 'recoveries')} something else was stored"
        f" than had failed; in {len(explained):,} the change explains it: {percent(part)}."
    )
    return PatternFound("different_data_different_outcome", bool(explained), len(explained), part.value, says)


def _key_changed(episode: Episode) -> bool:
    before, after = _calls(episode)
    keys = [call.key if call else None for call in (before, after)]
    return None not in keys and keys[0] != keys[1]


def _calls(episode: Episode) -> tuple[Call | None, Call | None]:
    """Return the call that a save failed by and the one that did the same in the save that worked.

    A save may write several objects; one object of the one is not held against another of the other.
    """
    assert episode.recovered_by is not None  # noqa: S101 - only those that recovered are asked
    failed = failed_call(episode.failed[-1]) or call_like(episode.failed[-1], None)
    return failed, call_like(episode.recovered_by, deed_of(failed) if failed else None)


def _change_explains(episode: Episode, intermittent: bool) -> bool:
    failed, worked = episode.failed[-1], episode.recovered_by
    assert worked is not None  # noqa: S101 - only those that recovered are asked
    cause = cause_of(failed).name
    if cause in MEASURED:
        of_failed, of_worked = _calls(episode)
        before = _measured(failed, of_failed, MEASURED[cause])
        after = _measured(worked, of_worked, MEASURED[cause])
        return before is not None and after is not None and after < before
    return cause in BY_THE_DATA and not intermittent


def _measured(save: Save, call: Call | None, name: str) -> float | None:
    spans = [save.span] if call is None else [*(one.span for one in call.attempts), call.span, save.span]
    told = (values.number(span.attributes.get(name)) for span in spans)
    return next((number for number in told if number is not None), None)


def _dominant(failed: Sequence[Save], episodes: Sequence[Episode]) -> PatternFound:
    counted = Counter(kind_of(save)[0] for save in failed)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    if len(failed) < FEW:
        says = (
            "No save failed." if not failed
            else f"{count(len(failed), 'failed save')}: too few to say that one error stands clear."
        )  # fmt: skip
        return PatternFound("dominant_error", None, 0, 0.0, says)
    code, most = ordered[0]
    first = share(most, len(failed))
    second = share(ordered[1][1], len(failed)) if len(ordered) > 1 else None
    holds = first.low > (second.high if second else 0.0)
    with_it = sum(any(kind_of(save)[0] == code for save in one.failed) for one in episodes)
    rest = f", the next, {ordered[1][0]}, {percent(second)}" if second else ", and there is no other"
    clear = "stands clear of the rest" if holds else "does not stand clear of the rest"
    says = f"{code} {clear}: {percent(first)} of {count(len(failed), 'failed save')}{rest}."
    return PatternFound("dominant_error", holds, with_it, first.value, says)


def _no_storage_error(failed: Sequence[Save], episodes: Sequence[Episode]) -> PatternFound:
    if not failed:
        return PatternFound("no_storage_error", None, 0, 0.0, "No save failed.")
    failed = [save for save in failed if not _storage_is_unseen(save)]
    if not failed:
        says = "Only what stands before the app tells of the saves that failed: what storage said is unknown."
        return PatternFound("no_storage_error", None, 0, 0.0, says)
    found = [save for save in failed if _storage_is_innocent(save)]
    part = share(len(found), len(failed))
    with_it = sum(any(_storage_is_innocent(save) for save in one.failed) for one in episodes)
    if not found:
        every = "the failed save" if len(failed) == 1 else f"each of {len(failed):,} failed saves"
        says = f"In {every} a storage call failed, or did not end."
        return PatternFound("no_storage_error", False, 0, 0.0, says)
    writing = [
        save for save in found
        if save.stored == attributes.YES or any(call.writes for call in save.calls)
    ]  # fmt: skip
    cut = sum(save.stage == attributes.PROCESS and save.stored != attributes.YES for save in writing)
    middle = f", {cut:,} {'was' if cut == 1 else 'were'} in the middle of it" if cut else ""
    says = (
        f"{len(found):,} of {count(len(failed), 'save')} that failed did so though no storage call had"
        f" ({len(writing) - cut:,} had stored{middle}, {len(found) - len(writing):,} had not come to it):"
        f" {percent(part)}."
    )
    return PatternFound("no_storage_error", bool(found), with_it, part.value, says)


def _storage_is_unseen(save: Save) -> bool:
    alone = (only_told_by_front(save.span) or only_told_by_browser(save.span)) and not save.calls
    return alone and cause_of(save).name not in NEVER_CAME_TO_THE_APP


def _storage_is_innocent(save: Save) -> bool:
    if save.stage in {attributes.STORAGE, attributes.NETWORK, attributes.CLIENT}:
        return False
    if _storage_is_unseen(save):
        return False
    return save.stored == attributes.YES or failed_call(save) is None
