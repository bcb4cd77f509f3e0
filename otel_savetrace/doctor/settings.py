"""Which settings came from where. No secret is told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import SettingFacts
from otel_savetrace.doctor.findings import Finding, failure, note, ok, warning
from otel_savetrace.doctor.secrets import HEADERS, SECRET

OTHERS = re.compile(r"OTEL_\w+|AWS_\w+|GUNICORN_CMD_ARGS|SAVETRACE_SOURCE")
"""Variables of others that have a say; those of AWS only as far as `SHOWN` goes."""

SHOWN = re.compile(
    r"OTEL_SERVICE_NAME|OTEL_SDK_DISABLED|OTEL_CONFIG_FILE|OTEL_(TRACES|METRICS|LOGS)_EXPORTER|OTEL_PROPAGATORS"
    r"|OTEL_TRACES_SAMPLER(_ARG)?|OTEL_BSP_\w+|OTEL_LOG_LEVEL|OTEL_SEMCONV_STABILITY_OPT_IN|OTEL_\w+_LIMIT"
    r"|OTEL_EXPORTER_OTLP_(TRACES_)?(ENDPOINT|PROTOCOL|TIMEOUT|INSECURE|COMPRESSION|CERTIFICATE)"
    r"|OTEL_PYTHON_(DISTRO|CONFIGURATOR|DISABLED_INSTRUMENTATIONS|LOG_\w+|AUTO_INSTRUMENTATION_\w+)"
    r"|AWS_(DEFAULT_)?REGION|AWS_MAX_ATTEMPTS|AWS_RETRY_MODE|AWS_ENDPOINT_URL(_S3)?|AWS_PROFILE|AWS_CONFIG_FILE"
    r"|AWS_(REQUEST_CHECKSUM_CALCULATION|RESPONSE_CHECKSUM_VALIDATION)|GUNICORN_CMD_ARGS|SAVETRACE_SOURCE"
)
"""Variables whose values are told; of any other one only that it is set."""

OF_THE_DEMO = ("OTEL_SAVETRACE_BIN_", "OTEL_SAVETRACE_CACHE")
"""Beginnings of variables that the demo has for itself."""

_OURS = "OTEL_SAVETRACE_"
_ON = ("true", "on", "1", "yes")


def ours(asked: Circumstances) -> Iterator[Finding]:
    """Tell each variable of ours that is set: its value, or why it is not used."""
    facts = asked.settings
    for one in facts["variables"]:
        if one["refused"]:
            yield failure(
                one["name"],
                f"{_value(one['name'], one['value'])} is refused: {one['refused'].rstrip('.')}",
                f"correct or unset {one['name']}",
            )
        elif one["given"]:
            yield ok(one["name"], f"{_value(one['name'], one['value'])} (environment)")
    if facts["file_error"]:
        yield failure(
            "OTEL_SAVETRACE_FILE",
            f"{facts['file']} cannot be written: {facts['file_error']}",
            "name a file in a folder that the app may write",
        )
    if facts["in_flight_error"]:
        yield warning(
            "OTEL_SAVETRACE_IN_FLIGHT",
            f"saves in flight are lost with a worker that is killed outright: {facts['in_flight_error']}",
            "name a folder on a local disk, or in memory, that is the app's user's alone",
        )


def pages(asked: Circumstances) -> Iterator[Finding]:
    """Tell what keeps browsers from telling anything, though they are asked to."""
    used = {
        one["name"].removeprefix(f"{_OURS}BROWSER").lstrip("_"): one["value"]
        for one in asked.settings["variables"]
        if one["name"].startswith(f"{_OURS}BROWSER") and one["given"] and not one["refused"]
    }
    is_on = used.get("", "off").lower() in _ON
    endpoint = used.get("ENDPOINT", "")
    if is_on and not endpoint and "PATH" not in used:
        yield failure(
            f"{_OURS}BROWSER",
            "on, and browsers have nowhere to report to: pages stay as they are",
            f"set {_OURS}BROWSER_PATH, such as /telemetry/browser, or {_OURS}BROWSER_ENDPOINT",
        )
    if not is_on and endpoint:
        yield warning(
            f"{_OURS}BROWSER_ENDPOINT",
            "changes nothing while pages have no script",
            f"set {_OURS}BROWSER=on, or unset it",
        )
    if is_on and endpoint.startswith("http://"):
        yield warning(
            f"{_OURS}BROWSER_ENDPOINT",
            "has no TLS: browsers send nothing there from pages that have",
            "give it https:// where the site has it",
        )


def by_default(asked: Circumstances) -> Iterator[Finding]:
    """Tell those of ours that are not set, in one line."""
    unset = [one for one in asked.settings["variables"] if not one["given"]]
    if unset:
        yield note("by default", f"{_OURS}...: {', '.join(map(_shortly, unset))}")


def _shortly(one: SettingFacts) -> str:
    return f"{one['name'].removeprefix(_OURS)} {one['value']}"


def unknown(asked: Circumstances) -> Iterator[Finding]:
    """Tell variables that look like ours and are none: a slip of the pen changes nothing, silently."""
    known = {one["name"] for one in asked.settings["variables"]}
    for name in sorted(asked.variables):
        if name.startswith(_OURS) and name not in known and not name.startswith(OF_THE_DEMO):
            meant = difflib.get_close_matches(name, known, n=1)
            yield warning(
                name,
                "there is no such variable; it changes nothing",
                f"unset it{f', or call it {meant[0]}' if meant else ''}",
            )


def others(asked: Circumstances) -> Iterator[Finding]:
    """Tell the variables of OpenTelemetry, AWS and gunicorn that are set."""
    if not asked.given("OTEL_SERVICE_NAME") and "service.name" not in asked.given("OTEL_RESOURCE_ATTRIBUTES"):
        filed = asked.loading["service_name"] or "unknown_service"
        yield warning(
            "OTEL_SERVICE_NAME",
            f"not set: the app's spans are filed under {filed}",
            "set it to the app's name, such as storymap",
        )
    for name in sorted(asked.variables):
        if name.startswith(_OURS) or not OTHERS.fullmatch(name):
            continue
        if name.startswith("AWS_") and not SHOWN.fullmatch(name):
            continue
        yield note(name, f"{_value(name, asked.variables[name])} (environment)")


def _value(name: str, value: str) -> str:
    """Return a value as it may be told; what it quotes is hidden later, by `Secrets`."""
    if HEADERS.fullmatch(name):
        names = [entry.partition("=")[0].strip() for entry in value.split(",") if "=" in entry]
        return f"{', '.join(names)}, values not shown" if names else "not shown"
    if SECRET.search(name) or not (name.startswith(_OURS) or SHOWN.fullmatch(name)):
        return "not shown"
    return value
