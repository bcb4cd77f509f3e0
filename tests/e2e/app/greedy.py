"""Somebody's app with a save that takes all the memory there is."""

from __future__ import annotations

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
