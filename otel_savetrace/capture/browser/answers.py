"""Which of the app's answers are whole HTML documents, and how something gets into one."""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Callable
from typing import Any

import flask
from werkzeug.http import parse_options_header

_DOCUMENTS = frozenset(("document", "frame", "iframe", "embed", "object"))
_PARTIAL_OR_EMPTY = frozenset((204, 205, 206))
# A digest of what is sent would be one of something else.
_DIGESTS = ("content-md5", "digest", "content-digest", "repr-digest", "signature")
_TELLING = frozenset(("content-disposition", "accept-ranges", "content-range", "content-encoding", *_DIGESTS))
_STATEFUL = re.compile(r"iso2022|hz")

Say = Callable[[str], None]
"""Says once in the log why pages go without the script."""


def is_for_a_window(environ: dict[str, Any]) -> bool:
    """Return whether a window or frame asked, as far as the browser tells, rather than a script."""
    destination = environ.get("HTTP_SEC_FETCH_DEST")
    if destination is not None:
        return destination in _DOCUMENTS
    return str(environ.get("HTTP_X_REQUESTED_WITH", "")).lower() != "xmlhttprequest"


def is_whole(response: flask.Response, names: frozenset[str], say: Say) -> bool:
    """Return whether an answer is one HTML document that is held in memory, and sent as it is.

    `names` are those of its headers, in lower case.
    """
    status = response.status_code
    if status in _PARTIAL_OR_EMPTY or not (200 <= status < 300 or status >= 400):
        return False
    if type(response.response) is not list or response.direct_passthrough:
        say(
            "the script is not added to pages that the app sends as a file or a stream;"
            " put its line there by hand (docs/browser.md)"
        )
        return False
    if not _extends_ascii(response.headers["Content-Type"]):
        return False
    return names.isdisjoint(_TELLING) or _stays_true(response, names, say)


def _stays_true(response: flask.Response, names: frozenset[str], say: Say) -> bool:
    """Return whether what the headers tell is as true of the document with a tag in it."""
    headers = response.headers
    if headers.get("Content-Disposition", "").lstrip().lower().startswith("attachment"):
        return False
    if headers.get("Accept-Ranges", "none") != "none" or "content-range" in names:
        return False  # parts of it may be asked for
    encoding = headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        say(
            f"the script is not added to pages that the app itself compresses (Content-Encoding: {encoding});"
            " let the server in front of it compress them"
        )
        return False
    digest = next((name for name in _DIGESTS if name in names), None)
    if digest is not None:
        say(f"the script is not added to pages with the header {digest}, which would no longer be true")
        return False
    return True


@functools.lru_cache(maxsize=32)
def _extends_ascii(content_type: str) -> bool:
    """Return whether bytes of ASCII mean the same in the encoding that is told; none told means so."""
    charset = parse_options_header(content_type)[1].get("charset", "utf-8")
    try:
        return _STATEFUL.match(codecs.lookup(charset).name) is None and "<head>".encode(charset) == b"<head>"
    except (LookupError, ValueError):
        return False


def held(response: flask.Response) -> bytes:
    """Return the body of an answer that is held in memory."""
    pieces: Any = response.response
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def put(response: flask.Response, names: frozenset[str], body: bytes, place: int, tag: bytes) -> bool:
    """Put `tag` into the body; returns whether it is there."""
    headers = response.headers
    if "content-length" in names:
        if headers["Content-Length"] != str(len(body)):
            return False  # it means something else than this body
        headers["Content-Length"] = str(len(body) + len(tag))
    response.response = [b"".join((body[:place], tag, body[place:]))]
    if "etag" in names and headers["ETag"].startswith('"'):
        # The app knows its page by it, byte for byte; with the tag it is the same page in other bytes.
        headers["ETag"] = f"W/{headers['ETag']}"
    return True
