"""Switched on and off, in code and by OpenTelemetry's entry point."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import flask
import pytest
from botocore.awsrequest import (
    AWSConnection,
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.endpoint import Endpoint
from opentelemetry.trace import NoOpTracerProvider
from s3transfer.futures import BoundedExecutor
from s3transfer.tasks import Task

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture import attempt, storage_call
from otel_savetrace.capture.state import current_call
from tests.fixture_capture import Captured, botocore_instrumentor, facts
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

_OWNERS = (
    Endpoint, AWSConnection, AWSHTTPConnection, AWSHTTPSConnection, AWSHTTPConnectionPool,
    AWSHTTPSConnectionPool, BoundedExecutor, Task,
)  # fmt: skip


def _state(captured: Captured) -> list[Any]:
    """Everything that switching on changes."""
    botocore = botocore_instrumentor()
    signals = (flask.got_request_exception, flask.request_finished)
    return [
        *(dict(owner.__dict__) for owner in _OWNERS),
        botocore.request_hook,
        botocore.response_hook,
        *(dict(signal.receivers) for signal in signals),
        captured.provider._active_span_processor._span_processors,
    ]


def test_switching_off_leaves_no_trace(instrumented: Captured, tmp_path: Any) -> None:
    """After `uninstrument` every class, hook, signal and processor is what it was before."""
    before = _state(instrumented)
    otel_savetrace.instrument(instrumented.provider, Settings(file=tmp_path / "spans.jsonl"))
    assert _state(instrumented) != before
    otel_savetrace.uninstrument()
    assert _state(instrumented) == before


def test_a_second_switching_on_does_nothing(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Switched on twice, each request still has one attempt span."""
    assert otel_savetrace.instrument(captured.provider, Settings())
    client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    assert len(captured.attempts) == 1


def test_the_users_own_hooks_still_run(
    instrumented: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Request and response hooks that the user gave to the instrumentation are called as before."""
    called = []
    botocore = botocore_instrumentor()
    botocore.uninstrument()
    botocore.instrument(
        tracer_provider=instrumented.provider,
        request_hook=lambda *_: called.append("request"),
        response_hook=lambda *_: called.append("response"),
    )
    otel_savetrace.instrument(instrumented.provider, Settings())
    client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    otel_savetrace.uninstrument()
    assert called == ["request", "response"]
    assert len(instrumented.attempts) == 1


def test_the_off_switch(instrumented: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """Switched off by its own variable, it changes nothing."""
    caplog.set_level(logging.INFO, "otel_savetrace")
    before = _state(instrumented)
    assert not otel_savetrace.instrument(instrumented.provider, Settings(enabled=False))
    assert _state(instrumented) == before
    assert caplog.messages == ["otel-savetrace is off: OTEL_SAVETRACE_ENABLED is false."]


def test_a_provider_that_takes_no_processor(caplog: pytest.LogCaptureFixture) -> None:
    """A provider without span processors costs one line in the log, and nothing is switched on."""
    assert not otel_savetrace.instrument(NoOpTracerProvider(), Settings())
    assert caplog.messages == [
        "otel-savetrace is off: the tracer provider (NoOpTracerProvider) takes no span processor."
        " The app runs without it."
    ]


def test_a_disabled_sdk(
    instrumented: Captured, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_SDK_DISABLED costs one line in the log, and nothing is switched on."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not otel_savetrace.instrument(instrumented.provider, Settings())
    assert caplog.messages == ["otel-savetrace is off: OTEL_SDK_DISABLED is true. The app runs without it."]


def test_a_file_that_cannot_be_written(
    instrumented: Captured, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """A span file in an impossible place costs one line: the variable, its value, what is used instead."""
    (tmp_path / "taken").write_text("a file, not a folder")
    path = tmp_path / "taken" / "spans.jsonl"
    assert otel_savetrace.instrument(instrumented.provider, Settings(file=path))
    otel_savetrace.uninstrument()
    (message,) = caplog.messages
    assert f"OTEL_SAVETRACE_FILE='{path}'" in message
    assert "no file is used instead" in message


class _NoSignal:
    """A signal of Flask before 2.3 where blinker is not installed."""

    def connect(self, *_: Any) -> None:
        raise RuntimeError("Signalling support is unavailable because the blinker library is not installed.")


def test_a_flask_without_signals(
    instrumented: Captured,
    store: RawStore,
    client_of: MakeClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Flask that has no signals costs one line in the log and the saves; storage calls are recorded."""
    monkeypatch.setattr(flask, "got_request_exception", _NoSignal())
    assert otel_savetrace.instrument(instrumented.provider, Settings())
    client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    otel_savetrace.uninstrument()
    assert caplog.messages == [
        "otel-savetrace: Flask has no signals without blinker, which is not installed;"
        " storage calls are recorded, saves are not."
    ]
    assert len(instrumented.attempts) == 1


def test_our_errors_never_reach_a_save(
    captured: Captured,
    store: RawStore,
    client_of: MakeClient,
    announced: set[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With every function of ours failing, a save goes through, and each failure is logged once."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(attempt, "_begin", fail)
    monkeypatch.setattr(attempt, "_end", fail)
    monkeypatch.setattr(storage_call, "end", fail)
    client = client_of(store)
    for _ in range(3):
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
    assert len(store.seen) == 3
    announced |= {
        "an attempt begins",
        "an attempt ends",
        "a storage call ends",
    }
    assert len(caplog.records) == len(announced)
    left = current_call.get()
    assert left is not None
    assert left.outer is None, "calls whose end went unnoticed do not hold on to one another"
    current_call.set(None)


def test_unsampled_calls_are_left_alone(store: RawStore, client_of: MakeClient) -> None:
    """A call that is not sampled makes no spans, and no trace header reaches the store."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF)
    botocore = botocore_instrumentor()
    botocore.instrument(tracer_provider=provider)
    otel_savetrace.instrument(provider, Settings())
    client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    otel_savetrace.uninstrument()
    botocore.uninstrument()
    assert store.seen[0].header("X-Amzn-Trace-Id") is None


def test_attempts_say_which_version_wrote_them(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """Attempt spans carry the package's name and version as their scope."""
    from importlib.metadata import version

    client_of(store).put_object(Bucket="bucket", Key="k", Body=b"1")
    scope = captured.attempts[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == (attribute.SCOPE, version("otel-savetrace"))
    assert facts(captured.attempts[0])
