"""Where the record stands, and what happens where it cannot."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

import otel_savetrace
from otel_savetrace.capture.in_flight.folder import app_of, folder_of
from tests.fixture_capture import Captured
from tests.raw_store import RawStore

Mount = Callable[[str], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount file systems of one's own, with `options`; skips where nobody may."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        program = shutil.which("mount")
        folder = tmp_path / f"mounted-{len(mounted)}"
        folder.mkdir()
        command = [program or "", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if program is None or subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603 - ours
            pytest.skip("no file system can be mounted here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run([shutil.which("umount") or "", str(folder)], check=True)  # noqa: S603 - ours


def _save_three_times(store: RawStore, client: Any) -> list[int]:
    app = flask.Flask("maps")
    app.secret_key = "of this test"

    @app.post("/save")
    def save() -> str:
        client.put_object(Bucket="bucket", Key="key", Body=b"content")
        return "saved"

    return [app.test_client().post("/save").status_code for _ in range(3)]


def _full(mount: Mount) -> Path:
    return mount("size=64k") / "in-flight"


def _read_only(mount: Mount) -> Path:
    return mount("ro") / "in-flight"


def _open_to_others(mount: Mount) -> Path:
    folder = mount("size=4m") / "in-flight"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def _somebody_elses(mount: Mount) -> Path:
    folder = mount("size=4m") / "in-flight"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12_345, 12_345)
    return folder


def _a_link(mount: Mount) -> Path:
    base = mount("size=4m")
    (base / "elsewhere").mkdir(mode=0o700)
    (base / "in-flight").symlink_to(base / "elsewhere")
    return base / "in-flight"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (_full, "No space left on device"),
        (_read_only, "Read-only file system"),
        (_open_to_others, "it is not this user's alone"),
        (_somebody_elses, "it is not this user's alone"),
        (_a_link, "it is no folder"),
    ],
)
def test_where_no_record_can_be_kept_one_line_says_so(
    instrumented: Captured,
    store: RawStore,
    client_of: Callable[..., Any],
    mount: Mount,
    caplog: pytest.LogCaptureFixture,
    place: Callable[[Mount], Path],
    why: str,
) -> None:
    """A full or read-only disk, a folder that is not this user's alone: saves go on, and one line tells."""
    folder = place(mount)
    otel_savetrace.instrument(instrumented.provider, otel_savetrace.Settings(in_flight=folder))
    try:
        assert _save_three_times(store, client_of(store)) == [200, 200, 200]
    finally:
        otel_savetrace.uninstrument()
    (line,) = [message for message in caplog.messages if "in flight" in message]
    assert why in line
    assert "OTEL_SAVETRACE_IN_FLIGHT" in line
    with contextlib.suppress(OSError):
        assert list(folder.iterdir()) == []


def test_the_folder_is_the_users_alone(tmp_path: Path) -> None:
    """By default it stands in the user's runtime folder, where nobody else may enter."""
    folder = folder_of(None, {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert folder == tmp_path / "otel-savetrace"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (
        folder_of(None, {"XDG_RUNTIME_DIR": str(tmp_path / "gone")}).name == f"otel-savetrace-{os.geteuid()}"
    )


def test_apps_on_one_host_are_kept_apart() -> None:
    """By service and by where spans go, whatever the version; one without a name by the folder it runs in."""
    own: dict[str, object] = {"service.name": "maps", "service.version": "1"}
    assert app_of(own, {}, None) == app_of({**own, "service.version": "2"}, {"OTHER": "x"}, None)
    others = [
        app_of({"service.name": "images"}, {}, None),
        app_of({**own, "service.namespace": "test"}, {}, None),
        app_of(own, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:4317"}, None),
        app_of(own, {}, Path("/var/lib/spans.jsonl")),
        app_of({}, {}, None),
    ]
    assert len({app_of(own, {}, None), *others}) == 6
