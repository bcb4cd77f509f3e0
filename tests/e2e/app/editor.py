"""Somebody's app: it saves to S3 in the ways that apps do, and knows nothing of tracing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, Response, abort, jsonify, request

BUCKET = "storymaps"

app = Flask(__name__)
client = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))


def key(storymap_id: str, file: str) -> str:
    """Make an object's key."""
    return f"storymapjs/{request.args.get('user', 'ada')}/{storymap_id}/{file}"


@app.get("/")
def ready() -> str:
    """Say that the app is up."""
    return "ready"


@app.post("/save/<storymap_id>")
def save(storymap_id: str) -> Any:
    """Save one object; what fails is told in JSON, with status 200."""
    try:
        client.put_object(Bucket=BUCKET, Key=key(storymap_id, "draft.json"), Body=request.get_data())
    except (BotoCoreError, ClientError) as error:
        return jsonify(error=f"Unable to save: {error}")
    return jsonify(id=storymap_id)


@app.post("/publish/<storymap_id>")
def publish(storymap_id: str) -> Any:
    """Save a stream with metadata, and another object after it; whatever fails is a 500."""
    published = key(storymap_id, "published.json")
    about = {"title": "x" * int(request.args.get("title_length", "20"))}
    client.put_object(Bucket=BUCKET, Key=published, Body=io.BytesIO(request.get_data()), Metadata=about)
    page = f"<script src='{published}'></script>"
    client.put_object(Bucket=BUCKET, Key=key(storymap_id, "index.html"), Body=page, ContentType="text/html")
    return {"id": storymap_id}, 201


@app.post("/replace/<storymap_id>")
def replace(storymap_id: str) -> Any:
    """Read, write, look, throw away."""
    draft = key(storymap_id, "old.json")
    client.put_object(Bucket=BUCKET, Key=draft, Body=request.get_data())
    old = client.get_object(Bucket=BUCKET, Key=draft)["Body"].read()
    client.head_object(Bucket=BUCKET, Key=draft)
    client.delete_object(Bucket=BUCKET, Key=draft)
    return Response(old, mimetype="application/json")


@app.post("/image/<storymap_id>")
def image(storymap_id: str) -> Any:
    """Upload in the threads of s3transfer."""
    client.upload_fileobj(io.BytesIO(request.get_data()), BUCKET, key(storymap_id, "image.jpg"))
    return Response(status=204)


@app.get("/load/<storymap_id>")
def load(storymap_id: str) -> Any:
    """Stream the draft to the user."""
    try:
        body = client.get_object(Bucket=BUCKET, Key=key(storymap_id, "draft.json"))["Body"]
    except client.exceptions.NoSuchKey:
        abort(404)

    def pieces() -> Iterator[bytes]:
        yield from body.iter_chunks(1000)

    return Response(pieces(), mimetype="application/json")


@app.post("/rejected/<storymap_id>")
def rejected(storymap_id: str) -> Any:
    """Say no, before anything is stored."""
    abort(409, f"{storymap_id} is open elsewhere")


@app.post("/broken/<storymap_id>")
def broken(storymap_id: str) -> Any:
    """Raise, before anything is stored."""
    raise LookupError(storymap_id)
