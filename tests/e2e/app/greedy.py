"""Somebody's app with saves that end their process: one takes all the memory, one does not hear a signal."""

from __future__ import annotations

import signal
import time

import boto3
from flask import Flask, request

BUCKET = "storymaps"
_MEGABYTE = 1_000_000
_MOST = 2_000

app = Flask(__name__)
client = boto3.client("s3")


@app.get("/")
def ready() -> str:
    """Say that the app is up."""
    return "ready"


@app.post("/save/<storymap_id>")
def save(storymap_id: str) -> str:
    """Save one object."""
    client.put_object(Bucket=BUCKET, Key=f"storymapjs/ada/{storymap_id}/draft.json", Body=request.get_data())
    return storymap_id


@app.post("/render/<storymap_id>")
def render(storymap_id: str) -> str:
    """Save one object, then make pictures of it until the memory ends, or 2 GB are used."""
    save(storymap_id)
    pictures = [bytearray(_MEGABYTE) for _ in range(_MOST)]
    return str(len(pictures))


@app.post("/deaf/<storymap_id>")
def deaf(storymap_id: str) -> str:
    """Save one object, then do not hear that the time is up."""
    save(storymap_id)
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
    time.sleep(120)
    return storymap_id
