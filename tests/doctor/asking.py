"""Examinations for tests: with answers of the test's own, or of a real child."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from otel_savetrace.demo.processes import base_environment
from otel_savetrace.doctor.child import Answer, AppEnvironment
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding

ANSWER_SECONDS = 60.0


def point(name: str, module: str) -> dict[str, str]:
    """Make an entry point."""
    return {"name": name, "value": f"{module}:thing"}


ENTRY_POINTS = {
    "opentelemetry_distro": [point("distro", "opentelemetry.distro")],
    "opentelemetry_configurator": [point("configurator", "opentelemetry.distro")],
    "opentelemetry_instrumentor": [point("botocore", "ob"), point("flask", "of")],
    "opentelemetry_post_instrument": [point("savetrace", "otel_savetrace.capture.entry_point")],
    "opentelemetry_environment_variables": [point("savetrace", "otel_savetrace.environment_variables")],
}

OF_A_WELL_ONE: dict[str, Any] = {
    "distributions": {
        "python": "3.11.7",
        "executable": "/app/bin/python",
        "versions": {"botocore": "1.44.8", "otel-savetrace": "0.1.0"},
        "entry_points": ENTRY_POINTS,
        "gevent": False,
    },
    "settings": {"variables": [], "file": None, "file_error": None, "in_flight_error": None},
    "patience": {
        "service": "s3", "mode": "standard", "attempts": 3, "connect_timeout_seconds": 2.0,
        "read_timeout_seconds": 5.0, "patience_seconds": 24.0, "open_connections": 0,
    },
    "gunicorn": {"error": None, "worker_class": "sync", "timeout_seconds": 30, "preload": False},
    "loading": {
        "opentelemetry": True,
        "provider": "TracerProvider",
        "takes_processors": True,
        "switched_on": True,
        "processor": True,
        "flask": "instrumented",
        "botocore": "instrumented",
        "request_watch": True,
        "call_hooks": True,
        "seams": [{"place": "AWSConnection.send", "carries": "bytes sent", "in_place": True}],
        "caught": [],
        "sampler": "ParentBased{root:AlwaysOnSampler,remoteParentSampled:AlwaysOnSampler}",
        "service_name": "storymap",
    },
    "trial": {
        "status": 200, "saves": 1, "calls": 1, "attempts": 1, "outcome": "succeeded", "header_bytes": 829,
        "header_bytes_received": 829,
    },
    "canary": {"trace_id": "0" * 31 + "1", "service": "storymap", "sent_seconds": 0.0, "deliveries": []},
}  # fmt: skip
"""Answers of an app with which all is well."""

EXPORTER: dict[str, Any] = {
    "class_name": "OTLPSpanExporter",
    "kind": "grpc",
    "endpoint": "collector:4317",
    "secure": False,
    "timeout_seconds": 60.0,
    "queue_size": 2048,
    "delay_seconds": 5.0,
}


def delivered(
    stage: str = "delivered", status: str = "", detail: str = "", **exporter: Any
) -> dict[str, Any]:
    """Make what a child says of one exporter."""
    return {
        "exporter": {**EXPORTER, **exporter},
        "stage": stage,
        "status": status,
        "detail": detail,
        "seconds": 0.1,
    }


def answered(variables: Mapping[str, str] | None = None, log: str = "", **parts: Any) -> Circumstances:
    """Make an examination whose children have answered already: as a well one, but for `parts`.

    A part that is a mapping replaces only what it names. `app` is what stands after an import of it.
    """
    asked = Circumstances(
        AppEnvironment("/app/bin/python", variables or {}), app="web:app" if "app" in parts else None
    )
    told = {
        name: {**OF_A_WELL_ONE.get(name, {}), **part} if isinstance(part, Mapping) else part
        for name, part in {**OF_A_WELL_ONE, **parts}.items()
    }
    for child in ("plain", "instrumented", "imported"):
        asked.__dict__[child] = Answer(told, {}, log, "")
    return asked


def asking(variables: Mapping[str, str] | None = None, **named: Any) -> Circumstances:
    """Make an examination that asks real children of this Python, with these variables and no others."""
    folder: Path | None = named.pop("folder", None)
    python: str = named.pop("python", sys.executable)
    environment = AppEnvironment(python, {**base_environment(), **(variables or {})}, folder)
    return Circumstances(environment, **named)


def one_part(
    word: str, variables: Mapping[str, str], folder: Path | None = None, *, instrumented: bool = False
) -> Any:
    """Ask a real child for one part, in `folder` and with these variables and no others."""
    environment = AppEnvironment(sys.executable, {**base_environment(), **variables}, folder)
    return environment.ask([word], ANSWER_SECONDS, instrumented=instrumented).part(word.partition("=")[0])


def told(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Say what was found: subject, state and sentence, in order."""
    return [(one.subject, one.state, one.said) for one in findings]


def only(findings: Iterable[Finding]) -> Finding:
    """Return the one finding."""
    (one,) = findings
    return one


def states(findings: Iterable[Finding]) -> list[str]:
    """Return the states in order."""
    return [one.state for one in findings]
