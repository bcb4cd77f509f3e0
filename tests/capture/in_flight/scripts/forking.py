"""A save whose app forks a child, and whose process is then killed while the child lives on.

Arguments: the folder of the record.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import boto3
import flask

import otel_savetrace
from otel_savetrace.capture import in_flight
from otel_savetrace.capture.in_flight.claiming import Claims
from otel_savetrace.capture.in_flight.memory_kills import MemoryKills
from otel_savetrace.capture.in_flight.record import Dead
from tests.capture.in_flight.watching import records
from tests.raw_store import RawStore
from tests.ways_in.scripts.switched_on import CREDENTIALS, switch_on, tell


def _app(store: RawStore, child: Any) -> flask.Flask:
    app = flask.Flask("maps")
    app.secret_key = "of this run"
    client = boto3.client("s3", endpoint_url=store.address, **CREDENTIALS)

    @app.post("/save/<key>")
    def save(key: str) -> str:
        client.put_object(Bucket="bucket", Key=key, Body=b"content")
        if key == "forks":
            child()
        return "saved"

    return app


def _parent(folder: Path, store: RawStore, said: int) -> None:
    """Save; the view forks a child, which saves too and waits to be let go; then the parent is killed."""

    def child() -> None:
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # from 3.12 on Python warns where there are threads
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            os.read(reading, 1)  # until the child has saved
            os.kill(os.getpid(), signal.SIGKILL)
        _app(RawStore(), None).test_client().post("/save/of-the-child")
        recorder = in_flight.recorder
        assert recorder is not None
        assert recorder.file is not None
        os.write(said, f"{os.getpid()} {recorder.file.path.name}\n".encode())
        os.write(writing, b".")
        signal.pause()

    _app(store, child).test_client().post("/save/forks")


def main() -> None:
    """Fork, let it die, and look what can be claimed while its child lives."""
    folder = Path(sys.argv[1])
    captured = switch_on()
    otel_savetrace.uninstrument()
    otel_savetrace.instrument(captured.provider, otel_savetrace.Settings(in_flight=folder))
    reading, said = os.pipe()
    parent = os.fork()
    if parent == 0:
        _parent(folder, RawStore(), said)
        os._exit(1)
    os.waitpid(parent, 0)
    child, name = os.read(reading, 1000).decode().split()
    told: list[list[str]] = []

    def hear(dead: Dead, _: bool) -> bool:
        told.append([save.object[1] if save.object else "" for save in dead.saves])
        return True

    app = name.partition(".")[0]
    own_boot = next(one.facts["boot"] for one in records(folder))
    files = sorted(path.name for path in folder.iterdir())
    claims = Claims(folder, app, own_boot, MemoryKills(), hear, 0.0)
    claims.look()
    for thread in threading.enumerate():
        if thread.name == "savetrace-missing-spans":
            thread.join()
    left = [path.name for path in folder.iterdir()]
    os.kill(int(child), signal.SIGKILL)
    tell({"files": len(files), "told": told, "left": left, "of the child": name})


if __name__ == "__main__":
    main()
