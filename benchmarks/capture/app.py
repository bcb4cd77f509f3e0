"""The app under measurement: one view, one PUT of what it was sent, and what the worker has used so far."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import boto3
import botocore.endpoint
import flask
from botocore.config import Config


class NoWaiting:
    """Stands for the module `time` in `botocore.endpoint`, so that retries come at once."""

    @staticmethod
    def sleep(seconds: float) -> None:
        """Return at once."""


botocore.endpoint.time = NoWaiting

app = flask.Flask(__name__)
storage = boto3.client(
    "s3",
    endpoint_url=os.environ["STORE"],
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",  # noqa: S106 - of a stand-in on loopback
    # Legacy mode has no quota, which thousands of retries would use up.
    config=Config(s3={"addressing_style": "path"}, retries={"mode": "legacy", "max_attempts": 3}),
)


@app.post("/<kind>/<map_id>")
def save(kind: str, map_id: str) -> Any:
    """Save what was sent; of the kind `retried`, the store answers the fourth attempt."""
    storage.put_object(
        Bucket="bucket",
        Key=f"maps/{kind}/{map_id}/draft.json",
        Body=flask.request.form["content"].encode(),
        ContentType="application/json",
    )
    return {"saved": True}


@app.get("/other")
def other() -> Any:
    """Answer a request that is no save."""
    return "pong"


@app.get("/used")
def used() -> Any:
    """CPU seconds and bytes of memory that this worker uses, every thread of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"seconds": time.process_time(), "bytes": pages * os.sysconf("SC_PAGE_SIZE")}
