"""A raw forward proxy: plain http by whole URLs, https by CONNECT; every byte is passed on as it came.

Whatever host a request names, it goes to the one store that the proxy stands before: host names need not
resolve. Each connection of a client has one connection to the store, which sees the very bytes sent; a reset
at one end is a reset at the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading

from tests.raw_store import reset_socket

_END_OF_HEAD = b"\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_AT_ONCE = 65_536


@dataclasses.dataclass
class Passage:
    """A client's connection: `connect` is its CONNECT head, if any, `sent` the count of bytes after it."""

    connect: bytes | None = None
    sent: int = 0


class RawProxy:
    """Stands before the store on `port` of loopback; `passages` are its connections in the order accepted."""

    def __init__(self, port: int) -> None:
        self.passages: list[Passage] = []
        self._store = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        """Its URL, for a client's `proxies`."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close every socket and wait for every thread."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(client)
            self._start(self._pass, client)

    def _start(self, work: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()
        return thread

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
