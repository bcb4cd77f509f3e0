"""Does at the stage's servers what a person would, from inside the app's container.

``visitor.py save ID`` logs in, makes the storymap ID if need be, saves it, and prints what the app answered.
``visitor.py get URL`` prints the body of the answer. Standard library only, as it runs under any Python.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

APP = "http://127.0.0.1:8000"


def save(storymap_id: str) -> str:
    """Save a storymap; give what the app answered."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)

    def post(path: str, **form: str) -> str:
        with browser.open(APP + path, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            text: str = answer.read().decode()
        return text

    with contextlib.suppress(urllib.error.HTTPError):
        post("/login/", name="maria")  # the page that it leads to lists storymaps, which storage may refuse
    return post("/storymap/save/", id=storymap_id, d=json.dumps({"slides": ["one", "two"]}))


def get(url: str) -> str:
    """Give the body of a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the stage's own servers
        text: str = answer.read().decode()
    return text


if __name__ == "__main__":
    sys.stdout.write({"save": save, "get": get}[sys.argv[1]](sys.argv[2]))
