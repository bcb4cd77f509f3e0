"""What gunicorn does to the app: it forks, with --preload after the import, and may run on gevent."""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.analysis.words import count
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import AppFacts
from otel_savetrace.doctor.findings import Finding, failure, note, ok, warning

GEVENT_PATCH = "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH"
NAME_THE_APP = "--app MODULE:APP looks at the app's own clients"
AFTER_THE_FORK = "use the client first after the fork: in a view, or in gunicorn's post_fork"
SHOWS_AS = "in a trace, savetrace.connection_pid shows it"


def app(asked: Circumstances) -> Iterator[Finding]:
    """Tell how the import of the app went."""
    if asked.app is None:
        return
    facts = asked.app_facts
    if facts["error"]:
        yield failure(
            "app",
            f"{facts['app']} cannot be imported: {facts['error']}",
            "run savetrace doctor in the app's folder, with the app's variables and Python",
        )
    else:
        clients = count(len(facts["clients"]), "boto client")
        yield ok("app", f"{facts['app']} is imported behind opentelemetry-instrument, with {clients}")


def forks(asked: Circumstances) -> Iterator[Finding]:
    """A client that was used before a fork shares its sockets with every child (botocore#1246)."""
    preload = _preloads(asked)
    if asked.app is not None:
        if not asked.app_facts["error"]:
            yield _after_import(asked.app_facts, preload)
    elif preload:
        yield warning(
            "forks",
            f"--preload: a boto client used before the fork shares its sockets with every worker; {SHOWS_AS}",
            NAME_THE_APP,
        )
    else:
        yield note("forks", f"a boto client used before a fork shares its sockets; {SHOWS_AS}", NAME_THE_APP)


def _after_import(facts: AppFacts, preload: bool) -> Finding:
    opened = sum(client["open_connections"] for client in facts["clients"])
    if not opened:
        return ok("forks", "importing the app leaves no connection of a boto client open")
    said = (
        f"importing the app leaves {count(opened, 'connection')} of its boto clients open; a fork shares them"
    )
    if preload:
        consequence = "one user's content may end up in another's object"
        return warning("forks", f"{said}, and gunicorn forks after it: {consequence}", AFTER_THE_FORK)
    return warning("forks", said, f"{AFTER_THE_FORK}; until then, no --preload")


def grpc(asked: Circumstances) -> Iterator[Finding]:
    """GRPC does not bear a fork well."""
    over_grpc = any(one["exporter"]["kind"] == "grpc" for one in asked.canary["deliveries"])
    if _preloads(asked) and over_grpc:
        yield warning(
            "gRPC",
            "with --preload the exporter is made before the fork, which gRPC does not bear well",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, and port 4318",
        )


def gevent(asked: Circumstances) -> Iterator[Finding]:
    """Gevent has to patch the standard library before OpenTelemetry loads it."""
    patch = asked.given(GEVENT_PATCH)
    if patch and patch != "patch_all":
        yield failure("gevent", f"{GEVENT_PATCH}={patch} does nothing", "set it to patch_all")
    elif patch and not asked.distributions["gevent"]:
        yield failure(
            "gevent", f"{GEVENT_PATCH} is set, gevent not installed", "pip install gevent, or unset it"
        )
    elif patch:
        yield ok("gevent", "it patches the standard library before OpenTelemetry loads it")
    elif asked.gunicorn is not None and "gevent" in asked.gunicorn["worker_class"]:
        yield warning(
            "gevent",
            "its workers patch the standard library after OpenTelemetry has loaded it",
            f"set {GEVENT_PATCH}=patch_all",
        )


def _preloads(asked: Circumstances) -> bool:
    return asked.gunicorn is not None and asked.gunicorn["preload"]
