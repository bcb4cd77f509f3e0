"""Where capture stands in botocore: which of its methods carry which facts."""

from __future__ import annotations

import socket
from typing import Any

from botocore import awsrequest as aws
from botocore.endpoint import Endpoint
from botocore.retries.standard import RetryQuotaChecker
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

from otel_savetrace.capture import attempt
from otel_savetrace.capture import connection as wire
from otel_savetrace.capture.seam import Seam
from otel_savetrace.capture.span_writer import AttemptSpans
from otel_savetrace.config import Settings


def call_seams(spans: AttemptSpans, settings: Settings) -> tuple[Seam, ...]:
    """Return the seams through which a call's attempts pass."""
    made = attempt.wrap_prepare_request(() if settings.propagate else _trace_headers())
    return (
        Seam(Endpoint, "_get_response", attempt.wrap_get_response(spans), "attempts"),
        Seam(Endpoint, "prepare_request", made, "the backoff before an attempt"),
        Seam(RetryQuotaChecker, "acquire_retry_quota", attempt.wrap_acquire_retry_quota, "the retry quota"),
    )


def _trace_headers() -> tuple[str, ...]:
    """Return what OpenTelemetry's botocore instrumentation may add: AWS's distribution has it add more."""
    botocore: Any = BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # OpenTelemetry's, untyped
    return tuple(botocore.propagator.fields)


def connection_seams() -> tuple[Seam, ...]:
    """Return the seams through which a request goes to the wire."""
    plain, secure = aws.AWSHTTPConnection, aws.AWSHTTPSConnection
    both = (
        ("_new_conn", wire.wrap_new_conn, "the time to connect"),
        ("getresponse", wire.wrap_getresponse, "the time to the first byte"),
    )
    pools = aws.AWSHTTPConnectionPool, aws.AWSHTTPSConnectionPool
    return (
        Seam(aws.AWSConnection, "_send_output", wire.wrap_send_output, "header bytes"),
        Seam(aws.AWSConnection, "send", wire.wrap_send, "bytes sent"),
        Seam(aws.AWSConnection, "_handle_expect_response", wire.wrap_handle_expect_response, "100-continue"),
        Seam(
            aws.AWSConnection,
            "_is_100_continue_status",
            wire.wrap_is_100_continue_status,
            "the time to 100-continue",
        ),
        Seam(plain, "connect", wire.wrap_connect(secure=False), "the peer's address"),
        Seam(secure, "connect", wire.wrap_connect(secure=True), "the peer's address"),
        *(Seam(owner, *seam) for owner in (plain, secure) for seam in both),
        *(Seam(pool, "_put_conn", wire.wrap_put_conn, "until when a connection was used") for pool in pools),
        Seam(socket, "getaddrinfo", wire.wrap_getaddrinfo, "the time to resolve a name"),
    )
