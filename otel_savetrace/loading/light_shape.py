"""Light rows straight from spans' outlines: a million saves are told by few sets of attribute names.

What of these tells who saved what, the analysis is asked once for each such set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, identity, values
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.pairing import LATEST_NANOSECONDS
from otel_savetrace.analysis.requests import Request
from otel_savetrace.analysis.saves import Route, Save, route_of, thing_of
from otel_savetrace.loading.archive import trace_number
from otel_savetrace.loading.light_row import (
    NONE,
    OUTCOMES,
    VERSION,
    Fits,
    Named,
    Row,
    instance,
    measured,
    number,
    trace_of,
)
from otel_savetrace.spans.otlp import Place
from otel_savetrace.spans.otlp_attributes import ANY, NOT, OWN, TEXT, those_wanted
from otel_savetrace.spans.otlp_outline import Outline
from otel_savetrace.spans.rows import AttributeValue, Span

TEXTS = frozenset(
    {
        attributes.OUTCOME, attributes.ERROR_CODE, attributes.STAGE, attributes.PREVIOUS_TRACE_ID,
        attributes.PAIRED_BY, attributes.S3_BUCKET, attributes.S3_KEY, "http.route",
        *(
            name
            for stable, old in conventions.OLD_NAMES.items()
            if stable in {"http.request.method", "user_agent.original"}
            for name in (stable, old)
        ),
    }
)  # fmt: skip
STATUS = "http.response.status_code"
OF_ANY_TYPE = frozenset(
    {
        attributes.KEY_LEN, attributes.HEADER_BYTES, attributes.REQUEST_BODY_SIZE, attributes.APP_VERSION,
        attributes.PROCESS_ID, STATUS, conventions.OLD_NAMES[STATUS],
    }
)  # fmt: skip
SUCCEEDED, FAILED = OUTCOMES.index("succeeded"), OUTCOMES.index("failed")
TOLD: Mapping[Any, int] = {attributes.SUCCEEDED: SUCCEEDED, attributes.FAILED: FAILED}
METHOD = "http.request.method"
OLD_METHOD = conventions.OLD_NAMES[METHOD]

MOST_KEPT = 10_000
"""Names, sets of names and routes that are remembered; of each there are few, or something is wrong."""

NO_OUTLINE = Outline("", "", 0, 0)
NOWHERE = Place({}, "", "", "")

Key = TypeVar("Key")
Value = TypeVar("Value")

Sources: TypeAlias = Sequence[tuple[str, str]]
"""Names as the analysis calls them, and the attributes that they stand for."""


class Shape(NamedTuple):
    """A set of attribute names, and what the analysis makes of it."""

    who: Sources
    what: Sources
    agent: Sources


class Shapes:
    """What is known of the saves of one archive; `names` are the attributes that tell what was saved."""

    def __init__(self, names: frozenset[str], named: Named) -> None:
        self.names = names
        self._named = named
        self._wants = _Wants()
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._routes: dict[tuple[AttributeValue, ...], tuple[int, Route | None]] = {}

    def row(
        self, source: int, outline: Outline, place: Place, fits: Fits | None
    ) -> tuple[Row, Route | None] | None:
        """Return the row of a save that tells its outcome, and its route; None where it is read with care."""
        try:
            held = those_wanted(outline.attributes, self._wants)
        except ValueError:
            return None
        outcome = TOLD.get(held.get(attributes.OUTCOME))
        if outcome is None:
            return None
        shape, (route_number, route) = self._shape(tuple(held)), self._route(outline, place, held)
        failed = outcome == FAILED
        code = held.get(attributes.ERROR_CODE) if failed else None
        previous = held.get(attributes.PREVIOUS_TRACE_ID)
        body_size = values.integer(held.get(attributes.REQUEST_BODY_SIZE))
        row = (
            source,
            trace_number(outline.trace_id),
            int(outline.span_id, 16),
            min(int(outline.start_time_unix_nano), LATEST_NANOSECONDS),
            min(int(outline.end_time_unix_nano), LATEST_NANOSECONDS),
            outcome,
            self._named.codes.place(code),
            failed,
            fits is None or fits(self._save(outline, place, held)),
            previous is not None,
            self._named.kinds.place(kind_of(self._save(outline, place, held))) if failed else NONE,
            route_number,
            number(tuple([(name, held[own]) for name, own in shape.who])) if shape.who else NONE,
            number(tuple([(name, held[own]) for name, own in shape.what])) if shape.what else NONE,
            number((tuple([(name, held[own]) for name, own in shape.agent]), body_size)),
            trace_of(previous) if previous else NONE,
            previous is not None and held.get(attributes.PAIRED_BY) == "cookie",
            number((place.service, held.get(VERSION) or place.resource.get(VERSION))),
            instance(place.resource, held),
            measured(values.integer(held.get(attributes.KEY_LEN))),
            measured(values.integer(held.get(attributes.HEADER_BYTES))),
            measured(body_size),
        )
        return row, route

    def _shape(self, names: tuple[str, ...]) -> Shape:
        known = self._shapes.get(names)
        if known is None:
            # Each attribute's value is its own name, so that what is made of it tells where it is from.
            save = self._made(_span({name: name for name in names}))
            known = Shape(identity.user(save), identity.thing(save), identity.agent(save))
            _remember(self._shapes, names, known)
        return known

    def _route(
        self, outline: Outline, place: Place, held: Mapping[str, AttributeValue]
    ) -> tuple[int, Route | None]:
        key = (place.service, held.get(METHOD), held.get(OLD_METHOD), held.get("http.route"), outline.name)
        known = self._routes.get(key)
        if known is None:
            save = self._save(outline, place, held)
            known = number((place.service, save.route)), route_of(save.span)
            _remember(self._routes, key, known)
        return known

    def _save(self, outline: Outline, place: Place, held: Mapping[str, AttributeValue]) -> Save:
        return self._made(_span(held, outline, place))

    def _made(self, span: Span) -> Save:
        return Save(span, (), thing_of(Request(span, ()), self.names))


class _Wants(dict[str, int]):
    """What is wanted of an attribute of a name: those above, the user's own, and what names a client."""

    def __missing__(self, name: str) -> int:
        if name in TEXTS:
            want = TEXT
        elif name in OF_ANY_TYPE:
            want = ANY
        else:
            own = conventions.own_names({name: ""}) or conventions.names_client(name)
            want = OWN if own else NOT
        _remember(self, name, want)
        return want


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= MOST_KEPT:
        known.clear()
    known[key] = value


def _span(held: Mapping[str, AttributeValue], outline: Outline = NO_OUTLINE, place: Place = NOWHERE) -> Span:
    """Return a save's own span with no more of it than was wanted."""
    return Span(
        outline.trace_id, outline.span_id, None, outline.name, "server", place.scope, place.scope_version,
        place.service, int(outline.start_time_unix_nano), int(outline.end_time_unix_nano), "unset", "",
        held, place.resource, (), (),
    )  # fmt: skip
