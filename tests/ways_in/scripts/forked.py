"""Clients made and used before and after a fork: what parent and child record of their connections."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import boto3
import flask
from botocore.config import Config

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore
from tests.ways_in.scripts.switched_on import CREDENTIALS, switch_on, tell

TOLD = (
    attribute.CONNECTION,
    attribute.CONNECTION_PID,
    attribute.CONNECTION_REQUESTS,
    attribute.HEADER_BYTES,
)
OF_THE_PROCESS = (attribute.PROCESS_ID, attribute.REQUESTS_SERVED, attribute.REQUESTS_IN_FLIGHT)


def _client(store: RawStore) -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 0})
    return boto3.Session().client("s3", endpoint_url=store.address, config=config, **CREDENTIALS)


def _put(client: Any, key: str) -> None:
    client.put_object(Bucket="bucket", Key=key, Body=key)


def _recorded(captured: Captured) -> dict[str, Any]:
    """By key what the call's one attempt tells."""
    spans = zip(captured.calls, captured.attempts, strict=True)
    return {
        facts(call)[attribute.S3_KEY]: {name: facts(attempt).get(name) for name in TOLD}
        for call, attempt in spans
    }


def _save(store: RawStore, captured: Captured) -> dict[str, Any]:
    """Save by an app of its own and return what the save tells of the process."""
    app = flask.Flask("maps")
    app.secret_key = "of this run"
    client = _client(store)

    @app.post("/save/<key>")
    def save(key: str) -> str:
        _put(client, key)
        return "saved"

    app.test_client().post("/save/1")
    return {name: facts(captured.saves[-1]).get(name) for name in OF_THE_PROCESS}


def main() -> None:
    """Put by clients of three ages in a child, then by the oldest in the parent again."""
    store = RawStore()
    before_capture = _client(store)
    _put(before_capture, "before capture")
    captured = switch_on()
    of_saves = RawStore()
    in_parent = [_save(of_saves, captured) for _ in range(2)]
    captured.exporter.clear()
    used, unused = _client(store), _client(store)
    _put(used, "before the fork")
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From 3.12 on Python warns where there are threads: here the store's, which the child has no use for.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        captured.exporter.clear()
        _put(used, "child, used before")
        _put(used, "child, used before, again")
        _put(unused, "child, made before")
        _put(unused, "child, made before, again")
        _put(_client(store), "child, made after")
        _put(before_capture, "child, used before capture")
        recorded = _recorded(captured)
        saves = [_save(of_saves, captured) for _ in range(2)]
        os.write(writing, json.dumps([recorded, saves]).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        in_child, saves = json.loads(pipe.read())
    _put(used, "parent again")
    heads = {seen.body.decode(): (len(seen.head), seen.connection) for seen in store.seen}
    tell(
        {
            "status": status,
            "parent": os.getpid(),
            "child": child,
            "recorded": {**_recorded(captured), **in_child},
            "saves": [in_parent, saves],
            "heads": {key: length for key, (length, _) in heads.items()},
            "connections": {key: connection for key, (_, connection) in heads.items()},
        }
    )


if __name__ == "__main__":
    main()
