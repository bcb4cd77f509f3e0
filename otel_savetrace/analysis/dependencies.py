"""Other services that saves needed, and that failed: a database's span with an error, say."""

from __future__ import annotations

from collections.abc import Iterable, Set

from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.spans.rows import Span


def failed_dependencies(spans: Iterable[Span], trace_ids: Set[str]) -> dict[str, str]:
    """Return of each trace, of those with these ids, the last service whose call ended in an error."""
    found: dict[str, tuple[int, str]] = {}
    for span in spans:
        if span.status != "error" or span.kind != "client" or span.trace_id not in trace_ids:
            continue
        if is_call(span) or is_attempt(span) or _is_http_to_store(span):
            continue
        before = found.get(span.trace_id)
        if before is None or before[0] < span.end_nanoseconds:
            found[span.trace_id] = (span.end_nanoseconds, _name(span))
    return {trace_id: name for trace_id, (_, name) in found.items()}


def _is_http_to_store(span: Span) -> bool:
    """Below a storage call that botocore's instrumentation did not silence stands its client's own span."""
    return "amazonaws" in str(span.attributes.get("http.url") or span.attributes.get("url.full") or "")


def _name(span: Span) -> str:
    for attribute in ("db.system.name", "db.system", "rpc.service", "messaging.system", "server.address"):
        if span.attributes.get(attribute):
            return str(span.attributes[attribute])
    return span.name
