"""Somebody's storymap editor for people, teams and scripts; what fails it tells in JSON, with status 200.

People are logged in by Flask's session, scripts say who they are in the header X-Client. Objects stand under
``storymapjs/{owner}/{storymap}/{file}``, the owner being a person, a script or a team.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, abort, jsonify, redirect, request, session
from flask.typing import ResponseReturnValue

BUCKET = "storymaps"

app = Flask(__name__)
app.secret_key = "the same on every host"
client = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))

View = Callable[[str], ResponseReturnValue]


@app.before_request
def check() -> None:
    """Be slow, or fall over before anything is read, where the request asks for it."""
    time.sleep(float(request.headers.get("X-Pause", "0")))
    if request.headers.get("X-Trouble") == "early":
        raise LookupError("the database is away")


def for_users(view: View) -> View:
    """Send whoever is not logged in to the start page; tell the editor what storage did not do."""

    @functools.wraps(view)
    def checked() -> ResponseReturnValue:
        if "uid" not in session and "X-Client" not in request.headers:
            return redirect("/select/")
        try:
            return view(request.form["owner"])
        except (BotoCoreError, ClientError):
            return jsonify(error="Unable to save StoryMap", error_detail="Storage did not accept it.")

    return checked  # type: ignore[return-value]  # Flask calls it without arguments


@app.get("/")
@app.get("/select/")
def select() -> ResponseReturnValue:
    """Show the start page."""
    return "Log in, or choose a storymap."


@app.post("/login/")
def login() -> ResponseReturnValue:
    """Log in under any name; a real editor asks Google here."""
    session["uid"] = request.form["name"]
    return redirect("/select/")


@app.post("/storymap/create/")
@for_users
def create(owner: str) -> ResponseReturnValue:
    """Make a storymap under an id that is free: the title's slug, with a number where it is taken."""
    page = client.list_objects_v2(Bucket=BUCKET, Prefix=key(owner, "", ""), Delimiter="/")
    taken = {entry["Prefix"].rstrip("/").rpartition("/")[2] for entry in page.get("CommonPrefixes", [])}
    slug = storymap_id = re.sub(r"[^a-z0-9]+", "-", request.form["title"].lower()).strip("-")
    number = 0
    while storymap_id in taken:
        number += 1
        storymap_id = f"{slug}-{number}"
    put(key(owner, storymap_id, "draft.json"), draft())
    put(key(owner, storymap_id, "draft.html"), embed(owner, storymap_id, "draft.json"))
    return jsonify(id=storymap_id)


@app.post("/storymap/save/")
@for_users
def save(owner: str) -> ResponseReturnValue:
    """Save the draft; try the whole save a second time before giving up."""
    storymap_id, trouble = request.form["id"], request.headers.get("X-Trouble")
    if trouble == "conflict":
        abort(409, f"{storymap_id} is open elsewhere")
    if trouble == "exception":
        raise LookupError(storymap_id)
    try:
        put(key(owner, storymap_id, "draft.json"), draft())
    except (BotoCoreError, ClientError):
        put(key(owner, storymap_id, "draft.json"), draft())
    if trouble == "database":
        raise ConnectionError("the database was lost after the draft was stored")
    return jsonify(id=storymap_id)


@app.post("/storymap/publish/")
@for_users
def publish(owner: str) -> ResponseReturnValue:
    """Save the published version and the page that embeds it."""
    storymap_id = request.form["id"]
    put(key(owner, storymap_id, "published.json"), draft())
    put(key(owner, storymap_id, "index.html"), embed(owner, storymap_id, "published.json"))
    return jsonify(id=storymap_id)


def key(owner: str, storymap_id: str, file: str) -> str:
    """Make an object's key."""
    return "/".join(part for part in ("storymapjs", owner, storymap_id) if part) + f"/{file}"


def draft() -> bytes:
    """Return the storymap as it is stored, which is not as it is sent."""
    return json.dumps(json.loads(request.form["d"])).encode()


def embed(owner: str, storymap_id: str, file: str) -> bytes:
    """Return the page that shows a storymap: it names the storymap's address."""
    return f"<iframe data-url='https://maps.example/{key(owner, storymap_id, file)}'></iframe>".encode()


def put(object_key: str, content: bytes) -> Any:
    """Store an object."""
    return client.put_object(Bucket=BUCKET, Key=object_key, Body=content, CacheControl="no-cache")
