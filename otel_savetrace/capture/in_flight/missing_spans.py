"""The spans that a dead process owes, made of what its file tells: same trace, same span, same start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import doing
from otel_savetrace.capture.in_flight import record
from otel_savetrace.capture.in_flight.record import Dead, Unfinished
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.state import object_attributes
from otel_savetrace.capture.storage_call import parts_of_key
from otel_savetrace.config import Settings

WORKER_KILLED = "worker_killed"
"""Error code of a save whose process was killed outright, before it had an answer."""

OUT_OF_MEMORY = "out_of_memory"

_STORED = {record.NO: attribute.NO, record.YES: attribute.YES, record.UNKNOWN: attribute.UNKNOWN}
_STATUS = {"http.method": "http.status_code", "http.request.method": "http.response.status_code"}


def missing_spans(
    dead: Dead, settings: Settings, scope: InstrumentationScope, own: Resource, *, for_memory: bool
) -> Iterator[ReadableSpan]:
    """Yield the span of each save that a dead process had not handed over, and of the call it was making.

    `own` is this process's resource, for a process that left none; `for_memory` says why it was killed.
    """
    held = dead.facts.get("resource")
    resource = Resource(held) if isinstance(held, dict) else own
    process = dead.facts.get("process")
    of_process: Mapping[str, Any] = process if isinstance(process, dict) else {}
    for save in dead.saves:
        known: Known = {**save.names, **of_process, **_of_object(settings, save.object), **save.about}
        known[attribute.REQUESTS_SERVED] = save.number
        known[attribute.FROM_RECORD] = True
        if save.outcome == record.UNANSWERED:
            if save.call_span_id:
                yield _call(dead, save, _told_by_key(settings, known), resource, scope)
            yield _killed(dead, save, known, resource, scope, for_memory=for_memory)
        else:
            yield _answered(save, known, resource, scope)


def _of_object(settings: Settings, written: tuple[str, str] | None) -> dict[str, str]:
    if written is None:
        return {}
    return {**parts_of_key(settings, written[1]), **object_attributes(*written)}


def _told_by_key(settings: Settings, known: Known) -> Known:
    names = (*settings.key_names, attribute.S3_BUCKET, attribute.S3_KEY)
    return {name: known[name] for name in names if name in known}


def _killed(
    dead: Dead,
    save: Unfinished,
    known: Known,
    resource: Resource,
    scope: InstrumentationScope,
    *,
    for_memory: bool,
) -> ReadableSpan:
    known[attribute.OUTCOME] = attribute.FAILED
    known[attribute.ERROR_CODE] = known[attribute.ERROR_TYPE] = WORKER_KILLED
    known[attribute.STAGE] = attribute.PROCESS
    known[attribute.STORED] = _STORED[save.stored]
    known[attribute.DOING] = doing_of(save)
    reason = OUT_OF_MEMORY if for_memory else dead.reason
    if reason is not None:
        known[attribute.KILLED_BY] = reason
    return _span(
        save, known, resource, scope, _last_alive(dead, save), Status(StatusCode.ERROR, WORKER_KILLED)
    )


def _call(
    dead: Dead, save: Unfinished, known: Known, resource: Resource, scope: InstrumentationScope
) -> ReadableSpan:
    """Return the span of the storage call under way, on which its attempts hang."""
    about = dict(known)
    about[attribute.RPC_SYSTEM], about[attribute.RPC_SERVICE] = "aws-api", "S3"
    about[attribute.RPC_METHOD] = save.operation
    about[attribute.ERROR_CODE] = about[attribute.ERROR_TYPE] = WORKER_KILLED
    about[attribute.FROM_RECORD] = True
    flags = TraceFlags(save.trace_flags)
    return ReadableSpan(
        name=f"S3.{save.operation}",
        context=SpanContext(save.trace_id, save.call_span_id, is_remote=False, trace_flags=flags),
        parent=SpanContext(save.trace_id, save.span_id, is_remote=False, trace_flags=flags),
        resource=resource,
        attributes=about,
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR, WORKER_KILLED),
        start_time=save.call_started,
        end_time=_last_alive(dead, save),
        instrumentation_scope=scope,
    )


def _last_alive(dead: Dead, save: Unfinished) -> int:
    """Return the latest moment at which the process is known to have lived, in nanoseconds since 1970."""
    seen = save.seen[0] if save.seen is not None else 0
    return max(save.started, save.stepped, seen, dead.alive)


def _answered(
    save: Unfinished, known: Known, resource: Resource, scope: InstrumentationScope
) -> ReadableSpan:
    failed = save.outcome == record.FAILED
    known[attribute.OUTCOME] = attribute.FAILED if failed else attribute.SUCCEEDED
    if save.wrote or failed:
        known[attribute.STORED] = _STORED[save.stored]
    if save.status:
        known.update({status: save.status for method, status in _STATUS.items() if method in save.names})
    status = Status(StatusCode.ERROR, str(known.get(attribute.ERROR_CODE, ""))) if failed else Status()
    return _span(save, known, resource, scope, max(save.answered, save.started), status)


def doing_of(save: Unfinished) -> str:
    """Return what a save was last seen doing, in the words of `otel_savetrace.capture.doing`."""
    if save.seen is not None and save.seen[0] >= save.stepped:
        return save.seen[1]
    number, allowed, operation = save.attempt, save.attempts_allowed, save.operation
    words = {
        record.PREPARING: doing.preparing(operation),
        record.ATTEMPT: doing.numbered(number, allowed, operation),
        record.BACKING_OFF: doing.backing_off(number, allowed, operation),
        record.FINISHING: doing.finishing(operation),
    }
    return words.get(save.step, doing.IN_THE_APP)


def _span(
    save: Unfinished,
    known: Known,
    resource: Resource,
    scope: InstrumentationScope,
    ended: int,
    status: Status,
) -> ReadableSpan:
    flags = TraceFlags(save.trace_flags)
    parent = None
    if save.parent_span_id is not None:
        parent = SpanContext(save.trace_id, save.parent_span_id, save.parent_is_remote, flags)
    return ReadableSpan(
        name=save.name,
        context=SpanContext(save.trace_id, save.span_id, is_remote=False, trace_flags=flags),
        parent=parent,
        resource=resource,
        attributes=known,
        kind=SpanKind.SERVER,
        status=status,
        start_time=save.started,
        end_time=ended,
        instrumentation_scope=scope,
    )
