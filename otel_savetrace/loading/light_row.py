"""A save's light row: what is kept of every save, as a tuple of numbers.

What is only compared stands there as a number that Python's own hash makes of it: equal numbers, equal
things.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeAlias, TypeVar

from otel_savetrace import attributes
from otel_savetrace.analysis import identity, values
from otel_savetrace.analysis.errors import Kind, kind_of
from otel_savetrace.analysis.pairing import LATEST_NANOSECONDS, recorded_by
from otel_savetrace.analysis.saves import Outcome, Save
from otel_savetrace.loading.archive import trace_number

VERSION = attributes.APP_VERSION

NONE = 0
"""What stands where there is nothing to compare, or no trace."""

UNMEASURED = -1

MOST = 2**63 - 1

OUTCOMES: tuple[Outcome, ...] = ("failed", "succeeded", "unknown")

COLUMNS: Mapping[str, str] = {
    "source": "B",  # number of the source that told it
    "trace": "Q",
    "span": "Q",
    "starts": "q",  # nanoseconds since 1970, UTC
    "ends": "q",
    "outcome": "B",  # its place in `OUTCOMES`
    "code": "i",  # of its failure, its place in `Named`
    "failing": "?",  # it failed, or its answer never came
    "fits": "?",  # it is one of those asked for
    "retry": "?",  # a failed save is known to have come before it
    "kind": "i",  # code and stage of its failure, its place in `Named`
    "route": "q",  # service, method and route
    "who": "q",
    "what": "q",
    "alike": "q",  # program and size of the request
    "previous": "Q",  # trace of the failed save that it retries
    "cookie": "?",  # it brought that one's cookie
    "version": "q",
    "instance": "q",  # the worker that served it
    "key_len": "q",
    "header_bytes": "q",
    "body_size": "q",
}
"""What a row holds, in this order, and how `struct` packs it."""

HASHED = frozenset(("kind", "route", "who", "what", "previous", "instance"))
"""What may be `NONE`."""

MEASURED = frozenset(("key_len", "header_bytes", "body_size"))
"""What may be `UNMEASURED`."""

Name = TypeVar("Name", bound=Hashable)

Row: TypeAlias = tuple[int, ...]

Fits: TypeAlias = Callable[[Save], bool]
"""Whether a save is one of those asked for."""


class Places(Generic[Name]):
    """Names by their places; at place 0 stands what is none."""

    def __init__(self, none: Name) -> None:
        self.names: list[Name] = [none]
        self._places: dict[Name, int] = {none: NONE}

    def place(self, name: Name) -> int:
        """Return the place of a name."""
        found = self._places.get(name)
        if found is None:
            found = self._places[name] = len(self.names)
            self.names.append(name)
        return found


class Named:
    """What rows name by its place: error codes, and kinds of failures."""

    def __init__(self) -> None:
        self.codes: Places[str | None] = Places(None)
        self.kinds: Places[Kind] = Places(("", None))


def row_of(source: int, save: Save, named: Named, *, fits: bool) -> Row:
    """Return a save's row."""
    span, held = save.span, save.span.attributes
    outcome, failing = save.outcome, is_failing(save)
    previous = values.text(held.get(attributes.PREVIOUS_TRACE_ID))
    body_size = values.integer(held.get(attributes.REQUEST_BODY_SIZE))
    who, what = identity.user(save), identity.thing(save)
    return (
        source,
        trace_number(span.trace_id),
        int(span.span_id, 16),
        min(span.start_nanoseconds, LATEST_NANOSECONDS),
        min(span.end_nanoseconds, LATEST_NANOSECONDS),
        OUTCOMES.index(outcome),
        named.codes.place(save.error_code if outcome == "failed" else None),
        failing,
        fits,
        previous is not None,
        named.kinds.place(kind_of(save)) if failing else NONE,
        number((span.service, save.route)),
        number(who) if who else NONE,
        number(what) if what else NONE,
        number((identity.agent(save), body_size)),
        trace_of(previous) if previous else NONE,
        previous is not None and recorded_by(save) == "cookie",
        number((span.service, held.get(VERSION) or span.resource.get(VERSION))),
        instance(span.resource, held),
        measured(values.integer(held.get(attributes.KEY_LEN))),
        measured(values.integer(held.get(attributes.HEADER_BYTES))),
        measured(body_size),
    )


def is_failing(save: Save) -> bool:
    """Return whether a save failed, or its answer never came."""
    return save.outcome == "failed" or (save.outcome == "unknown" and save.answered != "yes")


def number(compared: Hashable) -> int:
    """Return the number that stands for something."""
    return hash(compared) or 1


def instance(resource: Mapping[str, object], held: Mapping[str, object]) -> int:
    """Return the number of the worker that served a request."""
    told = (resource.get("service.instance.id"), held.get(attributes.PROCESS_ID))
    return number(told) if any(told) else NONE


def trace_of(trace_id: str) -> int:
    """Return the number of a trace that a span names, whatever it wrote."""
    try:
        return max(trace_number(trace_id), NONE)
    except ValueError:
        return NONE


def measured(size: int | None) -> int:
    """Return a size as it stands in a row."""
    return size if size is not None and 0 <= size <= MOST else UNMEASURED
