"""A stand-in for Jaeger's query API where a test needs answers that a real one gives rarely or never."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]
Answering = Callable[[str, dict[str, str]], Answer]

NOTHING_FOUND: Answer = (404, b'{"error":{"httpCode":404,"message":"No traces found"}}')


class StubJaeger:
    """Answers each GET with what `answering` returns for its path and parameters; keeps them in `asked`."""

    def __init__(self, answering: Answering) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                parameters = dict(urllib.parse.parse_qsl(parts.query))
                stub.asked.append((parts.path, parameters))
                status, body = answering(parts.path, parameters)
                self.send_response(status)
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
