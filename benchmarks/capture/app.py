"""The app under measurement: one view, one PUT of what it was sent."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
import flask
from botocore.config import Config

app = flask.Flask(__name__)
storage = boto3.client(
    "s3",
    endpoint_url=os.environ["STORE"],
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",  # noqa: S106 - of a stand-in on loopback
    config=Config(s3={"addressing_style": "path"}),
)


@app.post("/save/<map_id>")
def save(map_id: str) -> Any:
    """Save what was sent."""
    storage.put_object(
        Bucket="bucket",
        Key=f"maps/somebody/{map_id}/draft.json",
        Body=flask.request.form["content"].encode(),
        ContentType="application/json",
    )
    return {"saved": True}


@app.get("/cpu")
def cpu() -> Any:
    """CPU seconds that this worker has used so far, every thread of it."""
    return {"seconds": time.process_time()}
