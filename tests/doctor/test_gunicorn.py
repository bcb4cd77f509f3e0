"""What gunicorn does to the app, and whose patience ends first: real gunicorn settings, real boto clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_savetrace.doctor import gunicorn, patience
from tests.doctor.asking import answered, delivered, one_part, only, states
from tests.raw_store import RawStore

CLIENT: dict[str, Any] = {
    "service": "s3", "mode": "standard", "attempts": 3, "connect_timeout_seconds": 60.0,
    "read_timeout_seconds": 60.0, "patience_seconds": 363.0, "open_connections": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "file", "options", "expected"),
    [
        ({}, None, "", ("sync", 30, False)),
        ({"GUNICORN_CMD_ARGS": "--timeout 60 --preload"}, None, "", ("sync", 60, True)),
        ({}, "timeout = 90\nworker_class = 'gevent'\n", "", ("gevent", 90, False)),
        ({"GUNICORN_CMD_ARGS": "-t 60"}, "timeout = 90\nthreads = 4\n", "--timeout 5", ("gthread", 5, False)),
    ],
)
def test_gunicorn_reads_its_settings_itself(
    tmp_path: Path, variables: dict[str, str], file: str | None, options: str, expected: tuple[Any, ...]
) -> None:
    """Its file, its variable and its options, the later going before the earlier, as gunicorn has it."""
    if file is not None:
        (tmp_path / "gunicorn.conf.py").write_text(file)
    facts = one_part(f"gunicorn={options}", variables, tmp_path)
    assert facts["error"] is None
    assert (facts["worker_class"], facts["timeout_seconds"], facts["preload"]) == expected


def test_settings_that_gunicorn_refuses_are_told(tmp_path: Path) -> None:
    """Its own last word on them is in the warning."""
    refused = one_part("gunicorn=--timeout soon", {}, tmp_path)
    warned = only(patience.retries(answered(gunicorn=refused)))
    assert (warned.subject, warned.state) == ("gunicorn", "warning")
    assert "invalid" in warned.said.lower()


@pytest.mark.parametrize(
    ("variables", "config", "expected"),
    [
        # boto3's defaults: 60 s to connect, 60 s to read; a backoff of at most 1 s, then 2 s.
        ({"AWS_RETRY_MODE": "standard"}, "", (3, 363.0)),
        ({"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "2"}, "", (2, 241.0)),
        ({}, "[default]\nmax_attempts = 4\nretry_mode = adaptive\n", (4, 487.0)),
        ({"AWS_RETRY_MODE": "legacy", "AWS_MAX_ATTEMPTS": "5"}, "", (5, 615.0)),
    ],
)
def test_a_clients_patience_is_what_botocore_makes_of_the_environment(
    tmp_path: Path, variables: dict[str, str], config: str, expected: tuple[int, float]
) -> None:
    """Attempts and the longest that a call may take, from variables or ~/.aws/config."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(config)
    facts = one_part("patience", {"HOME": str(tmp_path), **variables}, tmp_path)
    assert (facts["attempts"], facts["patience_seconds"]) == expected


@pytest.mark.parametrize(
    ("server", "state", "said"),
    [
        ({}, "warning", "The worker is killed after 30 s"),
        ({"timeout_seconds": 400}, "ok", "The worker has 6 min 40 s"),
        ({"timeout_seconds": 0}, "ok", "the worker has no limit"),
        ({"worker_class": "gthread"}, "ok", "a gthread worker is not killed for it"),
        (None, "note", "gunicorn is not installed"),
    ],
)
def test_retries_are_held_against_the_worker(server: Any, state: str, said: str) -> None:
    """A warning only where a sync worker is killed before the last attempt is over."""
    facts = (
        None if server is None else {"error": None, "worker_class": "sync", "timeout_seconds": 30, **server}
    )
    found = only(patience.retries(answered(patience=CLIENT, gunicorn=facts)))
    assert found.state == state
    assert said in found.said
    assert "3 attempts of 60 s to connect and 60 s to read, 3.0 s of backoff between" in found.said


def test_the_apps_own_clients_count_before_a_default_one() -> None:
    """With --app the most patient of its S3 clients is told, and other services do not count."""
    short = {"patience_seconds": 12.0, "attempts": 1, "connect_timeout_seconds": 2.0}
    clients = [{**CLIENT, **short, "read_timeout_seconds": 10.0}, {**CLIENT, "service": "sqs"}]
    found = only(patience.retries(answered(app={"app": "web:app", "error": None, "clients": clients})))
    assert (found.state, found.said.partition(":")[0]) == ("ok", "a call to S3 may take 12 s")


USES_IT_AT_IMPORT = """
import boto3
from botocore.config import Config
client = boto3.client("s3", endpoint_url="{address}", region_name="us-east-1", aws_access_key_id="k",
                      aws_secret_access_key="s", config=Config(s3={{"addressing_style": "path"}}))
idle = boto3.client("s3", region_name="us-east-1")
client.put_object(Bucket="maps", Key="one", Body=b"two")
app = object()
"""


def test_a_client_that_was_used_while_the_app_was_imported_is_found(tmp_path: Path, store: RawStore) -> None:
    """The connections that it has left open are counted, as the server sees them; an idle client has none."""
    (tmp_path / "used.py").write_text(USES_IT_AT_IMPORT.format(address=store.address))
    nowhere = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    facts = one_part("app=used:app", nowhere, tmp_path, instrumented=True)
    assert facts["error"] is None
    asked = answered(app=facts, gunicorn={"preload": True})
    assert sorted(client["open_connections"] for client in asked.app_facts["clients"]) == [0, 1]
    warned = only(gunicorn.forks(asked))
    assert (warned.state, "leaves 1 connection of its boto clients open" in warned.said) == ("warning", True)
    assert "one user's content may end up in another's object" in warned.said
    assert only(gunicorn.app(asked)).said.endswith("with 2 boto clients")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('no database')", "RuntimeError: no database"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("app = 1", "broken has no 'application'"),
    ],
)
def test_an_app_that_cannot_be_imported_is_a_failure(tmp_path: Path, source: str, error: str) -> None:
    """What it raised is told, and nothing is said of its forks."""
    (tmp_path / "broken.py").write_text(source)
    asked = answered(app=one_part("app=broken", {}, tmp_path))
    failed = only(gunicorn.app(asked))
    assert (failed.state, failed.said) == ("failure", f"broken cannot be imported: {error}")
    assert list(gunicorn.forks(asked)) == []


def test_without_the_app_forks_are_spoken_of() -> None:
    """How a shared socket shows in a trace is told; with --preload it is a warning."""
    preloading = {"error": None, "worker_class": "sync", "timeout_seconds": 30, "preload": True}
    for server, state in (
        (preloading, "warning"),
        ({**preloading, "preload": False}, "note"),
        (None, "note"),
    ):
        found = only(gunicorn.forks(answered(gunicorn=server)))
        assert (found.state, "savetrace.connection_pid" in found.said) == (state, True)
        assert "--app" in found.todo


def test_grpc_with_preload_is_a_warning() -> None:
    """Only where both are there."""
    for preload, kind, expected in ((True, "grpc", ["warning"]), (True, "http", []), (False, "grpc", [])):
        asked = answered(gunicorn={"preload": preload}, canary={"deliveries": [delivered(kind=kind)]})
        assert states(gunicorn.grpc(asked)) == expected


@pytest.mark.parametrize(
    ("worker_class", "patch", "installed", "expected"),
    [
        ("sync", "", False, []),
        ("gevent", "", True, ["warning"]),
        ("gevent", "patch_all", True, ["ok"]),
        ("gevent", "yes", True, ["failure"]),
        ("sync", "patch_all", False, ["failure"]),
    ],
)
def test_gevent_wants_its_variable(
    worker_class: str, patch: str, installed: bool, expected: list[str]
) -> None:
    """With gevent workers the variable is wanted, with its one value, and gevent itself."""
    asked = answered(
        {gunicorn.GEVENT_PATCH: patch},
        gunicorn={"worker_class": worker_class},
        distributions={"gevent": installed},
    )
    assert states(gunicorn.gevent(asked)) == expected
