"""A raw server that stands where the Collector would: it counts every span and request that arrives."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otel_savetrace import attributes as names
from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.spans.otlp import spans_of
from otel_savetrace.spans.rows import Span

ARRIVAL_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Arrival:
    """One POST: its headers by their names in small letters, its body, and what it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def spans(self) -> list[Span]:
        """The spans in it."""
        found = list(spans_of(json.loads(self.body)))
        assert all(isinstance(span, Span) for span in found), found
        return found  # type: ignore[return-value]  # asserted


class Receiver:
    """Takes `POST /v1/traces` of any page; `status` is what it answers, anything but 200 keeping nothing."""

    def __init__(self) -> None:
        self.status = 200
        self._arrivals: list[Arrival] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self._answer(204)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.status
                self._answer(status)
                receiver._note(
                    Arrival({name.lower(): value for name, value in self.headers.items()}, body, status)
                )

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Allow-Headers", "content-type")
                self.send_header("Access-Control-Max-Age", "7200")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where to send to."""
        return f"http://{LOOPBACK}:{self._server.server_port}/v1/traces"

    def stop(self) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()

    def clear(self) -> None:
        """Forget what arrived, and answer well again."""
        with self._changed:
            self._arrivals.clear()
            self.status = 200

    @property
    def arrivals(self) -> list[Arrival]:
        """Every POST so far."""
        with self._changed:
            return list(self._arrivals)

    @property
    def spans(self) -> list[Span]:
        """Every span that was taken, repeats included."""
        return [span for arrival in self.arrivals if arrival.status == 200 for span in arrival.spans]

    def wait(self, until: Callable[[list[Span]], Any], what: str = "spans") -> list[Span]:
        """Return the spans taken once they are as `until` asks; fails where they never are."""
        with self._changed:
            came = self._changed.wait_for(lambda: until(self.spans), ARRIVAL_SECONDS)
        assert came, f"no {what}: {[dict(span.attributes) for span in self.spans]}"
        return self.spans

    def wait_for_posts(self, count: int) -> None:
        """Return once that many POSTs have come, whatever they were answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._arrivals) >= count, ARRIVAL_SECONDS)

    def one(self, path: str) -> Span:
        """Return the one span of a save to `path`, once it is here."""
        spans = self.wait(lambda spans: [span for span in spans if path_of(span) == path], f"save to {path}")
        (found,) = [span for span in spans if path_of(span) == path]
        return found

    def all(self, path: str, count: int) -> list[Span]:
        """Return the spans of saves to `path`, once there are that many, in the order of their beginning."""

        def found(spans: list[Span]) -> list[Span]:
            return [span for span in spans if path_of(span) == path]

        spans = self.wait(lambda spans: len(found(spans)) >= count, f"{count} of {path}")
        return sorted(found(spans), key=began)

    def _note(self, arrival: Arrival) -> None:
        with self._changed:
            self._arrivals.append(arrival)
            self._changed.notify_all()


def path_of(span: Span) -> str:
    """Return the path that a save was sent to."""
    return "/" + str(span.attributes["url.full"]).split("/", 3)[3]


def began(span: Span) -> tuple[int, bool]:
    """Return what orders saves by their beginning: two clicks may be in one millisecond."""
    return span.start_nanoseconds, names.BROWSER_OVERLAPPING in span.attributes
