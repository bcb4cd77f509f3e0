"""Plays an incident: real gunicorn workers under opentelemetry-instrument, real boto3, real sockets."""

from __future__ import annotations

import random
import sysconfig
from contextlib import ExitStack
from pathlib import Path

from benchmarks.diagnosis.crowd import work
from benchmarks.diagnosis.incident import Host, Incident
from benchmarks.diagnosis.store import Store
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port

_SCRIPTS = Path(sysconfig.get_path("scripts"))


def play(incident: Incident, folder: Path, seed: str) -> list[Path]:
    """Play it; returns the files of its spans, one a host."""
    rule = incident.rule(random.Random(seed))  # noqa: S311 - a made incident, no secret
    store_port = free_port()
    files = []
    with ExitStack() as stack:
        stack.enter_context(Store(rule, store_port, incident.listening or incident.addresses))
        addresses = []
        for number, host in enumerate(incident.hosts):
            port = free_port()
            files.append(folder / f"host-{number + 1}.jsonl")
            stores = _stores(incident, number, store_port)
            process = _app(incident, host, number, port, stores, files[-1], seed)
            stack.enter_context(process)
            addresses.append(f"http://{LOOPBACK}:{port}")
        work(incident.habits, tuple(addresses), seed)
    return files


def _stores(incident: Incident, number: int, port: int) -> str:
    if incident.unresolved and number:
        return f"http://store.invalid:{port}"
    return ",".join(f"http://{address}:{port}" for address in incident.addresses)


def _app(
    incident: Incident, host: Host, number: int, port: int, stores: str, file: Path, seed: str
) -> Process:
    taken = ["board.id=view:board", "team.id=session:team", "member.id=session:member"]
    taken += ["client.build=header:X-Build", "file.name=view:name"]
    taken += [f"decoy.d{one}=header:X-Decoy-{one}" for one in range(incident.habits.decoys)]
    environment = {
        **base_environment(),
        "HOME": str(file.parent),
        "AWS_ACCESS_KEY_ID": "FIRST",
        "AWS_SECRET_ACCESS_KEY": "only on loopback",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "STORES": stores,
        "SEED": seed,
        "OTEL_SERVICE_NAME": "boards",
        "OTEL_RESOURCE_ATTRIBUTES": f"host.name=host-{number + 1}",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SAVETRACE_FILE": str(file),
        "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": ",".join(taken),
        "OTEL_SAVETRACE_SAVE_ROUTES": "PUT /boards/<board>,POST /boards/<board>/files/<name>",
        "OTEL_SAVETRACE_COOKIE_SECRET": "the same on all hosts",
        **host.environment,
    }
    command: list[str | Path] = [
        _SCRIPTS / "opentelemetry-instrument", _SCRIPTS / "gunicorn", *host.gunicorn,
        "--bind", f"{LOOPBACK}:{port}", "--no-control-socket", "benchmarks.diagnosis.app:app",
    ]  # fmt: skip
    ready = answers(f"http://{LOOPBACK}:{port}/ready")
    return Process(f"app-{number + 1}", command, environment=environment, folder=file.parent, ready=ready)
