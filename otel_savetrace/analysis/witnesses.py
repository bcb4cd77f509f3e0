"""Who tells of a save beside its trace: the app's log, a front server's access log.

What such a log tells stands on the save's span, under the names below. They are made at the desk, of what
was joined; no span carries them on the wire.
"""

from __future__ import annotations

from http import HTTPStatus

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.cause_codes import KILLED, OF_THE_FRONT
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import Span

ACCESS_LOG = "access log"
"""How the scope of a row ends that only an access log tells of; before it stands the server's name."""

STORAGE_LOG = "storage log"
"""Scope of rows that only an app's storage lines tell of."""

TRACE = "trace"
"""The witness that a span of the app is."""

WITNESSES = "savetrace.witnesses"
"""Who told of the save: `trace`, `storage log`, `nginx access log` …, parted by commas."""

FRONT_STATUS = "savetrace.front.status"
"""The status that the front server logged: what the user got, whatever the app said."""

APP_STATUS = "savetrace.front.app_status"
"""The status of the app's answer, where the user got another one; `-` where its trace has no answer."""

UPSTREAM_STATUS = "savetrace.front.upstream_status"
"""The status that the front server got from the app, as it logged it; `-` where it got none."""

UPSTREAM_ANSWERED = "savetrace.front.upstream_answered"
"""Whether the answer was the app's own; not there where the log does not tell."""

UPSTREAM_ADDRESS = "savetrace.front.upstream_address"
"""Which app server it asked."""

FRONT_SECONDS = "savetrace.front.seconds"
UPSTREAM_SECONDS = "savetrace.front.upstream_seconds"
REQUEST_BYTES = "savetrace.front.request_bytes"
"""Bytes of the request, its head included, that had arrived."""

FRONT_REQUEST_ID = "savetrace.front.request_id"

TRACE_ID_LOGGED = "savetrace.front.trace_id_logged"
"""True: the front server's line carries the trace id that it handed to the app."""

OF_THE_FRONT_SERVER = frozenset(
    {FRONT_STATUS, UPSTREAM_STATUS, UPSTREAM_ANSWERED, UPSTREAM_ADDRESS, FRONT_SECONDS, UPSTREAM_SECONDS,
     REQUEST_BYTES, FRONT_REQUEST_ID}
)  # fmt: skip
"""What is put on the row of a save that another witness tells of as well."""

UNTIMED = "savetrace.log.untimed"
"""True: the log does not say when; the row has the time at which the log was last written."""

KEY_CUT = "savetrace.log.key_cut"
"""True: the log has only the beginning of the key."""

NO_CONDITIONS = frozenset(
    {*OF_THE_FRONT_SERVER - {UPSTREAM_ADDRESS}, WITNESSES, APP_STATUS, TRACE_ID_LOGGED, UNTIMED, KEY_CUT}
)  # fmt: skip
"""What failing brings with it, what differs between any two requests, and what the logs happen to be."""

NO_ANSWER = "-"
CLIENT_GONE = 499
"""nginx's own number for a user who did not wait."""

NOBODY_ANSWERED = frozenset({502, 503})
"""Statuses by which a front server says that the app did not answer."""

REFUSED_BY_FRONT = frozenset({"front.too_large"})
"""Causes by which a request never came as far as the app."""


def only_told_by_front(span: Span) -> bool:
    """Return whether nothing but an access log tells of a request."""
    return span.scope.endswith(ACCESS_LOG)


def is_told_by_log(span: Span) -> bool:
    """Return whether a request is known by logs alone, and no trace is there."""
    return span.scope == STORAGE_LOG or only_told_by_front(span)


def cause_of_front(save: Save) -> tuple[str, bool] | None:
    """Return the cause that a front server's log tells of, and whether it is sure; None where it tells none.

    An app's own answer that the front server only passed on, or a failure that the app told of itself, is
    not the front server's doing.
    """
    held = save.span.attributes
    status = values.integer(held.get(FRONT_STATUS))
    if status is None and only_told_by_front(save.span):
        status = save.status_code
    cause = OF_THE_FRONT.get(status or 0)
    of_app = held.get(UPSTREAM_ANSWERED)
    if cause is None or attributes.ERROR_CODE in held or of_app is True:
        return None
    sure = of_app is False or status == CLIENT_GONE
    if is_told_by_log(save.span):
        never_ended = save.span.scope == STORAGE_LOG and attributes.STORED not in held
        if never_ended and status in NOBODY_ANSWERED:
            return KILLED, False
        return cause, sure
    answered = held.get(APP_STATUS)
    if answered == NO_ANSWER and status in NOBODY_ANSWERED:
        return KILLED, True
    return None if answered is None else (cause, True)


def phrase(status: int) -> str | None:
    """Return what a user reads of a status that a front server answers; None where no answer came."""
    if status == CLIENT_GONE:
        return None
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
