"""An app whose users press save again: it saves in the ways that apps do, and is told apart by its things."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import flask
import pytest

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace.capture.key_pattern import KeyPattern
from tests.fixture_capture import Captured
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

SECRET_KEY = "of this test"

NAMED = Settings(
    key_patterns=(KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}"),),
    request_attributes=(
        RequestAttribute("map.id", "form", "id"),
        RequestAttribute("map.user", "session", "uid"),
    ),
)
"""Settings by which things and users are known by their names."""


@pytest.fixture
def maps(captured: Captured, store: RawStore, client_of: MakeClient) -> flask.Flask:
    """The app, with a secret key; see `make_maps`."""
    return make_maps(client_of(store), SECRET_KEY)


def make_maps(client: Any, secret_key: str | None, name: str = "maps") -> flask.Flask:
    """Make an app that saves through an S3 client; it must be made while capture is on.

    A user logs in by `GET /login/<uid>`. `POST /save/` takes a form's `id` and `d` and tells what fails in
    JSON; `/raw/<map_id>` lets exceptions go; `/create/` writes two objects under a new id each time.
    """
    app = flask.Flask(name)
    app.secret_key = secret_key
    numbers = itertools.count()

    def put(map_id: str, file: str, body: bytes | str) -> None:
        user = flask.session.get("uid", "nobody")
        client.put_object(Bucket="bucket", Key=f"maps/{user}/{map_id}/{file}", Body=body)

    @app.get("/login/<uid>")
    def login(uid: str) -> str:
        flask.session["uid"] = uid
        return uid

    @app.post("/save/")
    def save() -> Any:
        if flask.request.headers.get("Die") == "early":
            raise LookupError
        map_id, body = flask.request.form["id"], flask.request.form["d"]
        if flask.request.headers.get("Die") == "refused":
            return {"error": "it is open elsewhere"}, 409
        try:
            put(map_id, "draft.json", body)
        except Exception as error:
            return {"error": f"Not saved: {type(error).__name__}"}
        return {"saved": True}

    @app.post("/raw/<map_id>")
    def raw(map_id: str) -> str:
        put(map_id, "draft.json", flask.request.get_data())
        return "saved"

    @app.post("/create/")
    def create() -> Any:
        map_id = f"{flask.request.form['title']}-{next(numbers)}"
        put(map_id, "draft.json", flask.request.form["d"])
        put(map_id, "index.html", f"<a href='{map_id}'>")
        return {"id": map_id}

    return app
