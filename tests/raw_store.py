"""A raw socket server that stands for S3 where a test must count bytes itself or decide every answer.

A stand-in, and it says so: it stores nothing and checks no signature. What it counts is the truth that
attributes are held against: it reads heads byte by byte as they come off the socket.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import threading
import time
from collections.abc import Callable

Answer = Callable[["Visit"], None]
"""Writes the answer to one request on the visit's socket, or does something worse to it."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request as it came off the wire; `connection` and `number` (on that connection) count from 0."""

    connection: int
    number: int
    head: bytes
    body: bytes
    arrived: float

    @property
    def method(self) -> str:
        """The request line's method."""
        return self.head.split(b" ", 1)[0].decode()

    def header(self, name: str) -> str | None:
        """The value of a header, None where the head has none of that name."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.decode().lower() == name.lower():
                return value.strip().decode()
        return None


@dataclasses.dataclass(frozen=True)
class Visit:
    """A request and the socket that it came on."""

    sock: socket.socket
    seen: Seen

    def send(self, status: str, body: bytes = b"", headers: str = "") -> None:
        """Send a whole answer that keeps the connection alive."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.sock.sendall(head.encode() + (b"" if self.seen.method == "HEAD" else body))


def stored(visit: Visit) -> None:
    """Answer as S3 does when all is well."""
    ids = f"x-amz-request-id: R{visit.seen.connection}.{visit.seen.number}\r\nx-amz-id-2: host/id+=\r\n"
    visit.send("200 OK", b"content" if visit.seen.method == "GET" else b"", f'ETag: "e"\r\n{ids}')


def refused(status: str, code: str) -> Answer:
    """Answer with an S3 error."""

    def answer(visit: Visit) -> None:
        body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
        visit.send(status, body, "x-amz-request-id: REFUSED\r\nContent-Type: application/xml\r\n")

    return answer


def reset(visit: Visit) -> None:
    """Reset the connection instead of answering."""
    visit.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    visit.sock.close()


def closed(visit: Visit) -> None:
    """Close the connection in good order instead of answering."""
    visit.sock.shutdown(socket.SHUT_RDWR)
    visit.sock.close()


def silent(visit: Visit) -> None:
    """Never answer; wait until the client has gone."""
    visit.sock.recv(1)


class RawStore:
    """Serves one scripted answer after another, then `stored`; keeps every request in `seen`."""

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.script: list[Answer] = []
        self._certificate = certificate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections = 0
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
        """Its endpoint URL."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close every socket and wait for every thread; a second call does nothing."""
        if self._listener.fileno() == -1:
            return
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
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, self._connections), daemon=True)
            self._connections += 1
            self._sockets.append(sock)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, connection: int) -> None:
        try:
            with self._secured(sock) as secured:
                self._talk(secured, connection)
        except OSError:
            return  # the client has gone, or the script has closed it

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self._certificate is None:
            return sock
        with sock:  # a failed handshake leaves it to be closed
            secured = self._certificate.wrap_socket(sock, server_side=True)
        self._sockets.append(secured)
        return secured

    def _talk(self, sock: socket.socket, connection: int) -> None:
        number = 0
        while (head := _read_head(sock)) is not None:
            arrived = time.monotonic()
            if b"expect: 100-continue" in head.lower():
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            seen = Seen(connection, number, head, _read_body(sock, head), arrived)
            self.seen.append(seen)
            answer = self.script.pop(0) if self.script else stored
            answer(Visit(sock, seen))
            number += 1


def _read_head(sock: socket.socket) -> bytes | None:
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            return None
        head += byte
    return bytes(head)


def _read_body(sock: socket.socket, head: bytes) -> bytes:
    fields = {
        line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in head.split(b"\r\n")
    }
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        body = bytearray()
        while not body.endswith(b"0\r\n\r\n"):
            body += sock.recv(1)
        return bytes(body)
    return _read_exactly(sock, int(fields.get(b"content-length", b"0")))


def _read_exactly(sock: socket.socket, length: int) -> bytes:
    body = bytearray()
    while len(body) < length:
        piece = sock.recv(length - len(body))
        if not piece:
            break
        body += piece
    return bytes(body)
