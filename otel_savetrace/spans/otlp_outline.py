"""A line of OTLP JSON as an outline: checked from end to end, but objects are made of its surface only.

To make Python objects is nearly all that reading costs, and most spans are not looked at. msgspec goes
through the whole line twenty times faster than a parser that keeps everything, and leaves what is inside a
span as the bytes that it was; the few spans that are wanted are read from those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from msgspec import Raw

from otel_savetrace.spans.otlp import KINDS, STATUSES, NotOtlpError, Place, place_of, span_of
from otel_savetrace.spans.otlp_attributes import simple_attributes
from otel_savetrace.spans.reading import Account
from otel_savetrace.spans.rows import Span

NOTHING = Raw(b"[]")
NO_OBJECT = Raw(b"{}")

SERVER = 2
"""The number of the kind of a request's span."""

_MOST_PLACES = 4_096
_TRACE_IDS = re.compile(r"(?:[0-9a-f]{32},)+").fullmatch
_SPAN_IDS = re.compile(r"(?:[0-9a-f]{16},)+").fullmatch
_TIMES = re.compile(r"(?:[0-9]{1,19},)+").fullmatch


class Status(msgspec.Struct, frozen=True, gc=False):
    """A span's status; `code` is a number."""

    code: int = 0
    message: str = ""


UNSET = Status()


class Outline(msgspec.Struct, rename="camel", gc=False):
    """One span, whose ids and times are whole. What is `Raw` has not been looked into: it is JSON.

    It points into its line: who keeps it keeps the line.
    """

    trace_id: str
    span_id: str
    start_time_unix_nano: str | int
    end_time_unix_nano: str | int
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    attributes: Raw = NOTHING
    status: Status = UNSET
    links: Raw = NOTHING
    events: Raw = NOTHING


class Kept(NamedTuple):
    """A span whose line is kept no longer: its JSON, and what it stands below."""

    place: Place
    text: bytes


class Group(NamedTuple):
    """Spans that stand below the same resource and scope."""

    place: Place
    spans: Sequence[Outline]


_decode_kept = msgspec.json.Decoder(Outline).decode


class _Scope(msgspec.Struct, rename="camel", gc=False):
    spans: list[Outline] = []
    scope: Raw = NO_OBJECT


class _Resource(msgspec.Struct, rename="camel", gc=False):
    scope_spans: list[_Scope] = []
    resource: Raw = NO_OBJECT


class _Line(msgspec.Struct, rename="camel", gc=False):
    resource_spans: list[_Resource]


class Outliner:
    """Outlines lines; remembers resources and scopes, of which a file has few."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Line).decode
        self._places: dict[tuple[bytes, bytes], Place] = {}

    def outline(self, line: bytes) -> list[Group] | None:
        """Return the spans of a line; None where it has to be read with care.

        So it is where it is broken, of another signal, or spelled as few writers do: ids in base64, kinds by
        name.
        """
        groups = self.outline_again(line)
        if groups is None:
            return None
        spans = [span for group in groups for span in group.spans]
        if spans and not _are_whole(spans):
            return None
        # What is not looked into is not decoded either.
        return groups if line.isascii() or _is_text(line) else None

    def outline_again(self, line: bytes) -> list[Group] | None:
        """Return the spans of a line that could be outlined before."""
        try:
            return list(self._groups(self._decode(line)))
        except (ValueError, RecursionError):
            return None

    def _groups(self, line: _Line) -> Iterator[Group]:
        for resource in line.resource_spans:
            for scope in resource.scope_spans:
                yield Group(self._place(resource.resource, scope.scope), scope.spans)

    def _place(self, resource: Raw, scope: Raw) -> Place:
        key = bytes(resource), bytes(scope)
        known = self._places.get(key)
        if known is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            known = self._places[key] = place_of(*map(_object, key))
        return known


def kept(outline: Outline, place: Place) -> Kept:
    """Return a copy of a span that stands on its own."""
    return Kept(place, msgspec.json.encode(outline))


def span_of_kept(one: Kept) -> Span:
    """Return the row of a span that was kept; raises `NotOtlpError` where it cannot be read."""
    return span_of_outline(_decode_kept(one.text), one.place)


def span_of_outline(outline: Outline, place: Place) -> Span:
    """Return the row of a span; raises `NotOtlpError` where it cannot be read."""
    try:
        held = simple_attributes(outline.attributes)
    except ValueError:
        return _with_care(outline, place)
    if outline.links != NOTHING or outline.events != NOTHING:
        return _with_care(outline, place)
    return Span(
        outline.trace_id, outline.span_id, outline.parent_span_id or None, outline.name,
        KINDS[outline.kind] if 0 <= outline.kind < len(KINDS) else KINDS[0],
        place.scope, place.scope_version, place.service,
        int(outline.start_time_unix_nano), int(outline.end_time_unix_nano),
        STATUSES[outline.status.code] if 0 <= outline.status.code < len(STATUSES) else STATUSES[0],
        outline.status.message, held, place.resource, (), (),
    )  # fmt: skip


def read_outline(outline: Outline, place: Place, account: Account, where: str) -> Span | None:
    """Return an outlined span as a row; None, and counted, where it cannot be read."""
    try:
        return span_of_outline(outline, place)
    except NotOtlpError as error:
        account.add(str(error), where)
        return None


def _with_care(outline: Outline, place: Place) -> Span:
    return span_of(
        {
            "traceId": outline.trace_id, "spanId": outline.span_id, "parentSpanId": outline.parent_span_id,
            "name": outline.name, "kind": outline.kind,
            "startTimeUnixNano": outline.start_time_unix_nano,
            "endTimeUnixNano": outline.end_time_unix_nano,
            "attributes": _read(outline.attributes), "links": _read(outline.links),
            "events": _read(outline.events),
            "status": {"code": outline.status.code, "message": outline.status.message},
        },
        place,
    )  # fmt: skip


def _are_whole(spans: Sequence[Outline]) -> bool:
    """Return whether ids and times of all these are as they should be: of many at once it costs little."""
    return bool(
        _TRACE_IDS("".join([f"{span.trace_id}," for span in spans]))
        and _SPAN_IDS("".join([f"{span.span_id}," for span in spans]))
        and _TIMES("".join([f"{span.start_time_unix_nano},{span.end_time_unix_nano}," for span in spans]))
    )


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read(text: Raw) -> Any:
    return orjson.loads(memoryview(text))


def _object(text: bytes) -> Mapping[str, Any]:
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise NotOtlpError("a resource or scope that is not an object")
    return found
