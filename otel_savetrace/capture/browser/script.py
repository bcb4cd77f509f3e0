"""The script that pages run, and the answer that hands it over."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cached_property
from pathlib import Path

FILE = Path(__file__).parents[2] / "browser" / "savetrace.js"
"""The script, as it is shipped."""

Answer = tuple[str, list[tuple[str, str]], bytes]
"""Status line, headers and body, as a WSGI server takes them."""

_BY_ITSELF = "/_savetrace"
_NAME = re.compile(r"/savetrace(?:\.([0-9a-f]{1,64}))?\.js")
_YEAR_SECONDS = 365 * 24 * 60 * 60


class Script:
    """The script, and where it stands on the app's site.

    It stands under the address that takes reports where there is one, since a front server is then known to
    pass that on. Its name holds a hash of it, so that browsers may keep it for a year; asked for under
    another hash, by a page of the version before or after, it is handed over all the same, not to be kept.
    """

    def __init__(self, text: bytes, path: str | None) -> None:
        self.text = text
        self._folder = _BY_ITSELF if path is None else path.rstrip("/")
        self._hash = hashlib.sha256(text).hexdigest()[:16]
        self.path = f"{self._folder}/savetrace.{self._hash}.js"

    @cached_property
    def _zipped(self) -> bytes:
        return gzip.compress(self.text, 9, mtime=0)

    @property
    def beginning(self) -> str:
        """How every path begins under which it is handed over."""
        return f"{self._folder}/savetrace."

    def answer(self, path: str, method: str, accept_encoding: str) -> Answer | None:
        """Return the answer to a request for `path`, None where that does not name the script."""
        name = _NAME.fullmatch(path.removeprefix(self._folder))
        if name is None or method not in ("GET", "HEAD"):
            return None
        lasts = f"public, max-age={_YEAR_SECONDS}, immutable" if name[1] == self._hash else "no-cache"
        headers = [
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Cache-Control", lasts),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        body = self.text
        if _takes_gzip(accept_encoding):
            body = self._zipped
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        return "200 OK", headers, b"" if method == "HEAD" else body


def _takes_gzip(accept_encoding: str) -> bool:
    codings = (coding.replace(" ", "").lower() for coding in accept_encoding.split(","))
    return any(coding.partition(";")[0] == "gzip" and not coding.endswith(";q=0") for coding in codings)
