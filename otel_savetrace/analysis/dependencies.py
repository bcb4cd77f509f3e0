"""Other services that saves needed, and that failed: a database's span with an error, say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set

from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.analysis.witnesses import is_browsers
from otel_savetrace.spans.rows import Span


def failed_dependencies(spans: Iterable[Span], trace_ids: Set[str]) -> dict[str, str]:
    """Return of each trace, of those with these ids, the last service whose call ended in an error.

    A call that was made again and worked is no failure.
    """
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.trace_id in trace_ids and span.kind == "client" and not is_browsers(span):
            traces[span.trace_id].append(span)
    found = {trace_id: _last_failed(held) for trace_id, held in traces.items()}
    return {trace_id: _name(span) for trace_id, span in found.items() if span is not None}


def _last_failed(spans: Iterable[Span]) -> Span | None:
    held = sorted(spans, key=lambda span: span.end_nanoseconds)
    of_storage = {span.span_id for span in held if is_call(span) or is_attempt(span)}
    last: dict[tuple[str, str], Span] = {}
    for span in held:
        # Below a storage call that botocore's instrumentation did not silence stands its client's own span.
        if not of_storage & {span.span_id, span.parent_span_id} and not _is_http_to_aws(span):
            last[_name(span), span.name] = span
    failed = [span for span in last.values() if span.status == "error"]
    return max(failed, key=lambda span: span.end_nanoseconds, default=None)


def _is_http_to_aws(span: Span) -> bool:
    return "amazonaws" in str(span.attributes.get("http.url") or span.attributes.get("url.full") or "")


def _name(span: Span) -> str:
    for attribute in ("db.system.name", "db.system", "rpc.service", "messaging.system", "server.address"):
        if span.attributes.get(attribute):
            return str(span.attributes[attribute])
    return span.name
