"""Whether it is loaded: not switched off, and in place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otel_savetrace.analysis.words import count
from otel_savetrace.doctor.child import Answer
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import Loading
from otel_savetrace.doctor.findings import Finding, failure, note, ok, warning
from otel_savetrace.doctor.installation import ANOTHER_PYTHON, without_distribution

SWITCHES = (
    ("OTEL_SAVETRACE_ENABLED", frozenset({"false", "off", "0", "no"}), "otel-savetrace does nothing"),
    ("OTEL_SDK_DISABLED", frozenset({"true"}), "OpenTelemetry makes no spans"),
)

DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
LOST_WITH = {
    "*": "nothing is recorded",
    "botocore": "storage calls are not recorded",
    "flask": "saves are not recorded",
}
"""What is lost where an instrumentation is disabled."""

_FAILED_TO_START = "Failed to auto initialize OpenTelemetry"
_ERROR_LINE = re.compile(r"[\w.]+(: .*)?")


def switched_off(asked: Circumstances) -> Iterator[Finding]:
    """Look at the variables that switch something off."""
    for name, words, consequence in SWITCHES:
        value = asked.given(name)
        if value.lower() in words:
            yield failure("switched off", f"{name}={value}: {consequence}", f"unset {name}")
    for name in sorted(_disabled(asked) & LOST_WITH.keys()):
        yield failure("switched off", f"{DISABLED} names {name}: {LOST_WITH[name]}", f"take {name} out of it")
    if asked.given("OTEL_CONFIG_FILE"):
        yield note(
            "OTEL_CONFIG_FILE",
            f"{asked.given('OTEL_CONFIG_FILE')}: exporters and sampler come from there, not from variables",
        )


def _disabled(asked: Circumstances) -> set[str]:
    return {name.strip() for name in asked.given(DISABLED).split(",")}


def switched_on(asked: Circumstances) -> Iterator[Finding]:
    """Start a child behind opentelemetry-instrument and look at what stands in it.

    What a variable has switched off is told by `switched_off`, a missing distribution by `installed`, and
    neither once more.
    """
    facts = asked.loading
    off = any(finding.state == "failure" for finding in switched_off(asked))
    told = off or without_distribution(asked)
    not_started = _not_started(facts, asked.instrumented)
    if not_started is not None and not told:
        yield not_started
    if not_started is None:
        yield from _instrumentations(facts, _disabled(asked))
    if facts["switched_on"]:
        yield from _in_place(facts)
    elif not (told or not_started):
        yield failure(
            "otel-savetrace",
            "it is not switched on behind opentelemetry-instrument",
            "look for its name in the log of the app's start, where it says why",
        )


def _not_started(facts: Loading, answer: Answer) -> Finding | None:
    reason = _reason(answer)
    if reason:
        return failure(
            "OpenTelemetry",
            f"it failed to start: {reason}",
            "correct what this names; until then the app runs without any tracing",
        )
    if not facts["opentelemetry"]:
        return failure(
            "OpenTelemetry",
            "opentelemetry-instrument did not start it",
            "see that no other sitecustomize.py stands on PYTHONPATH before OpenTelemetry's",
        )
    if not facts["takes_processors"]:
        return failure(
            "OpenTelemetry",
            f"its tracer provider ({facts['provider']}) takes no span processor",
            "give OTEL_CONFIG_FILE a tracer_provider, or unset it",
        )
    return None


def _reason(answer: Answer) -> str:
    """Return the error with which OpenTelemetry gave up, empty where it did not."""
    _, failed, after = answer.log.partition(_FAILED_TO_START)
    if not failed:
        return ""
    lines = [line for line in after.splitlines() if _ERROR_LINE.fullmatch(line)]
    return lines[-1] if lines else "its log does not say why"


def _instrumentations(facts: Loading, disabled: set[str]) -> Iterator[Finding]:
    states = {"Flask": facts["flask"], "botocore": facts["botocore"]}
    for name, state in states.items():
        package = name.lower()
        lost = LOST_WITH[package]
        if state == "not installed":
            yield warning(name, f"it is not installed: {lost}", f"pip install {package}, or {ANOTHER_PYTHON}")
        elif state == "not instrumented" and not disabled & {package, "*"}:
            yield failure(
                name,
                f"OpenTelemetry has not instrumented it: {lost}",
                f"pip install opentelemetry-instrumentation-{package}, and see that its versions fit",
            )
    on = [name for name, state in states.items() if state == "instrumented"]
    if on:
        yield ok("OpenTelemetry", f"{' and '.join(on)} {'are' if len(on) > 1 else 'is'} instrumented")


def _in_place(facts: Loading) -> Iterator[Finding]:
    parts = {
        "the span processor": facts["processor"],
        "the hook on storage calls": facts["call_hooks"] or facts["botocore"] == "not installed",
        "the watch on requests": facts["request_watch"] or facts["flask"] == "not installed",
    }
    for part in (name for name, there in parts.items() if not there):
        yield failure(
            "otel-savetrace",
            f"{part} is missing",
            "another tool took its place, or Flask lacks blinker: the log of the app's start says which",
        )
    for seam in facts["seams"]:
        if not seam["in_place"]:
            yield warning(
                "otel-savetrace",
                f"{seam['place']} is not in this version of its library: {seam['carries']} cannot be told",
                "use a version of it that otel-savetrace knows, or tell us of this one",
            )
    for caught in facts["caught"]:
        yield warning(
            "otel-savetrace",
            f"it caught an error of its own: {caught}",
            "report it with the log of the app's start",
        )
    if all(parts.values()):
        seams = count(sum(seam["in_place"] for seam in facts["seams"]), "seam")
        yield ok("otel-savetrace", f"switched on: processor, hooks and {seams} are in place")
