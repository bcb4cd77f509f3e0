"""Somebody's app whose saves take a while before, in and after storing; it writes down which it began."""

from __future__ import annotations

import os
import time
from pathlib import Path

import boto3
from botocore.config import Config
from flask import Flask, request

from otel_savetrace.demo.servers import BUCKET

app = Flask(__name__)
client = boto3.client(
    "s3", config=Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=50)
)
_BEGUN = os.open(Path(os.environ["BEGUN"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@app.get("/")
def ready() -> str:
    """Say that the app is up."""
    return "ready"


@app.post("/save/<save_id>")
def save(save_id: str) -> str:
    """Save one object, then see to something else."""
    os.write(_BEGUN, f"{save_id}\n".encode())  # one append, whole, whatever becomes of the process
    time.sleep(0.02)
    client.put_object(Bucket=BUCKET, Key=f"storymapjs/ada/{save_id}/draft.json", Body=request.get_data())
    time.sleep(0.02)
    return save_id
