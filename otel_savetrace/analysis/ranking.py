"""Which differences between two saves tell something, which are noise, and which are looked at first.

Only an order is made here: a difference high up may still be chance, one far down the cause.
"""

from __future__ import annotations

from collections.abc import Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis.values import number
from otel_savetrace.analysis.words import alike
from otel_savetrace.spans.rows import AttributeValue

OF_THE_RETRY = frozenset(
    {
        attributes.AUTOMATIC_RETRY,
        attributes.FIRST_TRACE_ID,
        attributes.PAIRED_BY,
        attributes.PREVIOUS_ERROR_CODE,
        attributes.PREVIOUS_SPAN_ID,
        attributes.PREVIOUS_TRACE_ID,
        attributes.SAME_CONTENT,
        attributes.SAVE_ATTEMPT,
        attributes.SECONDS_SINCE_FAILURE,
    }
)
"""What a save tells of the failed one that it retries: no save that failed first has any of it."""

CONSEQUENCES = frozenset(
    {
        *OF_THE_RETRY,
        attributes.APP_RETRY_ATTEMPT,
        attributes.APP_RETRY_ATTEMPTS,
        attributes.ATTEMPTS,
        attributes.BACKOFF_SECONDS,
        attributes.BODY_BYTES_SENT,
        attributes.CALLS,
        attributes.CAUGHT_EXCEPTIONS,
        attributes.CONTENT_SIZE_SENT,
        attributes.DOING,
        attributes.ERRNO,
        attributes.ERROR_CODE,
        attributes.ERROR_TYPE,
        attributes.EXCEPTION,
        attributes.FROM_RECORD,
        attributes.KILLED_BY,
        attributes.OUTCOME,
        attributes.RESPONSE_STATUS,
        attributes.RETRY_ATTEMPTS,
        attributes.STAGE,
        attributes.STORED,
        attributes.USER_ERROR,
        "http.response.body.size",
        "http.response_content_length",
    }
)
"""What an outcome brings with it: told apart from what was different before."""

CONNECTION_USE = (
    attributes.CONNECTION_REQUESTS,
    attributes.CONNECTION_IDLE_SECONDS,
    attributes.CONNECTION_AGE_SECONDS,
)
"""What is said of a reused connection only."""

FIRST = (
    attributes.CONNECTION_PID,
    attributes.SENT_BY,
    attributes.S3_BUCKET,
    attributes.S3_KEY,
    attributes.KEY_LEN,
    attributes.KEY_LEN_SENT,
    attributes.CONTENT_SIZE,
    attributes.CONTENT_HASH,
    attributes.HEADER_SECTION_BYTES,
    attributes.HEADER_BYTES,
    attributes.LARGEST_HEADERS,
    attributes.METADATA_BYTES,
    attributes.CONNECTION,
    *CONNECTION_USE,
    attributes.CLOCK_SKEW_SECONDS,
    attributes.CREDENTIAL_EXPIRES_IN_SECONDS,
    attributes.CREDENTIAL_KIND,
    attributes.RETRY_QUOTA_EXHAUSTED,
    attributes.CONTINUE,
    attributes.DNS_SECONDS,
    attributes.TCP_SECONDS,
    attributes.TLS_SECONDS,
    attributes.CONTINUE_SECONDS,
    attributes.FIRST_BYTE_SECONDS,
    attributes.APP_VERSION,
)
"""What is known to make a save fail, in this order; everything else comes after it in the registry's."""

LAST = (
    attributes.PEER_ADDRESS,
    attributes.HOST_NAME,
    attributes.PROCESS_ID,
    attributes.WORKER_AGE_SECONDS,
    attributes.REQUESTS_SERVED,
)
"""Which of several alike served the request."""

NOISE = frozenset(
    {
        attributes.EXTENDED_REQUEST_ID,
        attributes.RELOAD_AGE_SECONDS,
        attributes.REQUEST_ID,
        attributes.SERVER_AGE_SECONDS,
        attributes.WORKER_AGE_SECONDS,
        "client.port",
        "net.peer.port",
        "service.instance.id",
        "thread.id",
        "thread.name",
    }
)
"""What differs between any two requests."""

COUNTED = frozenset({attributes.POOL_IN_USE, attributes.REQUESTS_IN_FLIGHT})
"""Of what goes on at the same moment there is one more or less at any other."""

SET = frozenset(
    {
        attributes.CONNECT_TIMEOUT_SECONDS,
        attributes.PATIENCE_SECONDS,
        attributes.READ_TIMEOUT_SECONDS,
        attributes.WORKER_TIMEOUT_SECONDS,
    }
)
"""Times that somebody chose: of these any difference counts."""

COARSEST_CLOCK_SECONDS = 2.0
"""Two clocks that are read to the second seem this much apart from one request to the next."""

SHORTEST_USE: Mapping[str, float] = {
    attributes.CONNECTION_AGE_SECONDS: 60.0,
    attributes.CONNECTION_IDLE_SECONDS: 2.0,
    attributes.CONNECTION_REQUESTS: 50.0,
}
"""No server gives up a connection that idled, lasted or carried less than this."""

SOON_SECONDS = 300.0
"""Credentials that last longer than this are as good as any; botocore renews them before."""


def is_consequence(name: str, a: AttributeValue, b: AttributeValue) -> bool:
    """Return whether an outcome brings this difference with it."""
    # A store that refuses a head says so in place of 100 Continue.
    return name in CONSEQUENCES or (name == attributes.CONTINUE and attributes.FINAL in (a, b))


def is_noise(name: str, a: AttributeValue, b: AttributeValue) -> bool:
    """Return whether the values, which differ, are such as any two requests have; `None` is not recorded."""
    if name in NOISE:
        return True
    if name == attributes.REQUESTS_SERVED:
        return 0 not in (a, b)
    one, other = number(a) or 0.0, number(b) or 0.0
    if name in CONNECTION_USE:
        return _is_use_noise(name, one, other)
    if name in COUNTED:
        return abs(one - other) <= 1
    if name == attributes.CLOCK_SKEW_SECONDS:
        return abs(one - other) <= COARSEST_CLOCK_SECONDS
    if name == attributes.CREDENTIAL_EXPIRES_IN_SECONDS:
        return None not in (a, b) and min(one, other) > SOON_SECONDS
    described = attributes.REGISTRY.get(name)
    # A step that one of two requests did not take at all may have been as good as none.
    return described is not None and described.unit == "s" and name not in SET and alike(one, other)


def _is_use_noise(name: str, one: float, other: float) -> bool:
    # Nothing at all is what a new connection has: then the number says how long the other was in use.
    within_two = max(one, other) <= 2 * min(one, other)
    return within_two or (min(one, other) > 0 and max(one, other) < SHORTEST_USE[name])


def rank(name: str) -> tuple[int, int]:
    """Return where an attribute stands among those that differ, lowest first."""
    if name in FIRST:
        return 0, FIRST.index(name)
    if name in LAST:
        return 2, LAST.index(name)
    return _OTHERS, registry_place(name)


def is_looked_at(name: str) -> bool:
    """Return whether a person wants to know of this attribute that it is equal, too."""
    return rank(name)[0] != _OTHERS


def registry_place(name: str) -> int:
    """Return an attribute's place in the registry, one past the last for what is not ours."""
    return _PLACES.get(name, len(_PLACES))


_OTHERS = 1
_PLACES = {name: place for place, name in enumerate(attributes.REGISTRY)}
