"""An incident's servers: the store, the front before it, and the app on each of its hosts."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from otel_savetrace.demo import keeping, servers
from otel_savetrace.demo.binaries import WEED
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.incidents.certificate import make_certificate, server_context
from otel_savetrace.demo.incidents.incident import Host, Incident
from otel_savetrace.demo.nginx import nginx_server
from otel_savetrace.demo.processes import LOOPBACK, Process, free_port
from otel_savetrace.demo.servers import Certificate
from otel_savetrace.demo.stage import Stage
from otel_savetrace.errors import RealPartError

# Set by the child itself, as macOS and Linux have it in common.
_WITH_FILE_LIMIT = (
    "import os, resource, sys; limit = int(sys.argv[1]);"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)); os.execv(sys.argv[2], sys.argv[2:])"
)

# Store and app, as on the smallest machine that is to be had; macOS lets no process choose its core.
_ON_ONE_CORE = (
    "import os, sys; os.nice(int(sys.argv[1]));"
    "hasattr(os, 'sched_setaffinity') and os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    "os.execv(sys.argv[2], sys.argv[2:])"
)
_LOWEST_PRIORITY = 19


_IN_PAGES = {
    "OTEL_SAVETRACE_BROWSER": "on",
    "OTEL_SAVETRACE_BROWSER_PATH": "/seen-by-browsers",
    "OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR": "[role=status].failed, [role=alert]",
}
"""Has the app's pages tell what became of saves."""


@dataclasses.dataclass(frozen=True)
class Site:
    """The store's process, the app's on each host, and the hosts' addresses; `nginx` is before the first."""

    store: Process
    apps: tuple[Process, ...]
    addresses: tuple[str, ...]
    nginx: Process | None = None


@dataclasses.dataclass(frozen=True)
class _Way:
    """How hosts reach the store: scheme and port, and the certificate that they find there."""

    scheme: str
    port: int
    certificate: Certificate | None


def start_site(stage: Stage, incident: Incident, seed: int) -> Site:
    """Start everything; it ends with the stage. Raises `RealPartError` where something is not there."""
    port = free_port()
    certificate = make_certificate(stage.folder) if incident.tls else None
    # The store itself, where no front is before it.
    speaks_tls = certificate if incident.plan is None else None
    store = _store(stage, incident, port, speaks_tls)
    stage.start(store, f"An S3 server: {Path(_program(store)).name.partition('-')[0]}")
    servers.make_bucket(port, speaks_tls)
    way = _way(stage, incident, port, seed, certificate)
    apps, addresses = [], []
    for host in incident.hosts:
        app_port = free_port()
        app = _app(stage, host, app_port, way, named=len(incident.hosts) > 1)
        if incident.in_browser:
            app.environment.update(_IN_PAGES)
        if incident.on_one_core:
            app.command = _launched(_ON_ONE_CORE, 0, app)
        stage.start(app, f"The app on {host.name}: gunicorn, under opentelemetry-instrument")
        apps.append(app)
        addresses.append(f"http://{LOOPBACK}:{app_port}")
    if incident.nginx is None:
        return Site(store, tuple(apps), tuple(addresses))
    before = free_port()
    nginx = nginx_server(stage.folder / "nginx", before, app_port, incident.nginx)
    stage.start(nginx, "nginx before it")
    return Site(store, tuple(apps), (f"http://{LOOPBACK}:{before}", *addresses[1:]), nginx)


def _store(stage: Stage, incident: Incident, port: int, certificate: Certificate | None) -> Process:
    folder = stage.folder / "store"
    store = servers.s3_server(folder, port, announce=stage.announce, certificate=certificate)
    if incident.only_versitygw and Path(store.command[0]).name.startswith(WEED):
        raise RealPartError(
            f"The fault {incident.name} is versitygw's own, and there is only SeaweedFS: install Go"
            " 1.25 or later (https://go.dev/dl) so that versitygw can be built."
        )
    if incident.largest_object:
        store.command = _launched(_WITH_FILE_LIMIT, incident.largest_object, store)
    elif incident.on_one_core:
        store.command = _launched(_ON_ONE_CORE, _LOWEST_PRIORITY, store)
    return store


def _launched(code: str, number: int, process: Process) -> list[str]:
    """Return the command of a process that sets a limit for itself before it becomes what it is."""
    return [sys.executable, "-c", code, str(number), *process.command]


def _program(store: Process) -> str:
    return store.command[4] if store.command[0] == sys.executable else store.command[0]


def _way(stage: Stage, incident: Incident, port: int, seed: int, certificate: Certificate | None) -> _Way:
    scheme = "https" if certificate else "http"
    if incident.plan is None:
        return _Way(scheme, port, certificate)
    tls = server_context(certificate) if certificate else None
    front = Front(port, incident.plan, stage.folder / keeping.JOURNAL, seed=seed, tls=tls)
    stage.enter(front)
    stage.say("A front before it")
    return _Way(scheme, front.port, certificate)


def _app(stage: Stage, host: Host, port: int, way: _Way, *, named: bool) -> Process:
    tracing = {
        **servers.tracing_to(stage.folder / keeping.SPANS),
        **({"OTEL_RESOURCE_ATTRIBUTES": f"host.name={host.name}"} if named else {}),
        # Hosts that share no secret know no retries of one another's failures otherwise.
        "OTEL_SAVETRACE_COOKIE_SECRET": "the same on all hosts",
        "OTEL_SAVETRACE_IN_FLIGHT": str(stage.folder / host.name / "in-flight"),
    }
    app = servers.app_server(
        stage.folder / host.name,
        port,
        storage_url=f"{way.scheme}://{host.store_name}:{way.port}",
        tracing=tracing,
        gunicorn=host.gunicorn,
    )
    app.environment.update(host.environment)
    if way.certificate and host.trusts_store:
        app.environment["AWS_CA_BUNDLE"] = str(way.certificate.file)
    return app
