"""Cuts a line of OTLP JSON into its spans without parsing it, so that only those wanted are parsed.

Parsing is nearly all that reading costs, and most spans are not looked at. A quotation mark inside a JSON
string is escaped, so ``{"traceId":"`` in the bytes is the beginning of a span or of a link, never text. What
the Collector, OpenTelemetry's SDKs and we write begins every span so; a line in another spelling is not cut,
and is parsed whole by whoever asked.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, NamedTuple

import orjson

from otel_savetrace.spans.otlp import NotOtlpError, Place, place_of

BEGINS = b'{"traceId":"'
FIRST = b'{"resourceSpans":['
LINKS = b'"links":['
WHOLE = b"},"
IDS_END = 73
"""A span begins with its ids, which are as long as this."""

START = b'"startTimeUnixNano":'
"""Every span has it once, no link has."""

_NEXT_PLACE = re.compile(rb'\{"(?:resource|scope)":')
_END_OF_SPANS = re.compile(
    rb'\](?:,"schemaUrl":"[^"\\]*")?\}(?:\](?:,"schemaUrl":"[^"\\]*")?\})?(?:\]\}\s*|,)\Z'
)
_IDS = re.compile(rb'\{"traceId":"(?P<trace>[0-9a-f]{32})","spanId":"(?P<span>[0-9a-f]{16})"')
_MOST_PLACES = 4_096


class Piece(NamedTuple):
    """One span, not parsed yet: its JSON, and what it stands below."""

    place: Place
    text: bytes

    @property
    def trace_id(self) -> bytes:
        """Trace id in hex."""
        return self.text[12:44]

    @property
    def span_id(self) -> bytes:
        """Span id in hex."""
        return self.text[56:72]


class Cutter:
    """Cuts lines; remembers resources and scopes, of which a file has few."""

    def __init__(self) -> None:
        self._places: dict[tuple[bytes, bytes], Place] = {}
        self._resource = b""

    def pieces_of(self, line: bytes, beginnings: Container[bytes]) -> list[Piece]:
        """Return those spans of a line that could be cut before whose trace id begins with one of these.

        `beginnings` are 16 hex digits each.
        """
        return self._pieces(line.split(BEGINS), beginnings)

    def pieces(self, line: bytes) -> list[Piece] | None:
        """Return the spans of a line; None where it cannot be cut, for it is spelled otherwise or broken."""
        parts = line.split(BEGINS)
        if len(parts) == 1 or not line.startswith(FIRST) or line.find(FIRST, 1) > 0:
            return None
        try:
            pieces = self._pieces(parts)
        except (ValueError, NotOtlpError):
            return None
        whole = len(pieces) == line.count(START) and all(map(_IDS.match, [text for _, text in pieces]))
        return pieces if whole else None

    def _pieces(self, parts: list[bytes], beginnings: Container[bytes] | None = None) -> list[Piece]:
        place = self._place(parts[0])
        found: list[Piece] = []
        waiting = b""
        for part in parts[1:]:
            if not waiting and part.endswith(WHOLE):
                if beginnings is None or part[:16] in beginnings:
                    found.append(Piece(place, b"%b%b" % (BEGINS, part[:-1])))
                continue
            text, tail = _ended(waiting + BEGINS + part)
            if text.endswith(LINKS) or (waiting and not _is_whole(text)):
                waiting = waiting + BEGINS + part
                continue
            waiting = b""
            if beginnings is None or text[12:28] in beginnings:
                found.append(Piece(place, text))
            if tail:
                place = self._place(tail)
        if waiting:
            raise ValueError
        return found

    def _place(self, between: bytes) -> Place:
        """Return what the spans after these bytes stand below."""
        resource, scope = self._heads(between)
        known = self._places.get((resource, scope))
        if known is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            known = self._places[resource, scope] = place_of(_object(resource), _object(scope))
        return known

    def _heads(self, between: bytes) -> tuple[bytes, bytes]:
        _, found, after = between.rpartition(b'{"resource":')
        if found:
            resource, found, after = after.partition(b',"scopeSpans":[')
            if not found:
                raise ValueError
            self._resource = resource
            between = after
        elif b'"scopeSpans":[' in between:
            self._resource = b""  # a resource that is not said
        _, found, after = between.rpartition(b'{"scope":')
        scope, spans, rest = (after if found else b',"spans":[').rpartition(b',"spans":[')
        if not spans or rest:
            raise ValueError
        return self._resource, scope


def _ended(text: bytes) -> tuple[bytes, bytes]:
    """Return a span's JSON and what comes between it and the next span, empty where that is a comma."""
    if text.endswith(WHOLE):
        return text[:-1], b""
    if text.endswith(LINKS):
        return text, b""
    other = _NEXT_PLACE.search(text)
    end = _END_OF_SPANS.search(text[: other.start()] if other else text)
    if end is None:
        raise ValueError
    return text[: end.start()], text[end.start() :] if other else b""


def _is_whole(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _object(text: bytes) -> dict[str, Any]:
    found = orjson.loads(text) if text else {}
    if not isinstance(found, dict):
        raise TypeError
    return found
