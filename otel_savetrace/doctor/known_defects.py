"""Versions and settings that are known to bite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otel_savetrace.analysis.words import duration
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding, failure, note, ok, warning

ZERO_LENGTH_PUT_MENDED = (1, 43, 77)
"""botocore#3755: until then a PUT of no bytes spoils its connection."""

CHECKSUMS_SINCE = (1, 36)
"""From here on botocore sends checksums that some S3-compatible stores refuse (boto3#4392, #4398)."""

LOG_AUTO_INSTRUMENTATION = "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION"

PATIENT_SECONDS = 60.0
USUAL_EXPORT_SECONDS = 10.0
USUAL_QUEUE = 2048
LONGEST_DELAY_SECONDS = 30.0

_NUMBERS = re.compile(r"\d+")
_RATIO = re.compile(r"TraceIdRatioBased\{([\d.]+)\}")
_DROPS_ALL = re.compile(r"^(AlwaysOffSampler|ParentBased\{root:AlwaysOffSampler)")


def version(text: str) -> tuple[int, ...]:
    """Return a version's first three numbers, for comparison."""
    return tuple(int(number) for number in _NUMBERS.findall(text)[:3])


def logging_instrumentation(asked: Circumstances) -> Iterator[Finding]:
    """opentelemetry-instrumentation-logging takes log lines off standard error, unless told otherwise."""
    disabled = {one.strip() for one in asked.given("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS").split(",")}
    if "opentelemetry-instrumentation-logging" not in asked.distributions["versions"]:
        yield ok(
            "log lines", "opentelemetry-instrumentation-logging is not installed: they stay where they are"
        )
    elif disabled & {"logging", "*"} or asked.given(LOG_AUTO_INSTRUMENTATION).lower() == "false":
        yield ok(
            "log lines", "opentelemetry-instrumentation-logging is switched off: they stay where they are"
        )
    else:
        yield warning(
            "log lines",
            "opentelemetry-instrumentation-logging takes ours off standard error, and those of an app"
            " that sets up no logging",
            f"set {LOG_AUTO_INSTRUMENTATION}=false",
        )


def botocore(asked: Circumstances) -> Iterator[Finding]:
    """Defects of botocore by its version."""
    installed = asked.distributions["versions"].get("botocore")
    if installed is None:
        return
    if version(installed) < ZERO_LENGTH_PUT_MENDED:
        yield warning(
            "botocore",
            f"{installed}: after a PUT of no bytes the next one on its connection waits for the read timeout"
            " and is sent twice (botocore#3755)",
            "pip install --upgrade 'botocore>=1.43.77' boto3",
        )
    else:
        yield ok("botocore", f"{installed} has no defect that we know of")
    endpoint = asked.given("AWS_ENDPOINT_URL_S3") or asked.given("AWS_ENDPOINT_URL")
    if (
        endpoint
        and version(installed) >= CHECKSUMS_SINCE
        and not asked.given("AWS_REQUEST_CHECKSUM_CALCULATION")
    ):
        yield note(
            "checksums",
            "botocore sends them unasked, and some S3-compatible stores refuse them (boto3#4392)",
            "where saves fail for it: AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
        )


def sampler(asked: Circumstances) -> Iterator[Finding]:
    """A sampler in the app drops failed saves with the rest: it decides before anything is known."""
    described = asked.loading["sampler"]
    ratio = _RATIO.search(described)
    if _DROPS_ALL.search(described):
        yield failure("sampler", "it drops every trace", "unset OTEL_TRACES_SAMPLER")
    elif ratio and float(ratio[1]) < 1:
        yield warning(
            "sampler",
            f"it keeps {float(ratio[1]):.4g} of all traces; failed saves are among those it drops",
            "unset OTEL_TRACES_SAMPLER, and sample in the Collector, which knows what failed",
        )
    elif described:
        yield ok("sampler", "it drops nothing that begins here")


def export_patience(asked: Circumstances) -> Iterator[Finding]:
    """How long an exporter tries, how much waits meanwhile, and how often it sends."""
    for delivery in asked.canary["deliveries"]:
        exporter = delivery["exporter"]
        seconds, queue, delay = (
            exporter[name] for name in ("timeout_seconds", "queue_size", "delay_seconds")
        )
        if exporter["kind"] not in {"grpc", "http"}:
            continue
        todo = f"OTEL_EXPORTER_OTLP_TIMEOUT={PATIENT_SECONDS:g} rides out a Collector's restart"
        if seconds is not None and seconds < USUAL_EXPORT_SECONDS:
            yield warning(
                "export timeout",
                f"{duration(seconds)}: a Collector that is gone for longer costs spans",
                todo,
            )
        elif seconds is not None and seconds < PATIENT_SECONDS:
            yield note(
                "export timeout",
                f"{duration(seconds)}: a Collector that is gone for longer costs spans",
                todo,
            )
        elif seconds is not None:
            yield ok("export timeout", f"{duration(seconds)}")
        if queue is not None and queue < USUAL_QUEUE:
            yield warning(
                "export queue",
                f"{queue:,} spans: what comes after that is dropped",
                f"OTEL_BSP_MAX_QUEUE_SIZE={USUAL_QUEUE} is the default",
            )
        if delay is not None and delay > LONGEST_DELAY_SECONDS:
            yield warning(
                "export delay",
                f"spans wait up to {duration(delay)}; a worker that is killed takes them along",
                "unset OTEL_BSP_SCHEDULE_DELAY (default 5,000 ms)",
            )
