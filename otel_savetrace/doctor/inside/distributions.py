"""What is installed."""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
from importlib import metadata

from otel_savetrace.doctor.facts import Distributions, EntryPoint

NAMES = (
    "otel-savetrace",
    "boto3",
    "botocore",
    "s3transfer",
    "urllib3",
    "flask",
    "werkzeug",
    "gunicorn",
    "gevent",
)
GROUPS = (
    "opentelemetry_distro",
    "opentelemetry_configurator",
    "opentelemetry_instrumentor",
    "opentelemetry_post_instrument",
    "opentelemetry_environment_variables",
)


def distributions(_: str) -> Distributions:
    """Return the versions of what matters, and the entry points that OpenTelemetry looks for."""
    versions: dict[str, str] = {}
    for found in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", str(found.metadata["Name"] or "")).lower()
        if name in NAMES or name.startswith(("opentelemetry", "elastic-opentelemetry", "aws-opentelemetry")):
            # The first one found is the one that is imported.
            versions.setdefault(name, found.version)
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": dict(sorted(versions.items())),
        "entry_points": {group: _entry_points(group) for group in GROUPS},
        "gevent": importlib.util.find_spec("gevent") is not None,
    }


def _entry_points(group: str) -> list[EntryPoint]:
    """Return the entry points of a group in the order in which OpenTelemetry meets them."""
    found: dict[str, EntryPoint] = {}
    for one in metadata.entry_points(group=group):
        found.setdefault(one.value, {"name": one.name, "value": one.value})
    return list(found.values())
