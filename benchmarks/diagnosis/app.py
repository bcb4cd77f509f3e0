"""The app under diagnosis: boards of cards and files, saved to S3. Its own bugs are switched on by FAULT."""

from __future__ import annotations

import os
import random
import sqlite3
from typing import Any

import boto3
import flask
from botocore.config import Config
from opentelemetry import trace

FAULT = os.environ.get("FAULT", "")
BUCKET = "boards"

app = flask.Flask(__name__)
app.secret_key = os.environ.get("SECRET", "the same on all hosts")
stores = [
    boto3.client(
        "s3",
        endpoint_url=address,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": int(os.environ.get("ATTEMPTS", "1"))},
            connect_timeout=1,
            read_timeout=float(os.environ.get("PATIENCE", "5")),
        ),
    )
    for address in os.environ["STORES"].split(",")
]
tracer = trace.get_tracer("boards.database")
chance = random.Random(os.environ.get("SEED", "0"))  # noqa: S311 - which store, no secret


@app.post("/enter")
def enter() -> Any:
    """Let a member in."""
    flask.session.update(flask.request.get_json())
    return {}


@app.get("/ready")
def ready() -> Any:
    """Say that the app is there."""
    return {}


@app.before_request
def members_only() -> Any:
    """Send strangers to the door."""
    if flask.request.path.startswith("/boards/") and "member" not in flask.session:
        return flask.redirect("/enter")
    return None


@app.put("/boards/<board>")
def save_cards(board: str) -> Any:
    """Save a board's cards."""
    cards = flask.request.get_json()["cards"]
    _stumble(len(flask.request.get_data()))
    _put(f"cards/{flask.session['team']}/{board}.json", flask.json.dumps(cards).encode(), {})
    return {"saved": True}


@app.post("/boards/<board>/files/<name>")
def save_file(board: str, name: str) -> Any:
    """Save a file that was dropped on a board."""
    content = flask.request.get_data()
    _stumble(len(content))
    origin = flask.request.headers.get("X-Origin", "")
    _put(f"files/{flask.session['team']}/{board}/{name}", content, {"origin": origin} if origin else {})
    return {"saved": True}


def _put(key: str, content: bytes, metadata: dict[str, str]) -> None:
    chance.choice(stores).put_object(Bucket=BUCKET, Key=key, Body=content, Metadata=metadata)


def _stumble(size: int) -> None:
    if FAULT == "large" and size > 20_000:
        raise RecursionError("cards within cards")
    if FAULT == "old build" and flask.request.headers["X-Build"] == "2.1":
        flask.abort(422)
    if FAULT == "database" and chance.random() < 0.15:
        with tracer.start_as_current_span("UPDATE boards", kind=trace.SpanKind.CLIENT):
            raise sqlite3.OperationalError("database is locked")
    if FAULT == "young worker" and _served() < 4:
        raise KeyError("cache")


def _served() -> int:
    app.config["SERVED"] = app.config.get("SERVED", -1) + 1
    return int(app.config["SERVED"])
