"""A save's own span with no more of it than its light row needs: most attributes are never looked at."""

from __future__ import annotations

from typing import Any

import orjson

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions
from otel_savetrace.spans.cutting import Piece
from otel_savetrace.spans.otlp import LATEST_NANOSECONDS, STATUSES, NotOtlpError, value_of
from otel_savetrace.spans.rows import AttributeValue, Span

ALWAYS = frozenset(
    {
        attributes.OUTCOME, attributes.ERROR_CODE, attributes.STAGE, attributes.PREVIOUS_TRACE_ID,
        attributes.PAIRED_BY, attributes.S3_BUCKET, attributes.S3_KEY, attributes.KEY_LEN,
        attributes.HEADER_BYTES, attributes.REQUEST_BODY_SIZE, attributes.APP_VERSION,
        attributes.PROCESS_ID, "http.route",
        *(
            name
            for pair in conventions.OLD_NAMES.items()
            if pair[0] in {"http.request.method", "http.response.status_code", "user_agent.original"}
            for name in pair
        ),
    }
)  # fmt: skip

MOST_NAMES = 10_000

SERVER = 2


class _Needed(dict[str, bool]):
    """Whether an attribute of a name is needed: those above, the user's own, and what names a client."""

    def __missing__(self, name: str) -> bool:
        own = bool(conventions.own_names({name: ""})) or conventions.names_client(name)
        needed = name in ALWAYS or own
        if len(self) < MOST_NAMES:
            self[name] = needed
        return needed


_NEEDED = _Needed()


def light_span(piece: Piece) -> Span | None:
    """Return a server span without what is not needed; None where it has to be read with care."""
    try:
        span = orjson.loads(piece.text)
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        if (
            span["kind"] != SERVER
            or not 0 <= start <= LATEST_NANOSECONDS
            or not 0 <= end <= LATEST_NANOSECONDS
        ):
            return None
        return Span(
            trace_id=piece.trace_id.decode(),
            span_id=piece.span_id.decode(),
            parent_span_id=None,
            name=span["name"],
            kind="server",
            scope=piece.place.scope,
            scope_version=piece.place.scope_version,
            service=piece.place.service,
            start_nanoseconds=start,
            end_nanoseconds=end,
            status=STATUSES[span.get("status", {}).get("code", 0)],
            status_message="",
            attributes=_needed(span["attributes"]),
            resource=piece.place.resource,
            links=(),
            events=(),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, NotOtlpError):
        return None


def _needed(held: list[dict[str, Any]]) -> dict[str, AttributeValue]:
    needed = _NEEDED
    return {
        name: text if (text := one["value"].get("stringValue")).__class__ is str else value_of(one["value"])
        for one in held
        if needed[name := one["key"]]
    }
