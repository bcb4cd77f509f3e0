"""Episodes: failed saves of one thing by one user, and the save that ended them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from otel_savetrace.analysis import identity
from otel_savetrace.analysis.content import same_content, seconds_between
from otel_savetrace.analysis.pairing import Key, Pair, PairedBy, Pairing, pair
from otel_savetrace.analysis.saves import Save

State = Literal["recovered", "abandoned", "open"]

WINDOW_SECONDS = 30 * 60.0
"""A save that comes later than this after the last failed one is no retry of it."""

CERTAINTY: Sequence[PairedBy] = ("inferred", "memory", "cookie")
"""Ways to know a retry, the least certain first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Episode:
    """One or more failed saves of the same thing by the same user, oldest first, and how it went on.

    `recovered`: a later save succeeded; `abandoned`: none came within the window; `open`: the data ends
    too soon to say, or nothing is known by which a retry could be told. `pairs` says which is the retry of
    which, oldest retry first. A save whose answer never came is among the failed ones where another came
    after it.
    """

    failed: tuple[Save, ...]
    recovered_by: Save | None
    state: State
    pairs: tuple[Pair, ...] = ()

    @property
    def members(self) -> list[Save]:
        """Return its saves: the failed ones, then the one that worked."""
        return [*self.failed, *([self.recovered_by] if self.recovered_by else [])]

    @property
    def same_content(self) -> bool | None:
        """Whether the same was stored in the end as had failed; `None` where a side is not known."""
        return same_content(self.failed[-1], self.recovered_by) if self.recovered_by else None

    @property
    def seconds(self) -> float | None:
        """Time from the end of the first failed save to the start of the one that worked; may be below 0."""
        return seconds_between(self.failed[0], self.recovered_by) if self.recovered_by else None

    @property
    def paired_by(self) -> PairedBy | None:
        """How its retries are known, by the least certain of them; `None` where there is none."""
        return min((one.paired_by for one in self.pairs), key=CERTAINTY.index, default=None)


def episodes(saves: Iterable[Save], window_seconds: float = WINDOW_SECONDS) -> list[Episode]:
    """Return every episode in the saves, given in any order, oldest first."""
    held = list(saves)
    return assemble(held, pair(held, window_seconds), window_seconds)


def assemble(saves: Iterable[Save], pairing: Pairing, window_seconds: float) -> list[Episode]:
    """Return the episodes that a pairing makes of the saves."""
    by_key = {(save.trace_id, save.span.span_id): save for save in saves}
    retried = {one.previous for one in pairing.pairs}
    failed = [key for key, save in by_key.items() if save.outcome == "failed" or key in retried]
    together = _Sets([*failed, *(one.retry for one in pairing.pairs)])
    for one in pairing.pairs:
        together.join(one.retry, one.previous)
    for key, earlier in pairing.siblings:
        if key in together and earlier in together:
            together.join(key, earlier)
    pairs_of: dict[Key, list[Pair]] = defaultdict(list)
    for one in pairing.pairs:
        pairs_of[together.first(one.retry)].append(one)
    data_ends = max((save.span.end_nanoseconds for save in by_key.values()), default=0)
    found = [
        _episode([by_key[key] for key in keys], pairs_of[first], by_key, retried, data_ends, window_seconds)
        for first, keys in together.members().items()
    ]
    return sorted(found, key=lambda episode: _order(episode.failed[0]))


def _episode(
    members: list[Save],
    pairs: list[Pair],
    by_key: Mapping[Key, Save],
    retried: set[Key],
    data_ends: int,
    window_seconds: float,
) -> Episode:
    ordered = sorted(members, key=_order)
    failed = [
        save for save in ordered if save.outcome == "failed" or (save.trace_id, save.span.span_id) in retried
    ]
    worked = next((save for save in ordered if save.outcome == "succeeded"), None)
    in_order = tuple(sorted(pairs, key=lambda one: _order(by_key[one.retry])))
    if worked is not None:
        return Episode(tuple(failed), worked, "recovered", in_order)
    last_ended = max(save.span.end_nanoseconds for save in ordered)
    over = (data_ends - last_ended) / 1e9 > window_seconds
    # Of a save of which nothing is known but its request nobody can say that none came after it.
    followed = any(identity.user(save) or identity.thing(save) for save in ordered)
    return Episode(tuple(failed), None, "abandoned" if over and followed else "open", in_order)


def _order(save: Save) -> tuple[int, str, str]:
    return save.span.start_nanoseconds, save.trace_id, save.span.span_id


class _Sets:
    """Disjoint sets of keys, joined as it becomes known what belongs together."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._above = {key: key for key in keys}

    def __contains__(self, key: Key) -> bool:
        return key in self._above

    def first(self, key: Key) -> Key:
        """Return the key that stands for the set."""
        while self._above[key] != key:
            self._above[key] = self._above[self._above[key]]
            key = self._above[key]
        return key

    def join(self, a: Key, b: Key) -> None:
        """Make one set of two."""
        first, second = sorted((self.first(a), self.first(b)))
        self._above[second] = first

    def members(self) -> dict[Key, list[Key]]:
        """Return each set by the key that stands for it."""
        found: dict[Key, list[Key]] = defaultdict(list)
        for key in self._above:
            found[self.first(key)].append(key)
        return found
