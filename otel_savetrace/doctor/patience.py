"""Who waits for whom: the longest that a call to S3 may take, against the worker's limit."""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.analysis.words import count, duration
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import ClientFacts
from otel_savetrace.doctor.findings import Finding, note, ok, warning
from otel_savetrace.doctor.gunicorn import NAME_THE_APP

WHAT_TO_DO = (
    "lower connect_timeout, read_timeout or retries in the client's Config, or raise gunicorn's --timeout"
)


def retries(asked: Circumstances) -> Iterator[Finding]:
    """Hold the most patient of the app's S3 clients against gunicorn's limit; without --app a default one."""
    own = _own_clients(asked)
    clients = own or [client for client in [asked.default_client] if client is not None]
    if not clients:
        return
    longest = max(clients, key=lambda client: client["patience_seconds"] or 0.0)
    patience = longest["patience_seconds"]
    if patience is None:
        yield note("retries", "how long a call to S3 may take is not known")
        return
    whose = "a call to S3" if own else "a call to S3 by a client with boto3's defaults"
    told = f"{whose} may take {duration(patience)}: {_sum(longest, patience)}"
    yield _held_against_worker(asked, told, patience, "" if own else NAME_THE_APP)


def _held_against_worker(asked: Circumstances, told: str, patience: float, more: str) -> Finding:
    server = asked.gunicorn
    if server is None:
        return note("retries", f"{told}; gunicorn is not installed, and its limit not known")
    if server["error"]:
        return warning(
            "gunicorn", f"its settings cannot be read: {server['error']}", "correct them, or --gunicorn"
        )
    if server["worker_class"] != "sync":
        return ok("retries", f"{told}; a {server['worker_class']} worker is not killed for it")
    limit = server["timeout_seconds"]
    if not limit:
        return ok("retries", f"{told}; the worker has no limit")
    if patience > limit:
        todo = f"{WHAT_TO_DO}; {more}" if more else WHAT_TO_DO
        return warning("retries", f"{told}. The worker is killed after {duration(limit)}", todo)
    return ok("retries", f"{told}. The worker has {duration(limit)}")


def _own_clients(asked: Circumstances) -> list[ClientFacts]:
    if asked.app is None:
        return []
    return [client for client in asked.app_facts["clients"] if client["service"] == "s3"]


def _sum(client: ClientFacts, patience: float) -> str:
    attempts = client["attempts"]
    connect, read = client["connect_timeout_seconds"] or 0.0, client["read_timeout_seconds"] or 0.0
    backoffs = patience - attempts * (connect + read)
    waits = f", {duration(backoffs)} of backoff between" if backoffs > 0 else ""
    each = f"{duration(connect)} to connect and {duration(read)} to read"
    return f"{count(attempts, 'attempt')} of {each}{waits} ({client['mode']} mode)"
