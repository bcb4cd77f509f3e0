"""Somebody's app that saves to S3, counts saves in PostgreSQL, logs as it goes and tries twice by itself."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg2
import psycopg2.extras
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, abort, jsonify, request

BUCKET = "storymaps"
FIVE_MEGABYTES = 5 * 1024 * 1024
DATABASE = os.environ.get("DATABASE_URL")

logger = logging.getLogger("storage")
app = Flask(__name__)
client = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
past_boto3 = urllib3.PoolManager()
in_parts = TransferConfig(multipart_threshold=FIVE_MEGABYTES, multipart_chunksize=FIVE_MEGABYTES)


def key(storymap_id: str, file: str) -> str:
    """Make an object's key."""
    return f"storymapjs/ada/{storymap_id}/{file}"


@contextlib.contextmanager
def database() -> Iterator[Any]:
    """Connect anew, as every request does; None where the app has no database."""
    if DATABASE is None:
        yield None
        return
    with contextlib.closing(psycopg2.connect(DATABASE)) as connection:
        yield connection


@app.get("/")
def ready() -> str:
    """Say that the app is up."""
    return "ready"


@app.post("/save/<storymap_id>")
def save(storymap_id: str) -> Any:
    """Look the storymap up, save its draft, count that; what fails is told in JSON, with status 200."""
    try:
        with database() as connection:
            look_up(connection, storymap_id)
            put_twice(storymap_id, request.get_data())
            note(connection, storymap_id)
    except (BotoCoreError, ClientError, psycopg2.Error) as error:
        return jsonify(error=f"Unable to save: {error}")
    return jsonify(id=storymap_id)


def look_up(connection: Any, storymap_id: str) -> None:
    """Read the storymap's row."""
    if connection is not None:
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute("SELECT saves FROM storymaps WHERE id = %s", (storymap_id,))
            cursor.fetchall()


def note(connection: Any, storymap_id: str) -> None:
    """Count the save in the storymap's row."""
    if connection is not None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE storymaps SET saves = saves + 1 WHERE id = %s", (storymap_id,))
        connection.commit()


def put_twice(storymap_id: str, draft: bytes) -> None:
    """Put the draft; once more where that failed."""
    try:
        put(storymap_id, draft)
    except (BotoCoreError, ClientError) as error:
        logger.warning("[STORAGE_ERROR] %s: %s", storymap_id, error)
        put(storymap_id, draft)


def put(storymap_id: str, draft: bytes) -> None:
    """Put the draft and log it."""
    logger.warning("[SAVE_ATTEMPT] %s", storymap_id)
    client.put_object(Bucket=BUCKET, Key=key(storymap_id, "draft.json"), Body=draft)
    logger.warning("[SAVE_SUCCESS] %s", storymap_id)


@app.post("/publish/<storymap_id>")
def publish(storymap_id: str) -> Any:
    """Save two objects; whatever fails is a 500."""
    client.put_object(Bucket=BUCKET, Key=key(storymap_id, "published.json"), Body=request.get_data())
    client.put_object(Bucket=BUCKET, Key=key(storymap_id, "index.html"), Body="<html>")
    return {"id": storymap_id}, 201


@app.post("/image/<storymap_id>")
def image(storymap_id: str) -> Any:
    """Upload in the threads of s3transfer, in parts from five megabytes on."""
    image_key = key(storymap_id, "image.jpg")
    client.upload_fileobj(io.BytesIO(request.get_data()), BUCKET, image_key, Config=in_parts)
    return jsonify(id=storymap_id)


@app.post("/presigned/<storymap_id>")
def presigned(storymap_id: str) -> Any:
    """Save past boto3, by an address that boto3 has signed."""
    parameters = {"Bucket": BUCKET, "Key": key(storymap_id, "draft.json")}
    address = client.generate_presigned_url("put_object", Params=parameters)
    answer = past_boto3.request("PUT", address, body=request.get_data())
    return jsonify(status=answer.status)


@app.post("/rejected/<storymap_id>")
def rejected(storymap_id: str) -> Any:
    """Say no, before anything is stored."""
    abort(409, f"{storymap_id} is open elsewhere")


@app.post("/broken/<storymap_id>")
def broken(storymap_id: str) -> Any:
    """Raise, before anything is stored."""
    raise LookupError(storymap_id)
