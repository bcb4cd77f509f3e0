"""An S3 stand-in in a process of its own: answers every PUT with 200 and keeps nothing.

Also takes OTLP over HTTP on the same port, so that the exporter's work is part of what is measured.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Store(BaseHTTPRequestHandler):
    """Answers at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        """Take an object."""
        self._answer({"ETag": '"e"', "x-amz-request-id": "REQUEST", "x-amz-id-2": "host"})

    do_POST = do_PUT  # noqa: N815 - http.server's name

    def _answer(self, headers: dict[str, str]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Store).serve_forever()
