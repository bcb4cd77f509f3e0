"""An S3 stand-in in a process of its own: answers every PUT with 200 and keeps nothing.

An object whose key holds ``/retried/`` is refused three times before each answer. Also takes OTLP over HTTP
on the same port, so that the exporter's work is part of what is measured.
"""

from __future__ import annotations

import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

RETRIES = 3


class Store(BaseHTTPRequestHandler):
    """Answers at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    refused: ClassVar[Counter[str]] = Counter()

    def do_PUT(self) -> None:
        """Take an object, or refuse it."""
        if "/retried/" in self.path and self.refused[self.path] < RETRIES:
            self.refused[self.path] += 1
            self._answer(500, {"x-amz-request-id": "REQUEST"})
            return
        self.refused.pop(self.path, None)
        self._answer(200, {"ETag": '"e"', "x-amz-request-id": "REQUEST", "x-amz-id-2": "host"})

    def do_POST(self) -> None:
        """Take spans."""
        self._answer(200, {})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Store).serve_forever()
