"""A save's own span with no more of it than its light row needs: most attributes are never looked at."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions
from otel_savetrace.spans.otlp import Place
from otel_savetrace.spans.otlp_attributes import those_needed
from otel_savetrace.spans.otlp_outline import Outline
from otel_savetrace.spans.rows import Span

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

ERROR = 2
"""The number of the status of a span that failed."""


class _Needed(dict[str, bool]):
    """Whether an attribute of a name is needed: those above, the user's own, and what names a client."""

    def __missing__(self, name: str) -> bool:
        own = bool(conventions.own_names({name: ""})) or conventions.names_client(name)
        needed = name in ALWAYS or own
        if len(self) < MOST_NAMES:
            self[name] = needed
        return needed


_NEEDED = _Needed()


def light_span(outline: Outline, place: Place) -> Span | None:
    """Return a server span without what is not needed; None where it has to be read with care."""
    try:
        held = those_needed(outline.attributes, _NEEDED)
    except ValueError:
        return None
    return Span(
        trace_id=outline.trace_id,
        span_id=outline.span_id,
        parent_span_id=None,
        name=outline.name,
        kind="server",
        scope=place.scope,
        scope_version=place.scope_version,
        service=place.service,
        start_nanoseconds=int(outline.start_time_unix_nano),
        end_nanoseconds=int(outline.end_time_unix_nano),
        status="error" if outline.status.code == ERROR else "unset",
        status_message="",
        attributes=held,
        resource=place.resource,
        links=(),
        events=(),
    )
