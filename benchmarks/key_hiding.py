"""What `OTEL_SAVETRACE_KEYS=hash` and `none` cost a save: microseconds of CPU; `plain` runs none of it.

Run with ``python -m benchmarks.key_hiding [--rounds N] [--saves N]``. A Flask app saves one object over a
real connection, once; the spans of that save are then given to `KeyPrivacy` over and over, each time as
another trace, in the order in which they started and ended. Printed is the median of the rounds, with the
quickest and the slowest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import boto3
import flask
from botocore.config import Config
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.keys.privacy import KeyPrivacy
from otel_savetrace.config import KeyMode
from tests.raw_store import RawStore, refused

PATTERN = KeyPattern.parse("storymapjs/{storymap.user_id}/{storymap.id}/{storymap.file}")
KEY = "storymapjs/0cc175b9c0f1b6a831c399e269772661/my-map/draft.json"
MODES: tuple[KeyMode, ...] = ("hash", "none")


def _app(store: RawStore) -> flask.Flask:
    client = boto3.client(
        "s3",
        endpoint_url=store.address,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106 - of a store in this process
        config=Config(retries={"mode": "standard", "max_attempts": 0}, s3={"addressing_style": "path"}),
    )
    app = flask.Flask("maps")

    @app.post("/save/<storymap_id>")
    def save(storymap_id: str) -> dict[str, str]:
        try:
            client.put_object(Bucket="maps", Key=KEY, Body=b"x" * 5_000)
        except client.exceptions.ClientError as error:
            return {"error": f"{storymap_id}: {error}"}
        return {"id": storymap_id}

    return app


def _spans_of_a_save(*, failing: bool) -> list[ReadableSpan]:
    """Return the spans of one save, in the order of their ends."""
    exporter, provider, store = InMemorySpanExporter(), TracerProvider(), RawStore()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    flask_instrumentor: Any = FlaskInstrumentor()
    botocore: Any = BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # OpenTelemetry's, untyped
    flask_instrumentor.instrument(tracer_provider=provider)
    botocore.instrument(tracer_provider=provider)
    otel_savetrace.instrument(provider, Settings(key_patterns=(PATTERN,)))
    store.script = [refused("503 Slow Down", "SlowDown")] if failing else []
    answer = _app(store).test_client().post("/save/my-map").get_json()
    assert ("error" in answer) == failing
    otel_savetrace.uninstrument()
    botocore.uninstrument()
    flask_instrumentor.uninstrument()
    store.stop()
    return list(exporter.get_finished_spans())


def _in_trace(spans: Sequence[ReadableSpan], trace_id: int) -> list[Any]:
    return [
        ReadableSpan(
            name=span.name,
            context=SpanContext(trace_id, span.context.span_id, is_remote=False),
            parent=span.parent,
            resource=span.resource,
            attributes=span._attributes,
            events=span.events,
            kind=span.kind,
            status=span.status,
            instrumentation_scope=span.instrumentation_scope,
        )
        for span in spans
    ]


def _microseconds(mode: KeyMode, spans: Sequence[ReadableSpan], saves: int) -> float:
    """Return the CPU time for one save."""
    privacy = KeyPrivacy(Settings(keys=mode, key_patterns=(PATTERN,)), None)
    traces = [_in_trace(spans, number + 1) for number in range(saves)]
    handed_on = 0
    began = time.thread_time()
    for trace in traces:
        for span in reversed(trace):
            privacy.starts(span)
        privacy.note_call(NonRecordingSpan(trace[0].context), {"Bucket": "maps", "Key": KEY})
        for span in trace:
            handed_on += len(list(privacy.ends(span)))
    ended = time.thread_time()
    assert handed_on == saves * len(spans)
    return (ended - began) / saves * 1e6


def main() -> None:
    """Measure a save that succeeds, then one that fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--saves", type=int, default=200)
    chosen = parser.parse_args()
    for failing in (False, True):
        spans = _spans_of_a_save(failing=failing)
        for mode in MODES:
            costs = [_microseconds(mode, spans, chosen.saves) for _ in range(chosen.rounds)]
            print(
                f"{mode}, a save that {'fails' if failing else 'succeeds'}, {len(spans)} spans:"
                f" {statistics.median(costs):.0f} µs ({min(costs):.0f} to {max(costs):.0f})"
            )


if __name__ == "__main__":
    main()
