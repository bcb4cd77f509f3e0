"""Which versions take part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.findings import Finding, note, warning

FAMILIES: Sequence[tuple[str, Sequence[str]]] = (
    ("S3", ("boto3", "botocore", "s3transfer", "urllib3")),
    ("web", ("flask", "werkzeug", "gunicorn")),
)
CORE = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-distro")
OTHER_DISTRIBUTIONS = ("aws-opentelemetry", "elastic-opentelemetry")
_INSTRUMENTATION = "opentelemetry-instrumentation"


def versions(asked: Circumstances) -> Iterator[Finding]:
    """Tell the versions of what takes part."""
    facts = asked.distributions
    held = facts["versions"]
    yield note("Python", f"{facts['python']} ({facts['executable']})")
    others = [name for name in held if name.startswith(OTHER_DISTRIBUTIONS)]
    yield note("OpenTelemetry", _told([*CORE, *others], held))
    yield note("instrumentations", _instrumentations(held) or "none")
    for family, names in FAMILIES:
        yield note(family, _told(names, held))
    yield from _apart(held)


def _told(names: Sequence[str], held: dict[str, str]) -> str:
    return ", ".join(
        f"{name.removeprefix('opentelemetry-')} {held.get(name, 'not installed')}" for name in names
    )


def _instrumentations(held: dict[str, str]) -> str:
    """Return the instrumentations, those of one version together."""
    by_version: dict[str, list[str]] = {}
    for name, version in held.items():
        if name.startswith(f"{_INSTRUMENTATION}-"):
            by_version.setdefault(version, []).append(name.removeprefix(f"{_INSTRUMENTATION}-"))
    return "; ".join(f"{', '.join(names)} {version}" for version, names in by_version.items())


def _apart(held: dict[str, str]) -> Iterator[Finding]:
    """OpenTelemetry's packages pin one another: releases that do not belong together fail in odd ways."""
    for names in (("opentelemetry-api", "opentelemetry-sdk"), (_INSTRUMENTATION, "opentelemetry-distro")):
        found = {held[name] for name in names if name in held}
        if len(found) > 1:
            yield warning(
                "OpenTelemetry",
                f"{_told(names, held)} are of different releases",
                f"pip install --upgrade {' '.join(names)}",
            )
    contrib = {version for name, version in held.items() if name.startswith(_INSTRUMENTATION)}
    if len(contrib) > 1:
        yield warning(
            "OpenTelemetry",
            f"instrumentations are of different releases: {', '.join(sorted(contrib))}",
            "install one release of all of them",
        )
