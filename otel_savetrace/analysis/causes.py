"""What made a save fail: from codes, exceptions, facts of the connection, and where the save died.

A cause says what happened, not under which condition. Each save has one; what only its neighbours can tell
(whether a reset connection was stale, whether retries would have helped) is settled among all that failed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import cause_codes, stale, values
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.decisive import failed_call, last_attempt
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.saves import Save

UNEXPLAINED = "unexplained"
FORKED = "client.forked_connection"
KILLED = "process.killed"
QUOTA = "client.retry_quota"


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """A cause by its name; `sure` where what was recorded has no other reading."""

    name: str
    sure: bool = True


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
    if save.outcome != "failed":
        return Cause(KILLED, sure=save.answered == "no")
    if is_of_front(save):
        return Cause(cause_codes.OF_THE_FRONT.get(save.status_code or 0, UNEXPLAINED))
    stage = save.stage
    if stage == attributes.SESSION:
        return Cause("app.session")
    if stage == attributes.DEPENDENCY:
        return Cause("app.dependency")
    call = failed_call(save)
    if call is not None and stage != attributes.APP:
        found = _of_call(call)
        if found.name == UNEXPLAINED and stage == attributes.CLIENT:
            return Cause("client.invalid_parameter", sure=False)
        return found
    if stage in {attributes.STORAGE, attributes.NETWORK, attributes.CLIENT}:
        return _of_code(save.error_code or "", likely=True)
    return _of_app(save, dependency)


def is_of_front(save: Save) -> bool:
    """Return whether a front server's own record tells of the save, and nothing behind it does."""
    return save.span.scope.startswith("nginx")


def _of_call(call: Call) -> Cause:
    attempt = last_attempt(call)
    if any(one.connection_pid is not None for one in call.attempts):
        return Cause(FORKED)
    code = (call.error_code or "").rpartition(".")[2]
    errno = values.text(call.span.attributes.get(attributes.ERRNO))
    if errno is not None and errno in cause_codes.OF_ERRNO and code == "OSError":
        return Cause(cause_codes.OF_ERRNO[errno])
    found = _of_code(code, likely=attempt is None)
    if found.name == "network.refused" and attempt is None:
        return Cause(cause_codes.in_messages(_texts(call)) or found.name)
    if found.name == UNEXPLAINED and attempt is None:
        return Cause(cause_codes.in_messages(_texts(call)) or UNEXPLAINED, sure=False)
    if code.startswith("SSL") and attempt is not None and attempt.connection is None:
        return Cause(cause_codes.TLS)
    return found


def _of_code(code: str, *, likely: bool) -> Cause:
    of_store = cause_codes.OF_THE_STORE.get(code)
    if of_store:
        return Cause(of_store, sure=code not in cause_codes.LIKELY)
    of_exception = cause_codes.OF_EXCEPTIONS.get(code)
    if of_exception:
        # Without attempts nothing is known of the connection.
        return Cause(of_exception, sure=not (likely and of_exception == cause_codes.RESET))
    return Cause(UNEXPLAINED)


def _texts(call: Call) -> Iterable[str]:
    yield call.span.status_message
    for event in call.span.events:
        for name in ("exception.message", "exception.stacktrace"):
            yield str(event.attributes.get(name) or "")


def _of_app(save: Save, dependency: str | None) -> Cause:
    if dependency is not None:
        return Cause("app.dependency", sure=save.stage is None)
    raised = _raised(save)
    code = raised.rpartition(".")[2]
    if code in {"SystemExit", "ClientDisconnected"}:
        return Cause(cause_codes.OF_EXCEPTIONS[code])
    if raised.partition(".")[0] in cause_codes.DEPENDENCIES and "." in raised:
        return Cause("app.dependency")
    status = save.status_code or 0
    if status in {401, 403}:
        return Cause("app.session")
    if 400 <= status < 500 or code in {"error_in_answer", "login_redirect"}:
        return Cause("app.session" if code == "login_redirect" else "app.rejected")
    return (
        Cause("app.exception", sure=bool(code) and not code.isdigit())
        if raised or status
        else Cause(UNEXPLAINED)
    )


def _raised(save: Save) -> str:
    recorded = values.text(save.span.attributes.get(attributes.ERROR_CODE))
    thrown = [
        event.attributes.get("exception.type") for event in save.span.events if event.name == "exception"
    ]
    return recorded or values.text(thrown[-1] if thrown else None) or ""


def _settle_resets(found: dict[Key, Cause], failed: Sequence[Save], succeeded: Sequence[Save]) -> None:
    reset = [save for save in failed if found[key_of(save)].name == cause_codes.RESET]
    for save in stale.stale_among(reset, succeeded):
        found[key_of(save)] = Cause("network.stale_connection")


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
