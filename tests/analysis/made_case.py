"""Saves made fact by fact, and what is advised about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from otel_savetrace import attributes as names
from otel_savetrace.analysis.advice import advise
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.case import Case
from otel_savetrace.analysis.facts import Facts
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue, Span

NOON = 1_795_521_600_000_000_000
KEY = "charts/ada/plan/data.json"
ENDPOINT = "https://store.example"
NOTHING: Mapping[str, AttributeValue] = {}


def made_attempt(
    code: str | None = None,
    facts: Mapping[str, AttributeValue] = NOTHING,
    *,
    at: float = 0.0,
    seconds: float = 0.1,
) -> Attempt:
    """Make an attempt that began `at` seconds from noon, and failed with `code` where there is one."""
    held = {**({names.ERROR_CODE: code} if code else {}), **facts}
    return Attempt(
        _span(f"attempt {code} {at}", f"attempt: {code or 200}", at, seconds, held, failed=bool(code))
    )


def made_call(
    *attempts: Attempt,
    code: str | None = None,
    facts: Mapping[str, AttributeValue] = NOTHING,
    key: str | None = KEY,
    operation: str = "PutObject",
    at: float = 0.0,
    seconds: float = 0.2,
) -> Call:
    """Make a storage call; it fails with `code`, else with that of its last attempt."""
    last = attempts[-1].span.attributes.get(names.ERROR_CODE) if attempts else None
    failed = code or (str(last) if last else None)
    held: dict[str, AttributeValue] = {
        "rpc.service": "S3", "rpc.method": operation, names.S3_BUCKET: "charts", names.ENDPOINT: ENDPOINT,
    }  # fmt: skip
    if key is not None:
        held |= {names.S3_KEY: key, names.KEY_LEN: len(key.encode())}
    if attempts:
        held[names.ATTEMPTS] = len(attempts)
    if failed:
        held[names.ERROR_CODE] = failed
    span = _span(f"call {key} {at}", f"S3.{operation}", at, seconds, {**held, **facts}, failed=bool(failed))
    return Call(span, attempts)


def made_save(
    *calls: Call,
    outcome: str = names.SUCCEEDED,
    code: str | None = None,
    stage: str | None = None,
    facts: Mapping[str, AttributeValue] = NOTHING,
    thing: str = "plan",
    at: float = 0.0,
    seconds: float = 0.5,
    scope: str = "opentelemetry.instrumentation.flask",
) -> Save:
    """Make a save; a failed one failed with the code of its last call where `code` says nothing else."""
    held: dict[str, AttributeValue] = {"http.request.method": "POST", "http.route": "/charts/keep"}
    if outcome != names.UNKNOWN:
        held[names.OUTCOME] = outcome
    if outcome == names.FAILED:
        error = code or (calls[-1].error_code if calls else None)
        held |= {names.ERROR_CODE: error} if error else {}
        held[names.STAGE] = stage or (names.STORAGE if calls else names.APP)
    return Save(
        _span(f"save {thing} {at} {seconds}", "POST", at, seconds, {**held, **facts}, scope=scope),
        calls, {"chart.id": thing},
    )  # fmt: skip


def failed_by(
    code: str,
    attempt: Mapping[str, AttributeValue] = NOTHING,
    call: Mapping[str, AttributeValue] = NOTHING,
    save: Mapping[str, AttributeValue] = NOTHING,
    *,
    key: str | None = KEY,
    at: float = 0.0,
    seconds: float = 0.1,
    operation: str = "PutObject",
    stage: str = names.STORAGE,
) -> Save:
    """Make a save that failed by a call of one attempt."""
    sent = made_attempt(code, attempt, at=at, seconds=seconds)
    made = made_call(sent, facts=call, key=key, operation=operation, at=at, seconds=seconds)
    return made_save(made, outcome=names.FAILED, stage=stage, facts=save, at=at, seconds=seconds + 0.1)


def worked_with(
    attempt: Mapping[str, AttributeValue] = NOTHING,
    call: Mapping[str, AttributeValue] = NOTHING,
    save: Mapping[str, AttributeValue] = NOTHING,
    *,
    key: str | None = KEY,
    at: float = 0.0,
    seconds: float = 0.1,
    thing: str = "plan",
) -> Save:
    """Make a save that worked by a call of one attempt."""
    sent = made_attempt(None, attempt, at=at, seconds=seconds)
    made = made_call(sent, facts=call, key=key, at=at, seconds=seconds)
    return made_save(made, facts=save, at=at, seconds=seconds + 0.1, thing=thing)


def advised(
    cause: str,
    failed: Sequence[Save],
    worked: Sequence[Save] = (),
    *,
    condition: Condition | None = None,
    dependencies: Mapping[str, str] | None = None,
    pairs: Sequence[tuple[Facts, Facts]] = (),
) -> str:
    """Return all steps about a cause, one a line."""
    return "\n".join(advise(Case(cause, failed, pairs, condition, worked, dependencies or {})))


def _span(
    identity: str, name: str, at: float, seconds: float, held: Mapping[str, AttributeValue],
    *, failed: bool = False, scope: str = names.SCOPE,
) -> Span:  # fmt: skip
    trace_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    start = NOON + round(at * 1e9)
    return Span(
        trace_id=trace_id, span_id=trace_id[:16], parent_span_id=None, name=name, kind="client", scope=scope,
        scope_version="", service="charts", start_nanoseconds=start,
        end_nanoseconds=start + round(seconds * 1e9), status="error" if failed else "unset",
        status_message="", attributes=held, resource={}, links=(), events=(),
    )  # fmt: skip
