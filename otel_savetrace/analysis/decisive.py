"""Which of a save's calls and attempts decided how it ended."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.saves import Save

ABSENCE = frozenset({"304", "404", "412", "NoSuchKey", "NoSuchVersion", "NotFound", "PreconditionFailed"})
"""Answers to a read by which an app asks whether something is there."""

Deed = tuple[str, str]
"""What a call did: its operation, and the last part of its key."""


def failed_call(save: Save) -> Call | None:
    """Return the storage call that a save failed by; None where none failed, or later ones made it good."""
    if save.outcome == "succeeded":
        return None
    failed = [call for call in save.calls if (call.failed or call.error_code) and not _is_absence(call, save)]
    lasting = [call for call in failed if not _is_mended(call, save)]
    recorded = values.text(save.span.attributes.get(attributes.ERROR_CODE))
    fitting = [call for call in lasting if recorded is None or call.error_code == recorded]
    # Of a save whose failure is recorded to lie elsewhere, a failed call is only what the app put up with.
    if recorded is not None and save.stage not in {
        None,
        attributes.STORAGE,
        attributes.NETWORK,
        attributes.CLIENT,
    }:
        return None
    chosen = fitting or lasting
    return next((call for call in reversed(chosen) if call.writes), chosen[-1] if chosen else None)


def call_like(save: Save, deed: Deed | None) -> Call | None:
    """Return the call to hold against other saves' calls: one that did `deed`, else the first write."""
    writing = [call for call in save.calls if call.writes]
    return next((call for call in writing if deed_of(call) == deed), writing[0] if writing else None)


def deed_of(call: Call) -> Deed:
    """Return what a call did, whatever the thing was that it did it to."""
    return call.operation, (call.key or "").rpartition("/")[2]


def last_attempt(call: Call) -> Attempt | None:
    """Return the attempt after which the call gave up, or had worked."""
    return call.attempts[-1] if call.attempts else None


def first_attempt_alike(call: Call) -> Attempt | None:
    """Return the first attempt that ended as the call did.

    The later ones come on other connections and with longer heads: a retry's own doing, not its reason.
    """
    if not call.attempts:
        return None
    code = call.attempts[-1].span.attributes.get(attributes.ERROR_CODE)
    if code is None:
        return call.attempts[0]
    return next(one for one in call.attempts if one.span.attributes.get(attributes.ERROR_CODE) == code)


def _is_absence(call: Call, save: Save) -> bool:
    """Return whether a call only asked for what was not there, and the app went on to write."""
    return (
        not call.writes
        and call.error_code in ABSENCE
        and any(
            later.writes and later.span.start_nanoseconds >= call.span.end_nanoseconds for later in save.calls
        )
    )


def _is_mended(call: Call, save: Save) -> bool:
    return any(
        not other.failed
        and other.error_code is None
        and other.span.start_nanoseconds >= call.span.end_nanoseconds
        and (other.operation, other.key) == (call.operation, call.key)
        for other in save.calls
    )
