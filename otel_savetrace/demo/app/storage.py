"""Objects of a storymap in S3: ``storymapjs/{user}/{storymap}/{file}``."""

from __future__ import annotations

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

BUCKET = os.environ.get("AWS_STORAGE_BUCKET_NAME", "storymaps")
FOLDER = "storymapjs"
SECONDS_BETWEEN_TRIES = 0.2

TIMEOUT_SECONDS = float(os.environ.get("STORAGE_TIMEOUT_SECONDS", "60"))


def _make_client(attempts: int) -> Any:
    return boto3.client(
        "s3",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
        ),
    )


_client = _make_client(attempts=int(os.environ.get("STORAGE_ATTEMPTS", "3")))
# Images may be large: one try only, so that a bad connection does not keep a worker busy for minutes.
_image_client = _make_client(attempts=1)


def _open_connections(many: int) -> None:
    """Ask for the bucket in many threads at once, so that so many connections are open when users come."""
    with ThreadPoolExecutor(many) as threads:
        list(threads.map(lambda _: _image_client.head_bucket(Bucket=BUCKET), range(many)))


if os.environ.get("STORAGE_CONNECTIONS_AT_START"):
    _open_connections(int(os.environ["STORAGE_CONNECTIONS_AT_START"]))


class StorageError(Exception):
    """Storage did not do what was asked; `message` is for the user, `detail` for support."""

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


def key(user_id: str, storymap_id: str, file: str) -> str:
    """Make the object key of one file of a storymap."""
    return f"{FOLDER}/{user_id}/{storymap_id}/{file}"


def storymap_ids(user_id: str) -> list[str]:
    """List the ids of the user's storymaps, sorted."""
    prefix = f"{FOLDER}/{user_id}/"
    try:
        page = _client.list_objects_v2(Bucket=BUCKET, Prefix=prefix, Delimiter="/")
    except (BotoCoreError, ClientError) as error:
        raise StorageError("Unable to list StoryMaps", str(error)) from error
    folders = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    return sorted(folder.removeprefix(prefix).rstrip("/") for folder in folders)


def load_draft(user_id: str, storymap_id: str) -> Any:
    """Return the storymap's draft, as `save_draft` was given it."""
    try:
        answer = _client.get_object(Bucket=BUCKET, Key=key(user_id, storymap_id, "draft.json"))
        return json.loads(answer["Body"].read())
    except (BotoCoreError, ClientError) as error:
        raise StorageError("Unable to load StoryMap", str(error)) from error


def save_draft(user_id: str, storymap_id: str, data: Any) -> None:
    """Save the draft; try the whole save a second time before giving up."""
    try:
        save_json(user_id, storymap_id, "draft.json", data)
    except StorageError:
        time.sleep(SECONDS_BETWEEN_TRIES)
        save_json(user_id, storymap_id, "draft.json", data)


def save_json(user_id: str, storymap_id: str, file: str, data: Any) -> None:
    """Save `data` as JSON."""
    _put(_client, key(user_id, storymap_id, file), json.dumps(data).encode(), "application/json")


def save_page(user_id: str, storymap_id: str, file: str, html: str) -> None:
    """Save a page that embeds the storymap."""
    _put(_client, key(user_id, storymap_id, file), html.encode(), "text/html; charset=utf-8")


def save_image(user_id: str, storymap_id: str, name: str, content: bytes, content_type: str) -> None:
    """Save an image under the name that the user gave it."""
    _put(_image_client, key(user_id, storymap_id, f"_images/{name}"), content, content_type)


def _put(client: Any, object_key: str, content: bytes, content_type: str) -> None:
    try:
        client.put_object(
            Bucket=BUCKET,
            Key=object_key,
            Body=content,
            ContentType=content_type,
            CacheControl="no-cache, no-store, must-revalidate",
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("saving %s failed: %s", object_key, error)
        raise StorageError("Unable to save StoryMap", "The storage service did not accept it.") from error
