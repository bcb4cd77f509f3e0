"""The failed saves of one cause, and the saves that worked which they are held against."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence, Set

import numpy as np

from otel_savetrace.analysis import identity
from otel_savetrace.analysis.causes import key_of
from otel_savetrace.analysis.controls import Control, Pool
from otel_savetrace.analysis.decisive import Deed, deed_of, failed_call
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.facts import Deploys, Facts, facts_of
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.predicates import Column, Truths
from otel_savetrace.analysis.saves import Save

MOST_FAILED = 500
"""Failed saves of one cause that are looked at; of more they are drawn by chance, the same at every run."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """Facts of saves, those that failed first.

    `starts` are when each began, in nanoseconds since 1970, `seconds` how long it took. `groups` tell who
    saved (where that is not known, what was saved), `grouping` the attributes by which that is known.
    """

    facts: Sequence[Facts]
    failed: Truths
    starts: Sequence[int]
    seconds: Sequence[float]
    groups: Sequence[identity.Names]
    grouping: Set[str]

    def names(self) -> list[str]:
        """Return every attribute that a failed save has, in the order of their names."""
        return sorted(
            {name for facts, failed in zip(self.facts, self.failed, strict=True) if failed for name in facts}
        )

    def column(self, name: str) -> Column:
        """Return one attribute of every save."""
        return [facts.get(name) for facts in self.facts]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The failed saves of one cause, each episode once, beside those that worked.

    `near` holds them against saves near in time, `overall` against saves of the whole time; `pairs` has the
    first failed save of this cause and the one that worked of each episode that recovered.
    """

    cause: str
    near: Rows
    overall: Rows
    pairs: Sequence[tuple[Facts, Facts]]

    @property
    def units(self) -> int:
        """Failed saves that count: several of one episode are one."""
        return int(self.near.failed.sum())


def deeds_of(failed: Sequence[Save]) -> dict[Key, Deed | None]:
    """Return what the call did by which each save failed; None where it failed by none."""
    calls = {key_of(save): failed_call(save) for save in failed}
    return {key: deed_of(call) if call else None for key, call in calls.items()}


def compare_cause(
    cause: str,
    failed: Sequence[Save],
    episodes: Mapping[Key, Episode],
    deeds: Mapping[Key, Deed | None],
    pool: Pool,
    deploys: Deploys,
) -> Comparison:
    """Hold the failed saves of a cause against those that worked; `episodes` has each failed save's."""
    units = _drawn(_one_each(failed, episodes))
    told = [(save, deeds[key_of(save)]) for save in units]
    kinds = [deed for _, deed in told if deed is not None]
    usual = max(sorted(set(kinds)), key=kinds.count) if kinds else None
    told_of = _remembered(deploys)
    return Comparison(
        cause,
        _rows(told, pool.near(told), told_of),
        _rows(told, pool.overall(usual), told_of),
        [
            (told_of((save, deed)), told_of((retry, deed)))
            for save, retry, deed in _pairs(units, episodes, deeds)
        ],
    )


def _remembered(deploys: Deploys) -> Callable[[Control], Facts]:
    """Return what gives the facts of a save: most are asked for twice."""
    known: dict[tuple[Key, Deed | None], Facts] = {}

    def told_of(control: Control) -> Facts:
        save, deed = control
        asked = (key_of(save), deed)
        if asked not in known:
            known[asked] = facts_of(save, deploys, deed)
        return known[asked]

    return told_of


def _one_each(failed: Sequence[Save], episodes: Mapping[Key, Episode]) -> list[Save]:
    """Return the first failed save of each episode: who tries one thing again and again is one witness."""
    seen: set[int] = set()
    chosen = []
    for save in failed:
        episode = episodes.get(key_of(save))
        if episode is None or id(episode) not in seen:
            chosen.append(save)
            seen.add(id(episode) if episode else id(save))
    return chosen


def _drawn(saves: list[Save]) -> list[Save]:
    if len(saves) <= MOST_FAILED:
        return saves
    by_chance = sorted(saves, key=lambda save: hashlib.sha256(save.span.span_id.encode()).digest())
    return sorted(by_chance[:MOST_FAILED], key=lambda save: (save.span.start_nanoseconds, key_of(save)))


def _rows(
    failed: Sequence[Control], controls: Sequence[Control], told_of: Callable[[Control], Facts]
) -> Rows:
    both = [*failed, *controls]
    mask = np.zeros(len(both), dtype=bool)
    mask[: len(failed)] = True
    groups = [_group(save) for save, _ in both]
    return Rows(
        [told_of(control) for control in both],
        mask,
        [save.span.start_nanoseconds for save, _ in both],
        [save.seconds for save, _ in both],
        groups,
        frozenset(name for group in groups for name, _ in group),
    )


def _group(save: Save) -> identity.Names:
    """Return who saved, else what was saved; a save of which neither is known is a group of its own."""
    return identity.user(save) or identity.thing(save) or (("", " ".join(key_of(save))),)


def _pairs(
    units: Sequence[Save], episodes: Mapping[Key, Episode], deeds: Mapping[Key, Deed | None]
) -> list[tuple[Save, Save, Deed | None]]:
    found = []
    for save in units:
        episode = episodes.get(key_of(save))
        if episode is not None and episode.recovered_by is not None:
            found.append((save, episode.recovered_by, deeds[key_of(save)]))
    return found
