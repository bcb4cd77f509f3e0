"""Which requests of an access log are saves: those of a route that is a save's in the traces.

Without traces nobody can know: there, whatever may store something by its method is taken for a save.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from otel_savetrace.analysis import conventions, values
from otel_savetrace.analysis.save import Route, Save, route_of
from otel_savetrace.spans.rows import Span

STORING_METHODS = frozenset({"PATCH", "POST", "PUT"})

MOST_REMEMBERED = 65_536
LONGEST_PATH = 4_096
"""A longer path is nobody's: what is saved is named in less."""

Place: TypeAlias = tuple[str, str, str]
"""Service, method and route."""

_VARIABLE = re.compile(
    r"<(?:(?P<kind>\w{1,32})(?:\([^()<>]{0,64}\))?:)?(?P<flask>\w{1,64})>"
    r"|\{(?P<braces>\w{1,64})(?::(?P<braces_kind>\w{1,32}))?\}|(?<=/):(?P<colon>\w{1,64})"
)
_ACROSS_SLASHES = "path"


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A route that traces know, and what a path of it names: attributes such as ``storymap.id``."""

    service: str
    method: str
    route: str
    thing: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """A route as frameworks write it: ``/save/<storymap_id>``, ``/save/{id}``, ``/save/:id``."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    across: tuple[bool, ...]

    @classmethod
    def of(cls, route: str) -> Template:
        """Read a route."""
        literals, names, across, passed = [], [], [], 0
        for found in _VARIABLE.finditer(route):
            literals.append(route[passed : found.start()])
            names.append(found["flask"] or found["braces"] or found["colon"])
            across.append(_ACROSS_SLASHES in {found["kind"], found["braces_kind"]})
            passed = found.end()
        return cls((*literals, route[passed:]), tuple(names), tuple(across))

    def values(self, path: str) -> Mapping[str, str] | None:
        """Return what a path has for each variable, None where it is not of this route.

        Literals are looked for from the left, each once: a path made to be slow is as quick as any.
        """
        if not self.names:
            return {} if path == self.literals[0] else None
        if not path.startswith(self.literals[0]) or not path.endswith(self.literals[-1]):
            return None
        found: dict[str, str] = {}
        place, last = len(self.literals[0]), len(path) - len(self.literals[-1])
        for name, across, literal in zip(self.names, self.across, self.literals[1:], strict=True):
            is_last = len(found) == len(self.names) - 1
            end = last if is_last else path.find(literal, place + 1, last) if literal else place + 1
            value = path[place:end] if end > place else ""
            if not value or ("/" in value and not across):
                return None
            found[name] = value
            place = end + len(literal)
        return found


class Routes:
    """The routes of the saves in the traces, and `routes` beside them; knows a request by method and path."""

    def __init__(self, saves: Iterable[Save] = (), routes: Iterable[Route] = ()) -> None:
        self._exact: dict[tuple[str, str], Known] = {}
        self._patterned: dict[str, list[tuple[Place, Template]]] = defaultdict(list)
        self._names: dict[tuple[Place, str], str] = {}
        self._remembered: dict[tuple[str, str], Known | None] = {}
        self._learn([save for save in saves if save.seen], routes)

    def __bool__(self) -> bool:
        """Whether any route is known."""
        return bool(self._exact or self._patterned)

    def known(self, method: str, path: str) -> Known | None:
        """Return the route of a save that a request is of."""
        remembered = self._remembered
        if (method, path) not in remembered:
            if len(remembered) >= MOST_REMEMBERED:
                remembered.clear()
            remembered[method, path] = self._known(method, path)
        return remembered[method, path]

    def _known(self, method: str, path: str) -> Known | None:
        exact = self._exact.get((method, path))
        if exact is not None or len(path) > LONGEST_PATH:
            return exact
        for place, template in self._patterned.get(method, ()):
            found = template.values(path)
            if found is not None:
                named = ((self._names.get((place, name)), value) for name, value in found.items())
                return Known(*place, {name: value for name, value in named if name is not None})
        return None

    def _learn(self, saves: Sequence[Save], routes: Iterable[Route]) -> None:
        templates: dict[Place, Template] = {
            (service, method, route): Template.of(route)
            for service, method, route in routes
            if isinstance(method, str)
        }
        for save in saves:
            place = place_of(save)
            if place is not None and place not in templates:
                templates[place] = Template.of(place[2])
        for place, template in templates.items():
            service, method, route = place
            if template.names:
                self._patterned[method].append((place, template))
            else:
                self._exact[method, route] = Known(service, method, route, {})
        for method in self._patterned:
            # The longer the fixed part, the more a route says.
            self._patterned[method].sort(key=lambda one: (-sum(map(len, one[1].literals)), one[0]))
        self._names = _names_of_variables(saves, templates)


def place_of(save: Save) -> Place | None:
    """Return service, method and route of a save; None where one is not known."""
    found = route_of(save.span)
    if found is None or not isinstance(found[1], str):
        return None
    return found[0], found[1], found[2]


def path_of(span: Span) -> str | None:
    """Return the path of a request, without its query."""
    held = span.attributes
    told = values.text(conventions.either(held, "url.path"))
    if told is None:
        address = values.text(held.get("url.full")) or values.text(held.get("http.url")) or ""
        told = "/" + address.partition("://")[2].partition("/")[2] if "://" in address else None
    return told.partition("?")[0] if told else None


def _names_of_variables(
    saves: Iterable[Save], templates: Mapping[Place, Template]
) -> dict[tuple[Place, str], str]:
    """Return by which attribute the saves of a route tell a variable of it: the one that always equals it."""
    left: dict[tuple[Place, str], set[str]] = {}
    for save, place, found in _with_values(saves, templates):
        for variable, value in found.items():
            equal = {name for name, told in save.thing.items() if told == value}
            known = left.get((place, variable))
            left[place, variable] = equal if known is None else known & equal
    return {key: min(names) for key, names in left.items() if names}


def _with_values(
    saves: Iterable[Save], templates: Mapping[Place, Template]
) -> Iterator[tuple[Save, Place, Mapping[str, str]]]:
    for save in saves:
        place, path = place_of(save), path_of(save.span)
        if place is None or path is None or not templates[place].names or len(path) > LONGEST_PATH:
            continue
        found = templates[place].values(path)
        if found is not None and save.thing:
            yield save, place, found
