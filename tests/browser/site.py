"""Somebody's app with saves that go well and saves that do not; the script's tag is in every page.

Run by gunicorn in a process of its own. Its environment says where spans go (``ENDPOINT``), which files the
script and jQuery are (``SCRIPT``, ``JQUERY``), and what else stands in the tag (``TAG``).
"""

from __future__ import annotations

import os
import struct
import threading
from collections import defaultdict
from pathlib import Path

import flask

PAGE = """<!doctype html><html><head><meta charset="utf-8">
{before}{tag}<script src="/jquery.js"></script></head>
<body><div id="error" style="display: none"></div>
<form id="form" method="post" action="/form/saved">
<input name="title" value="Ünter"><button>Save</button></form>
{more}</body></html>"""

app = flask.Flask("site")
gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)
"""What the answers wait for, by what is saved."""


def page(before: str = "", more: str = "", status: int = 200) -> flask.Response:
    """Return a page with the script's tag, after what `before` is."""
    told = flask.request.args.get("tag") or os.environ["TAG"]
    tag = f'<script src="/savetrace.js" data-endpoint="{os.environ["ENDPOINT"]}" {told}></script>'
    if "notag" in flask.request.args:
        tag = ""
    answer = flask.make_response(PAGE.format(before=before, tag=tag, more=more), status)
    if "csp" in flask.request.args:
        answer.headers["Content-Security-Policy"] = flask.request.args["csp"]
    if "trial" in flask.request.args:
        answer.headers["Content-Security-Policy-Report-Only"] = flask.request.args["trial"]
    return answer


@app.get("/")
def editor() -> flask.Response:
    """Return the page that saves."""
    return page(flask.request.args.get("before", ""))


@app.get("/savetrace.js")
def script() -> flask.Response:
    """Return our script."""
    return flask.Response(Path(os.environ["SCRIPT"]).read_bytes(), mimetype="text/javascript")


@app.get("/jquery.js")
def jquery() -> flask.Response:
    """Return jQuery."""
    return flask.Response(Path(os.environ["JQUERY"]).read_bytes(), mimetype="text/javascript")


@app.post("/save/<thing>")
@app.get("/rename/<thing>")
@app.get("/read/<thing>")
def save(thing: str) -> dict[str, object]:
    """Save; say which headers came."""
    return {
        "saved": thing,
        "traceparent": flask.request.headers.get("traceparent"),
        "body": len(flask.request.data),
    }


@app.post("/broken/<thing>")
def broken(thing: str) -> tuple[str, int]:
    """Fail as a server does."""
    return "<html>Bad Gateway", 502


@app.post("/sorry/<thing>")
def sorry(thing: str) -> dict[str, str]:
    """Fail as StoryMapJS does: the status says that all is well."""
    return {"error": f"Unable to save {thing}"}


@app.post("/flaky/<thing>")
def flaky(thing: str) -> tuple[dict[str, str], int]:
    """Fail at every first time."""
    seen = app.extensions.setdefault("seen", set())
    if thing in seen:
        return {"saved": thing}, 200
    seen.add(thing)
    return {"error": "SlowDown"}, 503


@app.post("/expired/<thing>")
@app.post("/form/expired")
def expired(thing: str = "") -> flask.Response:
    """Send to log in."""
    return flask.redirect("/welcome", 302)  # type: ignore[return-value]  # werkzeug's own class


@app.get("/welcome")
def welcome() -> flask.Response:
    """Ask who it is."""
    return page(more='<form><input type="password" name="secret"></form>')


@app.post("/moved/<thing>")
def moved(thing: str) -> flask.Response:
    """Send on to a page, who knows why."""
    return flask.redirect("/", 302)  # type: ignore[return-value]  # werkzeug's own class


@app.post("/waiting/<thing>")
def waiting(thing: str) -> dict[str, str]:
    """Save when the test says so."""
    gates[thing].wait(60)
    return {"saved": thing}


@app.post("/release/<thing>")
def release(thing: str) -> str:
    """Let the answers to saves of this thing go, those that are still to come too."""
    gates[thing].set()
    return ""


@app.post("/reset/<thing>")
def reset(thing: str) -> str:
    """Break the connection."""
    import socket

    sock: socket.socket = flask.request.environ["gunicorn.socket"]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    return ""


@app.post("/form/saved")
@app.post("/form/watched")
def form_saved() -> flask.Response:
    """Save a form, and send back to the page."""
    return flask.redirect("/", 303)  # type: ignore[return-value]  # werkzeug's own class


@app.post("/form/bare")
def form_bare() -> str:
    """Answer as a front server does whose app is gone."""
    return "<h1>Bad Gateway</h1><a href='/'>Back</a>"


@app.post("/form/waiting/<thing>")
def form_waiting(thing: str) -> flask.Response:
    """Save a form when the test says so."""
    gates[thing].wait(60)
    return page()


@app.post("/large/<thing>")
def large(thing: str) -> dict[str, str]:
    """Say more than is looked at."""
    return {"all": "x" * 100_000, "error": f"{thing} is too large"}


@app.post("/form/failed")
def form_failed() -> flask.Response:
    """Fail with a page of the app's own."""
    return page(more='<p class="flash">The map could not be saved.</p>', status=500)
