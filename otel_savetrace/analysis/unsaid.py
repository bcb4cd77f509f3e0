"""What cannot be said of saves, since those who told of them do not know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis.findings import Unsaid
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.witnesses import (
    FRONT_STATUS,
    STORAGE_LOG,
    UNTIMED,
    has_trace,
    only_told_by_browser,
    only_told_by_front,
)


def unsaid_of(saves: Sequence[Save]) -> tuple[Unsaid, ...]:
    """Return what is not known of how many saves, and why not."""
    counted = ((sum(map(holds, saves)), why) for holds, why in _REASONS)
    return tuple(Unsaid(number, why) for number, why in counted if number)


def _is_storage_log_alone(save: Save) -> bool:
    return save.span.scope == STORAGE_LOG and FRONT_STATUS not in save.span.attributes


def _is_in_storage_log(save: Save) -> bool:
    return save.span.scope == STORAGE_LOG


def _is_untimed(save: Save) -> bool:
    return save.span.scope == STORAGE_LOG and UNTIMED in save.span.attributes


def _is_access_log_alone(save: Save) -> bool:
    return only_told_by_front(save.span) and not save.calls


def _is_browser_alone(save: Save) -> bool:
    return only_told_by_browser(save.span)


def _is_taken_by_method(save: Save) -> bool:
    alone = _is_access_log_alone(save) or _is_browser_alone(save)
    return alone and "http.route" not in save.span.attributes


def _may_hold_an_error(save: Save) -> bool:
    return _is_access_log_alone(save) and save.outcome == "unknown"


def _is_plain(save: Save) -> bool:
    own = any(name in attributes.REGISTRY and name.startswith("savetrace.") for name in save.span.attributes)
    return save.seen and has_trace(save.span) and not own


_REASONS: Sequence[tuple[Callable[[Save], bool], str]] = (
    (
        _is_storage_log_alone,
        "only the app's log tells of them. Whether they worked is what the storage said; what the user got is"
        " not in it: the access log of the server in front of the app has that.",
    ),
    (
        _is_in_storage_log,
        "a log tells no connections, headers or single HTTP attempts, and the size of what was stored but no"
        " hash: whether a retry stored the same is not known. Traces have all of it.",
    ),
    (
        _is_untimed,
        "their log does not say when. They are in the order of its lines; their times mean nothing.",
    ),
    (
        _is_taken_by_method,
        "taken for saves by their method alone (POST, PUT, PATCH), for no trace says which routes save; some"
        " may be no saves.",
    ),
    (
        _is_access_log_alone,
        "only an access log tells of them: not what was saved, by whom, or what the app and the storage did."
        " Which of them is whose retry cannot be told.",
    ),
    (
        _is_browser_alone,
        "only the browser tells of them, and the app has no trace: they never came there, or its trace was"
        " lost or left out.",
    ),
    (
        _may_hold_an_error,
        "their answer had a status below 400, and may have told the user of an error all the same.",
    ),
    (
        _is_plain,
        "their traces have no attributes of otel-savetrace: not what the user was told, nor what went over"
        " which connection.",
    ),
)  # fmt: skip
