"""What a save was of that died too early to say all of it, as the other saves of its route tell it.

An object's key may name more than the request does: a save that dies before storage knows the rest of it
only by the saves that came further.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from otel_savetrace.analysis import identity
from otel_savetrace.analysis.identity import Names
from otel_savetrace.analysis.saves import Save

_Place: TypeAlias = tuple[str, str]  # service and route
_Known: TypeAlias = tuple[str, ...]  # names, in order


def whole_things(saves: Sequence[Save]) -> list[Names]:
    """Return of each save what it was of; see `identity.thing`.

    Of one that names less than others of its route, that of the one thing that agrees with it in all that it
    names: among those of its user, else among everybody's. Where there are several, what it says itself.
    """
    things = [identity.thing(save) for save in saves]
    partial = _partial(saves, things)
    if not partial:
        return things
    wholes: dict[tuple[_Place, Names | None, Names], set[Names]] = defaultdict(set)
    for save, thing in zip(saves, things, strict=True):
        place, known = _place(save), partial.get(_place(save), ())
        if _names(thing) not in known:
            for part in _parts(thing, known):
                wholes[place, identity.user(save), part].add(thing)
                wholes[place, None, part].add(thing)
    return [
        _whole(
            [wholes.get((_place(save), user, thing), set()) for user in (identity.user(save), None)], thing
        )
        for save, thing in zip(saves, things, strict=True)
    ]


def _whole(found: Iterable[set[Names]], otherwise: Names) -> Names:
    things: set[Names] = next(filter(None, found), set())
    return next(iter(things)) if len(things) == 1 else otherwise


def _partial(saves: Sequence[Save], things: Sequence[Names]) -> dict[_Place, set[_Known]]:
    """Return for each route the names of things of which other saves of it have more."""
    known: dict[_Place, set[_Known]] = defaultdict(set)
    for save, thing in zip(saves, things, strict=True):
        if thing:
            known[_place(save)].add(_names(thing))
    found = {
        place: {few for few in held if any(set(few) < set(many) for many in held)}
        for place, held in known.items()
    }
    return {place: few for place, few in found.items() if few}


def _parts(thing: Names, known: Iterable[_Known]) -> Iterator[Names]:
    """Yield what of a thing each of the sets of names holds that it has whole."""
    held = dict(thing)
    for names in known:
        if all(name in held for name in names):
            yield tuple((name, held[name]) for name in names)


def _names(thing: Names) -> _Known:
    return tuple(name for name, _ in thing)


def _place(save: Save) -> _Place:
    return save.span.service, save.route
