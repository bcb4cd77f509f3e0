"""The demo's servers keep to loopback and to their folder, and say what is missing."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from otel_savetrace import environment_variables
from otel_savetrace.config import Settings
from otel_savetrace.demo import servers, story
from otel_savetrace.demo.binaries import OTEL_SAVETRACE_BIN, WEED
from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.errors import RealPartError, SettingError


def test_the_s3_server_has_a_bucket_that_can_be_written_to(tmp_path: Path, s3_program: Path) -> None:
    """Once started and given its bucket, the server stores an object and gives it back, in its folder."""
    port = free_port()
    with servers.s3_server(tmp_path, port, announce=print) as process:
        servers.make_bucket(port)
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{LOOPBACK}:{port}",
            region_name="us-east-1",
            aws_access_key_id=process.environment.get("ROOT_ACCESS_KEY", "demo"),
            aws_secret_access_key=process.environment.get("ROOT_SECRET_KEY", "only-on-loopback"),
            config=Config(proxies={}),
        )
        client.put_object(Bucket=servers.BUCKET, Key="a/b", Body=b"content")
        assert client.get_object(Bucket=servers.BUCKET, Key="a/b")["Body"].read() == b"content"
        client.close()


def test_what_programs_leave_at_home_goes_with_the_folder(tmp_path: Path, s3_program: Path) -> None:
    """Neither the S3 server nor the app is given the user's own home."""
    store = servers.s3_server(tmp_path, 1, announce=print)
    app = servers.app_server(tmp_path, 2, storage_url="http://store", tracing={})
    assert store.environment["HOME"] == app.environment["HOME"] == str(tmp_path)


def test_weed_keeps_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SeaweedFS, where it stands in, is on loopback, has no fixed port, and reports nothing to its makers."""
    weed = tmp_path / WEED
    weed.touch(mode=0o755)
    monkeypatch.setenv(f"{OTEL_SAVETRACE_BIN}VERSITYGW", str(weed))
    first = servers.s3_server(tmp_path, 1, announce=print)
    second = servers.s3_server(tmp_path, 2, announce=print)
    assert {f"-ip.bind={LOOPBACK}", "-master.telemetry=false", "-s3.port=1"} <= set(first.command)
    ports = [{part for part in process.command if ".port" in part} for process in (first, second)]
    assert {part for part in ports[0] & ports[1] if not part.endswith("=0")} == set()
    written_to = [part for part in first.command if "/" in part and not part.startswith(str(weed))]
    assert all(str(tmp_path) in part for part in written_to)


def test_the_app_without_its_server_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where gunicorn is not beside Python the error names it and the extra that brings it."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    with pytest.raises(RealPartError, match=r"gunicorn is not installed.*otel-savetrace\[demo\]"):
        servers.app_server(tmp_path, 1, storage_url="http://store", tracing={})


def test_tracing_is_switched_on_by_variables_that_capture_accepts(tmp_path: Path) -> None:
    """Every variable of ours is a documented one, is accepted, and takes the sample app's keys apart."""
    variables = servers.tracing_to(tmp_path / "spans.jsonl")
    refused: list[SettingError] = []
    settings = Settings.read(variables, refused.append)
    assert refused == []
    own = {name for name in variables if name.startswith("OTEL_SAVETRACE_")}
    assert own <= set(vars(environment_variables))
    author = story.tell(1, story.SMALLEST).authors[0]
    assert settings.key_patterns[0].take_apart(author.key("draft.json")) == {
        "storymap.user_id": author.user_id,
        "storymap.id": author.storymap_id,
        "storymap.file": "draft.json",
    }


def test_spans_go_to_the_collector_only_where_there_is_one(tmp_path: Path) -> None:
    """Without an address no network exporter is on; with one, spans go there, and to the file as well."""
    alone = servers.tracing_to(tmp_path / "spans.jsonl")
    assert alone["OTEL_TRACES_EXPORTER"] == "none"
    sent = servers.tracing_to(tmp_path / "spans.jsonl", otlp_endpoint="http://127.0.0.1:4317")
    assert sent["OTEL_TRACES_EXPORTER"] == "otlp"
    assert sent["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"
    assert sent["OTEL_SAVETRACE_FILE"] == alone["OTEL_SAVETRACE_FILE"]
