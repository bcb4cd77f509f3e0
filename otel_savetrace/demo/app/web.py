"""The storymap editor's routes. Like many an editor's, they answer 200 with ``{"error": …}`` on failure."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from . import storage

SLUG_LIMIT = 200

app = Flask(__name__)
app.config.from_prefixed_env()
app.secret_key = os.environ.get("FLASK_SECRET_KEY", "only for trying it out")

View = Callable[..., ResponseReturnValue]


def require_user(view: View) -> View:
    """Send whoever is not logged in to the start page."""

    @functools.wraps(view)
    def checked(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if "uid" not in session:
            return redirect(url_for("select"))
        return view(*args, **kwargs)

    return checked


def answer_errors(view: View) -> View:
    """Tell the editor what went wrong in a way that it can show."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        try:
            return view(*args, **kwargs)
        except storage.StorageError as error:
            return jsonify(error=error.message, error_detail=error.detail)
        except ValueError as error:
            return jsonify(error=f"The StoryMap could not be read: {error}")

    return answered


@app.get("/")
@app.get("/select/")
def select() -> ResponseReturnValue:
    """Log in, choose a storymap or make one."""
    storymaps = storage.storymap_ids(session["uid"]) if "uid" in session else []
    return render_template("select.html", name=session.get("name"), storymaps=storymaps)


@app.route("/login/", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Log in under any name; a real editor asks Google here."""
    name = request.values["name"]
    session["name"] = name
    session["uid"] = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return redirect(url_for("select"))


@app.get("/logout/")
def logout() -> ResponseReturnValue:
    """End the session."""
    session.clear()
    return redirect(url_for("select"))


@app.get("/edit/<storymap_id>/")
@require_user
def edit(storymap_id: str) -> ResponseReturnValue:
    """Show the editor."""
    try:
        draft = storage.load_draft(session["uid"], storymap_id)
    except storage.StorageError as error:
        return render_template("select.html", name=session["name"], storymaps=[], error=error.message), 404
    return render_template("edit.html", storymap_id=storymap_id, draft=draft)


@app.post("/storymap/create/")
@require_user
@answer_errors
def storymap_create() -> ResponseReturnValue:
    """Make a storymap under an id that is free: the title's slug, with a number where it is taken."""
    title, data = request.form["title"], json.loads(request.form["d"])
    taken = storage.storymap_ids(session["uid"])
    slug = storymap_id = slugify(title)
    number = 0
    while storymap_id in taken:
        number += 1
        storymap_id = f"{slug}-{number}"
    storage.save_draft(session["uid"], storymap_id, data)
    storage.save_page(session["uid"], storymap_id, "draft.html", embed(title, "draft.json"))
    return jsonify(id=storymap_id, title=title)


@app.post("/storymap/save/")
@require_user
@answer_errors
def storymap_save() -> ResponseReturnValue:
    """Save the draft."""
    storymap_id, data = request.form["id"], json.loads(request.form["d"])
    storage.save_draft(session["uid"], storymap_id, data)
    return jsonify(id=storymap_id)


@app.post("/storymap/publish/")
@require_user
@answer_errors
def storymap_publish() -> ResponseReturnValue:
    """Save the published version and the page that embeds it."""
    storymap_id, data = request.form["id"], json.loads(request.form["d"])
    storage.save_json(session["uid"], storymap_id, "published.json", data)
    storage.save_page(session["uid"], storymap_id, "index.html", embed(storymap_id, "published.json"))
    return jsonify(id=storymap_id, published=True)


@app.post("/storymap/image/save/")
@require_user
@answer_errors
def storymap_image_save() -> ResponseReturnValue:
    """Save an image that arrives as a data URL."""
    storymap_id, name, content = request.form["id"], request.form["name"], request.form["content"]
    head, _, encoded = content.rpartition(";base64,")
    image = base64.b64decode(encoded, validate=True)
    storage.save_image(session["uid"], storymap_id, name, image, head.removeprefix("data:"))
    return jsonify(id=storymap_id, name=name)


def slugify(title: str) -> str:
    """ASCII letters, digits and hyphens of a title; ``untitled`` if nothing is left."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LIMIT] or "untitled"


def embed(title: str, file: str) -> str:
    """Page that shows a storymap's file."""
    return render_template("embed.html", title=title, file=file)
