"""What made a storage call fail: from its code, its innermost exception, and what was seen of the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from otel_savetrace import attributes
from otel_savetrace.analysis import cause_codes, values
from otel_savetrace.analysis.calls import BOTO_ERROR, Call
from otel_savetrace.analysis.cause_codes import (
    CONNECT_TIMEOUT,
    FORKED,
    HEADER_TOO_LARGE,
    INVALID_PARAMETER,
    KEY_TOO_LONG,
    METADATA_TOO_LARGE,
    READ_TIMEOUT,
    REFUSED,
    RESET,
    TLS,
    UNEXPLAINED,
)
from otel_savetrace.analysis.decisive import last_attempt
from otel_savetrace.analysis.notices import HEADER_SECTION_LIMIT, METADATA_LIMIT, SKEW_LIMIT_SECONDS
from otel_savetrace.spans.rows import Span

NOT_LET_IN = frozenset({"400", "401", "403", "AccessDenied", "Forbidden"})
"""Refusals by which a store may mean a clock that is wrong, or credentials that have run out."""

MIXED_UP = frozenset({UNEXPLAINED, INVALID_PARAMETER, "storage.signature", "storage.checksum"})
"""What else two processes may get that write on one connection at once, beside its end."""

OUTER = frozenset({UNEXPLAINED, REFUSED, TLS})
"""Causes that plain OpenTelemetry gives an exception which wraps another: that one's text may tell more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """A cause by its name; `sure` where what was recorded has no other reading."""

    name: str
    sure: bool = True


def of_call(call: Call) -> Cause:
    """Return the cause of a storage call that failed."""
    found = _by_code(call)
    shared = any(one.connection_pid is not None for one in call.attempts)
    if shared and (found.name.startswith("network.") or found.name in MIXED_UP):
        return Cause(FORKED)
    return found


def of_code(code: str, *, likely: bool) -> Cause:
    """Return the cause that a code, or the class of an exception, names by itself.

    `likely`: nothing is known of the connection, and why it broke off cannot be told apart.
    """
    of_store = cause_codes.OF_CODES.get(code)
    if of_store:
        return Cause(of_store, sure=code not in cause_codes.LIKELY)
    of_class = cause_codes.OF_EXCEPTIONS.get(code)
    if of_class:
        return Cause(of_class, sure=not (likely and of_class == RESET))
    return Cause(UNEXPLAINED)


def of_exception(span: Span, exception: str) -> Cause:
    """Return the cause that an exception of an S3 client names, where no storage call's span is there."""
    texts = list(_texts(span))
    worded = next((found["code"] for found in map(BOTO_ERROR.search, texts) if found), None)
    found = of_code(worded or exception.rpartition(".")[2], likely=True)
    inner = cause_codes.in_texts(texts) if found.name in OUTER else None
    return Cause(inner or found.name, sure=False)


def _by_code(call: Call) -> Cause:
    code, attempt = (call.error_code or "").rpartition(".")[2], last_attempt(call)
    told = _by_facts(call, code)
    if told is not None:
        return told
    found = of_code(code, likely=attempt is None)
    if attempt is None:
        inner = cause_codes.in_texts(_texts(call.span)) if found.name in OUTER else None
        found = Cause(inner, sure=inner != RESET) if inner else found
    elif attempt.connection is None and code.startswith("SSL"):
        return Cause(TLS)
    elif attempt.connection is None and found.name == READ_TIMEOUT and code in {"TimeoutError", "timeout"}:
        return Cause(CONNECT_TIMEOUT)
    return _by_errno(call) if found.name == UNEXPLAINED else found


def _by_errno(call: Call) -> Cause:
    errno = values.text(call.span.attributes.get(attributes.ERRNO))
    if errno == "ETIMEDOUT":
        attempt = last_attempt(call)
        connected = attempt is not None and attempt.connection is not None
        return Cause(READ_TIMEOUT if connected else CONNECT_TIMEOUT)
    return Cause(cause_codes.OF_ERRNOS.get(errno or "", UNEXPLAINED))


def _by_facts(call: Call, code: str) -> Cause | None:
    """Return what a refusal that may mean much is most likely to mean, by the facts of its request."""
    passed = _limit_passed(call) if code in cause_codes.VAGUE else None
    if passed is not None:
        return Cause(passed, sure=passed == cause_codes.OF_CODES.get(code))
    if code not in NOT_LET_IN:
        return None
    if any(abs(skew) >= SKEW_LIMIT_SECONDS for skew in _numbers(call, attributes.CLOCK_SKEW_SECONDS)):
        return Cause("storage.clock_skew", sure=False)
    expired = any(left <= 0 for left in _numbers(call, attributes.CREDENTIAL_EXPIRES_IN_SECONDS))
    return Cause("storage.credentials", sure=False) if expired else None


def _limit_passed(call: Call) -> str | None:
    """Return the cause of which a documented limit was passed; servers count the request line or not."""
    if max(_numbers(call, attributes.METADATA_BYTES), default=0) > METADATA_LIMIT:
        return METADATA_TOO_LARGE
    heads = [*_numbers(call, attributes.HEADER_SECTION_BYTES), *_numbers(call, attributes.HEADER_BYTES)]
    if max(heads, default=0) >= HEADER_SECTION_LIMIT:
        return HEADER_TOO_LARGE
    if max(_numbers(call, attributes.KEY_LEN), default=0) > attributes.KEY_LIMIT:
        return KEY_TOO_LONG
    return None


def _numbers(call: Call, name: str) -> list[float]:
    spans = [call.span, *(attempt.span for attempt in call.attempts)]
    told = (values.number(span.attributes.get(name)) for span in spans)
    return [number for number in told if number is not None]


def _texts(span: Span) -> Iterator[str]:
    yield span.status_message
    for event in span.events:
        for name in ("exception.message", "exception.stacktrace"):
            yield str(event.attributes.get(name) or "")
