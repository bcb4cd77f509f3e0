"""Whether it is installed, is found by OpenTelemetry, and which distribution goes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import EntryPoint
from otel_savetrace.doctor.findings import Finding, failure, ok, warning

ENTRY_POINTS = ("opentelemetry_post_instrument", "opentelemetry_environment_variables")
"""Groups in which OpenTelemetry looks for us."""

ANOTHER_PYTHON = "name the app's Python with --python"


def installed(asked: Circumstances) -> Iterator[Finding]:
    """Look at the Python environment: is it there, is it found, which distribution goes first."""
    facts = asked.distributions
    groups = facts["entry_points"]
    missing = [group for group in ENTRY_POINTS if "savetrace" not in _names(groups[group])]
    if missing:
        yield failure(
            "installed",
            f"its entry point {missing[0]} is missing, so that OpenTelemetry does not find it",
            "pip install --force-reinstall --no-deps otel-savetrace",
        )
    else:
        version = facts["versions"].get("otel-savetrace", "")
        yield ok("installed", f"otel-savetrace {version} in {facts['executable']}")
    if without_distribution(asked):
        yield failure(
            "distribution",
            "none is installed: opentelemetry-instrument starts nothing that makes spans",
            "pip install opentelemetry-distro, or the distribution of your backend",
        )
    yield from _chosen("distribution", groups["opentelemetry_distro"], asked, "OTEL_PYTHON_DISTRO")
    yield from _chosen(
        "configurator", groups["opentelemetry_configurator"], asked, "OTEL_PYTHON_CONFIGURATOR"
    )


def unanswered(check: str, python: str, reason: str) -> Finding:
    """Return what is told where the app's environment does not answer a check."""
    if "No module named 'otel_savetrace" in reason:
        return failure(
            "installed",
            f"{python} has no otel-savetrace",
            f"{python} -m pip install otel-savetrace, or {ANOTHER_PYTHON}",
        )
    return failure(check, f"it cannot be told: {reason}", f"correct what this names, or {ANOTHER_PYTHON}")


def _names(points: Sequence[EntryPoint]) -> list[str]:
    return [point["name"] for point in points]


def without_distribution(asked: Circumstances) -> bool:
    """Return whether nothing is installed that makes OpenTelemetry start."""
    return not asked.distributions["entry_points"]["opentelemetry_configurator"]


def _chosen(
    what: str, points: Sequence[EntryPoint], asked: Circumstances, variable: str
) -> Iterator[Finding]:
    """Several of a kind: the first one met is taken, unless a variable names another."""
    chosen, names = asked.given(variable), _names(points)
    if chosen and chosen not in names:
        yield failure(
            what,
            f"{variable}={chosen} names none that is installed ({', '.join(names) or 'there are none'})",
            f"set it to one of those, or install what brings {chosen}",
        )
        return
    fitting = [point for point in points if chosen in {"", point["name"]}]
    if len(fitting) > 1:
        # Elastic's bears the names of OpenTelemetry's own: no variable tells those apart.
        apart = len(set(_names(fitting))) > 1
        told = _names(fitting) if apart else [point["value"].partition(":")[0] for point in fitting]
        yield warning(
            what,
            f"{' and '.join(told)} are installed; the first that is met on disk is taken, here {told[0]}",
            f"set {variable} to one of them" if apart else "pip uninstall the one that is not wanted",
        )
