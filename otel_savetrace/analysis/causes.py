"""What made a save fail: from codes, exceptions, facts of the connection, and where the save died.

A cause says what happened, not under which condition. Each save has one; what only its neighbours can tell
(whether a reset connection was stale, whether retries would have helped) is settled among all that failed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import stale, values
from otel_savetrace.analysis.cause_codes import (
    CLIENTS,
    DEPENDENCIES,
    DEPENDENCY,
    EXCEPTION,
    INVALID_PARAMETER,
    KILLED,
    OF_EXCEPTIONS,
    OWN_DOING,
    QUOTA,
    REJECTED,
    RESET,
    SESSION,
    STALE,
    UNEXPLAINED,
)
from otel_savetrace.analysis.decisive import failed_call
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.refusals import Cause, of_call, of_code, of_exception
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.witnesses import cause_of_witness, only_told_by_browser, only_told_by_front

STORE_STAGES = frozenset({attributes.STORAGE, attributes.NETWORK, attributes.CLIENT})
"""Stages in which a storage call failed."""


def causes_of(
    failed: Sequence[Save], succeeded: Sequence[Save], dependencies: Mapping[str, str]
) -> dict[Key, Cause]:
    """Return the cause of each failed save, by trace and span id.

    `succeeded` are saves that worked, as many as are needed to know what is usual. `dependencies` names of
    each trace a service other than the store that failed in it.
    """
    found = {key_of(save): cause_of(save, dependencies.get(save.trace_id)) for save in failed}
    _settle_resets(found, failed, succeeded)
    _settle_quota(found, failed, succeeded)
    return found


def key_of(save: Save) -> Key:
    """Return what a save is known by."""
    return save.trace_id, save.span.span_id


def cause_of(save: Save, dependency: str | None = None) -> Cause:
    """Return the cause of one failed save, by itself."""
    of_witness = cause_of_witness(save)
    if of_witness is not None:
        return Cause(*of_witness)
    if is_of_front(save):
        # The app's own answer, of which nothing but its status is known.
        return dataclasses.replace(_of_status(save.status_code or 0), sure=False)
    if save.outcome != "failed":
        return _of_unanswered(save)
    if save.stage == attributes.SESSION:
        return Cause(SESSION)
    if save.stage == attributes.DEPENDENCY:
        return Cause(DEPENDENCY)
    if save.stage == attributes.PROCESS:
        return Cause(KILLED)
    call = failed_call(save)
    if call is not None:
        found = of_call(call)
    elif save.stage in STORE_STAGES:
        found = of_code(save.error_code or "", likely=True)
    else:
        return _of_app(save, dependency)
    if found.name == UNEXPLAINED and save.stage == attributes.CLIENT:
        return Cause(INVALID_PARAMETER, sure=False)
    return found


def is_of_front(save: Save) -> bool:
    """Return whether a front server or a browser tells of the save, and nothing behind them does."""
    return only_told_by_front(save.span) or only_told_by_browser(save.span)


def ended_its_process(save: Save) -> bool:
    """Return whether a save was cut short since its worker was told to end."""
    codes = [_raised(save), *(call.error_code or "" for call in save.calls)]
    return any(OF_EXCEPTIONS.get(_last_part(code)) == KILLED for code in codes)


def _of_unanswered(save: Save) -> Cause:
    """Return why no answer came: a worker that ends says so, or its request's span ends with nothing in it.

    Where that span is missing it may only have got lost, and a storage call that failed tells more.
    """
    if ended_its_process(save):
        return Cause(KILLED)
    call = failed_call(save)
    if not save.seen and call is not None:
        return dataclasses.replace(of_call(call), sure=False)
    return Cause(KILLED, sure=save.seen)


def _of_app(save: Save, dependency: str | None) -> Cause:
    raised = _raised(save)
    of_raised = _of_raised(save, raised)
    if of_raised is not None:
        return of_raised
    status, named = save.status_code or 0, _is_class(raised)
    if raised == "login_redirect":
        return Cause(SESSION)
    if dependency is not None and not 400 <= status < 500 and not (named and save.stage == attributes.APP):
        return Cause(DEPENDENCY, sure=save.stage is None and not named)
    if status < 500 and raised == "error_in_answer":
        return Cause(REJECTED)
    if named and not 400 <= status < 500:
        return Cause(EXCEPTION)
    return _of_status(status) if status or not raised else Cause(EXCEPTION, sure=False)


def _of_raised(save: Save, raised: str) -> Cause | None:
    """Return the cause that an exception which the app raised names; None for one of its own."""
    package, code = raised.partition(".")[0], _last_part(raised)
    found = OF_EXCEPTIONS.get(code)
    if found in {KILLED, "front.client_gone"}:
        return Cause(found)
    if any(call.error_code == raised for call in save.calls):
        refused = of_code(raised, likely=False)
        return None if refused.name == UNEXPLAINED else refused
    if package in CLIENTS and package != raised:
        return of_exception(save.span, raised)
    if package in DEPENDENCIES and package != raised:
        return Cause(EXCEPTION if code in OWN_DOING else DEPENDENCY)
    return None


def _of_status(status: int) -> Cause:
    if status in {401, 403}:
        return Cause(SESSION)
    if 400 <= status < 500:
        return Cause(REJECTED)
    return Cause(EXCEPTION, sure=False) if status else Cause(UNEXPLAINED)


def _raised(save: Save) -> str:
    """Return what a save's own span says went wrong: a code, or the last exception's class, whole."""
    recorded = values.text(save.span.attributes.get(attributes.ERROR_CODE))
    thrown = [
        event.attributes.get("exception.type") for event in save.span.events if event.name == "exception"
    ]
    told = recorded or values.text(thrown[-1] if thrown else None)
    return told or values.text(save.span.attributes.get(attributes.ERROR_TYPE)) or ""


def _is_class(raised: str) -> bool:
    return bool(raised) and not raised.isdigit() and raised not in {"error_in_answer", "login_redirect"}


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _settle_resets(found: dict[Key, Cause], failed: Sequence[Save], succeeded: Sequence[Save]) -> None:
    reset = [save for save in failed if found[key_of(save)].name == RESET]
    for save in stale.stale_among(reset, succeeded):
        found[key_of(save)] = Cause(STALE)


def _settle_quota(found: dict[Key, Cause], failed: Sequence[Save], succeeded: Sequence[Save]) -> None:
    """Name the empty retry quota where retries help: saves that were retried after the same failure worked.

    In an outage that no retry gets through, the quota runs out in the wake of it and is no reason.
    """
    without = [save for save in failed if _is_out_of_quota(save)]
    if not without:
        return
    helped = sum(_was_retried_well(save) for save in succeeded)
    by_name: dict[str, list[Save]] = {}
    for save in without:
        by_name.setdefault(found[key_of(save)].name, []).append(save)
    for name, saves in by_name.items():
        in_vain = sum(found[key_of(save)].name == name for save in failed) - len(saves)
        if helped > in_vain:
            found.update({key_of(save): Cause(QUOTA) for save in saves})


def _is_out_of_quota(save: Save) -> bool:
    call = failed_call(save)
    return call is not None and call.span.attributes.get(attributes.RETRY_QUOTA_EXHAUSTED) is True


def _was_retried_well(save: Save) -> bool:
    return (values.integer(save.span.attributes.get(attributes.RETRY_ATTEMPTS)) or 0) > 0
