"""Who tells of a save beside the app: its log, a front server's access log or spans, the user's browser.

What they tell stands on the save's span, under the names below. They are made at the desk, of what was
joined; of the app's own spans none carries them on the wire.
"""

from __future__ import annotations

from http import HTTPStatus

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.cause_codes import KILLED, LOST_ON_THE_WAY, OF_BROWSERS, OF_THE_FRONT
from otel_savetrace.analysis.save import BROWSER_CODE as BROWSER_CODE
from otel_savetrace.analysis.save import BROWSER_CONTENT as BROWSER_CONTENT
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import Span

ACCESS_LOG = "access log"
"""How the scope of a row ends that only an access log tells of; before it stands the server's name."""

STORAGE_LOG = "storage log"
"""Scope of rows that only an app's storage lines tell of."""

TRACE = "trace"
"""The witness that a span of the app is."""

BROWSER = "browser"
"""The witness that the user's browser is."""

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

BROWSER_OUTCOME = "savetrace.browser.outcome"
"""What the browser says became of the save."""

BROWSER_SPAN_ID = "savetrace.browser.span_id"
"""Id of the browser's own span, by which its later saves name this one."""

BROWSER_STATUS = "savetrace.browser.status"
"""The status that the browser got."""

BROWSER_SECONDS = "savetrace.browser.seconds"
"""How long the user waited."""

BROWSER_SAID = "savetrace.browser.said"
"""What the browser says in one word: what went wrong, else the status."""

OF_THE_BROWSER = frozenset(
    {BROWSER_OUTCOME, BROWSER_CODE, BROWSER_SAID, BROWSER_SPAN_ID, BROWSER_STATUS, BROWSER_SECONDS,
     BROWSER_CONTENT, attributes.BROWSER_TIMEOUT_SECONDS}
)  # fmt: skip

UNTIMED = "savetrace.log.untimed"
"""True: the log does not say when; the row has the time at which the log was last written."""

KEY_CUT = "savetrace.log.key_cut"
"""True: the log has only the beginning of the key."""

NO_CONDITIONS = frozenset(
    {*OF_THE_FRONT_SERVER - {UPSTREAM_ADDRESS}, *OF_THE_BROWSER, WITNESSES, APP_STATUS, TRACE_ID_LOGGED,
     UNTIMED, KEY_CUT}
)  # fmt: skip
"""What failing brings with it, what differs between any two requests, and what the logs happen to be."""

NO_ANSWER = "-"
CLIENT_GONE = 499
"""nginx's own number for a user who did not wait."""

LOST = frozenset({"blocked", "network_error", "offline"})
"""What browsers say of requests that were lost on the way, and that nobody gave up."""

NOBODY_ANSWERED = frozenset({502, 503})
"""Statuses by which a front server says that the app did not answer."""

NEVER_CAME_TO_THE_APP = frozenset({"front.too_large", LOST_ON_THE_WAY})
"""Causes by which a request that the app has nothing of never came as far as that."""


def is_browsers(span: Span) -> bool:
    """Return whether a span is a browser's own, of a request that it sent."""
    return span.kind == "client" and span.scope == attributes.BROWSER_SCOPE


def is_fronts(span: Span) -> bool:
    """Return whether a span is a front server's own, as a Collector makes it of an access log."""
    return only_told_by_front(span) and WITNESSES not in span.attributes


def only_told_by_front(span: Span) -> bool:
    """Return whether nothing but an access log tells of a request."""
    return span.scope.endswith(ACCESS_LOG)


def only_told_by_browser(span: Span) -> bool:
    """Return whether nothing but a browser, and what stands before the app, tells of a request."""
    return span.scope == attributes.BROWSER_SCOPE


def has_trace(span: Span) -> bool:
    """Return whether the app itself has a trace of a request."""
    return not is_told_by_log(span) and not only_told_by_browser(span)


def is_told_by_log(span: Span) -> bool:
    """Return whether a request is known by logs alone, and no trace is there."""
    return span.scope == STORAGE_LOG or only_told_by_front(span)


def cause_of_witness(save: Save) -> tuple[str, bool] | None:
    """Return the cause that others than the app tell of, and whether it is sure; None where they tell none.

    A failure that the app told of itself is not theirs.
    """
    of_front = cause_of_front(save)
    code = values.text(save.span.attributes.get(BROWSER_CODE))
    if code is None or attributes.ERROR_CODE in save.span.attributes:
        return of_front
    # Who was offline did not leave, whatever the front server took it for.
    if of_front is not None and code not in LOST:
        return of_front
    of_browser = OF_BROWSERS.get(code)
    if of_browser is not None:
        return of_browser, True
    return None if code.isdigit() else (LOST_ON_THE_WAY, False)


def cause_of_front(save: Save) -> tuple[str, bool] | None:
    """Return the cause that a front server tells of, and whether it is sure; None where it tells none.

    It tells by its log, or by the status that the user's browser got. An app's own answer that the front
    server only passed on, or a failure that the app told of itself, is not the front server's doing.
    """
    held = save.span.attributes
    status = values.integer(held.get(FRONT_STATUS, held.get(BROWSER_STATUS)))
    if status is None and is_told_by_log(save.span):
        status = save.status_code
    cause = OF_THE_FRONT.get(status or 0)
    of_app = held.get(UPSTREAM_ANSWERED)
    if cause is None or attributes.ERROR_CODE in held or of_app is True:
        return None
    sure = of_app is False or status == CLIENT_GONE
    if not has_trace(save.span):
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
