"""A raw forward proxy: plain http by whole URLs, https by CONNECT; every byte is passed on as it came.

Whatever host a request names, it goes to the one store that the proxy stands before: host names need not
resolve. Each connection of a client has one connection to the store, which sees the very bytes sent; a reset
at one end is a reset at the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket

from tests.raw_listener import RawListener
from tests.raw_store import reset_socket

_END_OF_HEAD = b"\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_AT_ONCE = 65_536


@dataclasses.dataclass
class Passage:
    """A client's connection: `connect` is its CONNECT head, if any, `sent` the count of bytes after it."""

    connect: bytes | None = None
    sent: int = 0


class RawProxy(RawListener):
    """Stands before the store on `port` of loopback; `passages` are its connections in the order accepted."""

    def __init__(self, port: int) -> None:
        self.passages: list[Passage] = []
        self._store = ("127.0.0.1", port)
        super().__init__()

    @property
    def address(self) -> str:
        """Its URL, for a client's `proxies`."""
        return f"http://127.0.0.1:{self.port}"

    def _accepted(self, sock: socket.socket, client: tuple[str, int]) -> None:
        self._start(self._pass, sock)

    def _pass(self, client: socket.socket) -> None:
        passage = Passage()
        self.passages.append(passage)
        with client:
            first = client.recv(_AT_ONCE)
            if first.startswith(b"CONNECT "):
                while not first.endswith(_END_OF_HEAD):
                    first += client.recv(_AT_ONCE)
                passage.connect, first = first, b""
                client.sendall(_ESTABLISHED)
            with socket.create_connection(self._store) as store:
                store.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(store)
                back = self._start(_pump, store, client, None)
                passage.sent += len(first)
                store.sendall(first)
                _pump(client, store, passage)
                back.join()


def _pump(source: socket.socket, sink: socket.socket, passage: Passage | None) -> None:
    """Pass on what comes from `source` until it ends; its end is the sink's, its reset too."""
    try:
        while piece := source.recv(_AT_ONCE):
            if passage is not None:
                passage.sent += len(piece)
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except ConnectionResetError:
        with contextlib.suppress(OSError):  # gone already
            sink.shutdown(socket.SHUT_RD)  # the other pump waits on it, and no reset goes out while it does
        reset_socket(sink)
    except OSError:
        return  # the other pump has closed it
