"""Whether a span arrives where it is looked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from otel_savetrace.analysis.words import duration
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.exporter import described
from otel_savetrace.doctor.findings import Finding, failure, note, ok
from otel_savetrace.errors import SourceError
from otel_savetrace.spans.reading import Query
from otel_savetrace.spans.sources import read

HOW_TO_NAME_ONE = "savetrace doctor http://JAEGER:16686, or SAVETRACE_SOURCE in the environment"

_POLL_SECONDS = 0.2


def arrival(asked: Circumstances) -> Iterator[Finding]:
    """Look for the canary in the source until it is there or the time is up."""
    source, canary = asked.source, asked.canary
    if source is None:
        yield note("canary", "not looked for: no Jaeger is named", HOW_TO_NAME_ONE)
        return
    if not any(delivery["stage"] == "delivered" for delivery in canary["deliveries"]):
        yield note("canary", "not looked for: no exporter took it")
        return
    deadline = time.monotonic() + asked.wait_seconds
    try:
        while not _holds(source, canary["trace_id"]):
            if time.monotonic() > deadline:
                yield _missing(asked)
                return
            time.sleep(_POLL_SECONDS)
    except SourceError as error:
        yield failure(
            "canary", str(error).rstrip("."), f"name the one that spans are sent to: {HOW_TO_NAME_ONE}"
        )
        return
    took = duration(max(0.0, time.time() - canary["sent_seconds"]))
    yield ok(
        "canary",
        f"a span of {canary['service']} is in {source} {took} after it was sent (trace {canary['trace_id']})",
    )


def _holds(source: str, trace_id: str) -> bool:
    # A source may answer more than it is asked for; a file gives everything.
    return any(span.trace_id == trace_id for span in read(source, Query(trace_ids=(trace_id,))).spans)


def _missing(asked: Circumstances) -> Finding:
    took = ", ".join(
        described(one["exporter"]) for one in asked.canary["deliveries"] if one["stage"] == "delivered"
    )
    return failure(
        "canary",
        f"{took} took it, and it is not in {asked.source} after {duration(asked.wait_seconds)}"
        f" (trace {asked.canary['trace_id']})",
        "look at the Collector's log: where does it send, does it sample; or wait longer with --wait",
    )
