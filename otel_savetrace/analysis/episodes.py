"""Episodes: failed saves of one thing by one user, and the save that ended them."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from otel_savetrace.analysis.saves import Save

State = Literal["recovered", "abandoned", "open"]

WINDOW_SECONDS = 30 * 60.0
"""A save that comes later than this after the last failed one is no retry of it."""

Identity: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Episode:
    """One or more failed saves of the same thing by the same user, oldest first, and how it went on.

    `recovered`: a later save succeeded; `abandoned`: none came within the window; `open`: the data ends
    too soon to say. `same_content` compares the last failed save with the one that succeeded; it is `None`
    where a side is not known.
    """

    failed: tuple[Save, ...]
    recovered_by: Save | None
    state: State

    @property
    def same_content(self) -> bool | None:
        """Whether the same was stored in the end as had failed."""
        return same_content(self.failed[-1], self.recovered_by) if self.recovered_by else None

    @property
    def seconds(self) -> float | None:
        """Time from the end of the first failed save to the start of the one that worked; may be below 0."""
        return seconds_between(self.failed[0], self.recovered_by) if self.recovered_by else None


def episodes(saves: Iterable[Save], window_seconds: float = WINDOW_SECONDS) -> list[Episode]:
    """Return every episode in the saves, oldest first."""
    ordered = sorted(saves, key=lambda save: save.span.start_nanoseconds)
    by_identity: dict[Identity, list[Save]] = defaultdict(list)
    for save in ordered:
        by_identity[identity(save)].append(save)
    data_ends = max((save.span.end_nanoseconds for save in ordered), default=0)
    found = [
        episode
        for same in by_identity.values()
        for episode in _episodes_of_one(same, window_seconds, data_ends)
    ]
    return sorted(found, key=lambda episode: episode.failed[0].span.start_nanoseconds)


def identity(save: Save) -> Identity:
    """Return what two saves of the same thing by the same user have in common, and no other two.

    The route, and of the thing's attributes those that name it: the ones that end in `id` (or `uid`, `uuid`,
    `guid`) and the ones with `user` in their name (`storymap.id`, `user.email`); where none does, all.
    A save of which nothing is known stands alone. Where no attribute names a user, two people who save one
    thing are not told apart.
    """
    if not save.thing:
        return save.route, (("", f"{save.trace_id} {save.span.span_id}"),)
    naming = {name: value for name, value in save.thing.items() if names_it(name)}
    return save.route, tuple(sorted((naming or save.thing).items()))


def same_content(a: Save, b: Save) -> bool | None:
    """Return whether two saves stored the same: hash and size are equal for each object that both wrote."""
    objects_a, objects_b = dict(_objects(a)), dict(_objects(b))
    shared = objects_a.keys() & objects_b.keys()
    if shared:
        return all(objects_a[name] == objects_b[name] for name in shared)
    if a.content is None or b.content is None:
        return None
    return a.content == b.content


def seconds_between(a: Save, b: Save) -> float:
    """Return the time from the end of one save to the start of another; negative where they overlap."""
    return (b.span.start_nanoseconds - a.span.end_nanoseconds) / 1e9


def _episodes_of_one(same: list[Save], window_seconds: float, data_ends: int) -> Iterator[Episode]:
    failed: list[Save] = []
    for save in same:
        if failed and seconds_between(failed[-1], save) > window_seconds:
            yield Episode(tuple(failed), None, "abandoned")
            failed = []
        if save.outcome == "failed":
            failed.append(save)
        elif failed and save.outcome == "succeeded":
            yield Episode(tuple(failed), save, "recovered")
            failed = []
    if failed:
        ended = (data_ends - failed[-1].span.end_nanoseconds) / 1e9 > window_seconds
        yield Episode(tuple(failed), None, "abandoned" if ended else "open")


def names_it(name: str) -> bool:
    """Return whether an attribute of this name is the same for a save and its retry, by its name alone."""
    last = re.split(r"[._-]", name.lower())[-1]
    return "user" in name.lower() or last in {"id", "uid", "uuid", "guid"}


def _objects(save: Save) -> Iterator[tuple[tuple[str, str], tuple[str, int]]]:
    """Yield each object written and its content, the last one where a key was written again."""
    for call in save.calls:
        if call.writes and call.key and call.content:
            yield (call.operation, call.key), call.content
