"""A stand-in for Jaeger's query API where a test needs answers that a real one gives rarely or never."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes] | tuple[int, bytes, Mapping[str, str]]
"""Status, body, and headers where there are any."""

Answering = Callable[[str, dict[str, str]], Answer]

NOTHING_FOUND: Answer = (404, b'{"error":{"httpCode":404,"message":"No traces found"}}')


class StubJaeger:
    """Answers each GET with what `answering` returns for its path and parameters.

    It keeps those in `asked`, and the headers sent in `headers`.
    """

    def __init__(self, answering: Answering) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[Mapping[str, str]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                parameters = dict(urllib.parse.parse_qsl(parts.query))
                stub.asked.append((parts.path, parameters))
                stub.headers.append({name.title(): value for name, value in self.headers.items()})
                status, body, *headers = answering(parts.path, parameters)
                self.send_response(status)
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
