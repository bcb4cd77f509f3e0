"""What switching capture on costs a process that has all that it watches loaded: time and memory."""

from __future__ import annotations

import statistics
import subprocess
import sys

_STARTS = 9
_PROGRAM = """
import os, sys, time
import boto3, flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

trace.set_tracer_provider(TracerProvider())
FlaskInstrumentor().instrument()
BotocoreInstrumentor().instrument()

def memory():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

held, began = memory(), time.perf_counter()
from otel_savetrace.capture.entry_point import switch_on
switch_on()
print(time.perf_counter() - began, memory() - held)
"""


def starting() -> None:
    """Measure and print."""
    seconds, held = [], []
    for _ in range(_STARTS):
        done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)  # noqa: S603 - ours
        took, grew = done.stdout.split()
        seconds.append(float(took))
        held.append(int(grew))
    print(
        f"switching on, {_STARTS} starts: {statistics.median(seconds) * 1000:.0f} ms"
        f" ({min(seconds) * 1000:.0f}-{max(seconds) * 1000:.0f}), {statistics.median(held) / 1e6:.1f} MB"
    )
