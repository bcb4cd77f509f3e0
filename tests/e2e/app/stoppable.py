"""Somebody's app whose saves take long: it is patient with its store, and does more than storing."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import boto3
from botocore.config import Config
from flask import Flask, request

BUCKET = "storymaps"

app = Flask(__name__)
client = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 12}))


def store(storymap_id: str) -> None:
    """Store what was sent."""
    client.put_object(Bucket=BUCKET, Key=f"storymapjs/ada/{storymap_id}/draft.json", Body=request.get_data())


@app.get("/")
def ready() -> str:
    """Say that the app is up."""
    return "ready"


@app.post("/save/<storymap_id>")
def save(storymap_id: str) -> Any:
    """Save one object, however long it takes."""
    store(storymap_id)
    return {"id": storymap_id}


@app.post("/file/<storymap_id>")
def file(storymap_id: str) -> Any:
    """Save one object, and file it somewhere that does not answer."""
    store(storymap_id)
    time.sleep(60)
    return {"id": storymap_id}


@app.post("/quit/<storymap_id>")
def leave_all(storymap_id: str) -> Any:
    """Save one object, and shut the whole server down at once."""
    store(storymap_id)
    os.kill(os.getppid(), signal.SIGQUIT)
    time.sleep(60)
    return {"id": storymap_id}


@app.post("/kill/<storymap_id>")
def kill(storymap_id: str) -> Any:
    """Save in a greenlet that another one kills."""
    import gevent  # type: ignore[import-untyped]  # it has no types, and is not of this environment

    gevent.spawn(gevent.kill, gevent.getcurrent())
    store(storymap_id)
    return {"id": storymap_id}


@app.post("/hurry/<storymap_id>")
def hurry(storymap_id: str) -> Any:
    """Save in the time that gevent allows."""
    import gevent

    with gevent.Timeout(0.2):
        store(storymap_id)
    return {"id": storymap_id}
