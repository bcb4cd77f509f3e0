"""A raw socket server that stands for S3 where a test must count bytes itself or decide every answer.

A stand-in, and it says so: it stores nothing and checks no signature. What it counts is the truth that
attributes are held against: heads and bodies are kept byte for byte as they come off the socket.
"""

from __future__ import annotations

import dataclasses
import socket
import ssl
import time
from collections.abc import Callable

from tests.raw_listener import RawListener

Answer = Callable[["Visit"], None]
"""Writes the answer to one request on the visit's socket, or does something worse to it."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_END_OF_HEAD = b"\r\n\r\n"
_CRLF = b"\r\n"
_AT_ONCE = 65_536


@dataclasses.dataclass(frozen=True)
class Reception:
    """How a request's body is received.

    `says_continue`: whether an ``Expect: 100-continue`` is answered before the body is read. `takes`: how
    many bytes of the body are read before the answer, None for all.
    """

    says_continue: bool = True
    takes: int | None = None


WHOLE = Reception()
UNANSWERED = Reception(says_continue=False)
"""The head is met with silence, until the client sends the body all the same."""
FINAL = Reception(says_continue=False, takes=0)
"""The answer is given to the head; the body is not wanted."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """One request as it came off the wire.

    `store` is the port that it came to, `client` the address and port that it came from. `connection` and
    `number` (on that connection) count from 0. `body` is as sent, with the framing of chunks and trailers.
    Times are seconds of `time.monotonic`: `began` when the head's first bytes were there, `arrived` when its
    last were, `read` when the body's were.
    """

    connection: int
    number: int
    head: bytes
    body: bytes
    arrived: float
    began: float = 0.0
    read: float = 0.0
    client: tuple[str, int] = ("", 0)
    store: int = 0
    reception: Reception = WHOLE

    @property
    def method(self) -> str:
        """The request line's method."""
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        """The request line's target: path and query, or a whole URL where it came through a proxy."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def header_lines(self) -> list[bytes]:
        """The headers in the order sent, each a line without its CRLF."""
        return self.head.split(_CRLF)[1:-2]

    def header(self, name: str) -> str | None:
        """The value of a header, None where the head has none of that name."""
        for line in self.header_lines:
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
    reset_socket(visit.sock)


def reset_socket(sock: socket.socket) -> None:
    """Close `sock` so that its other end gets a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()


def closed(visit: Visit) -> None:
    """Close the connection in good order instead of answering."""
    visit.sock.shutdown(socket.SHUT_RDWR)
    visit.sock.close()


def silent(visit: Visit) -> None:
    """Never answer; wait until the client has gone."""
    visit.sock.recv(1)


class RawStore(RawListener):
    """Serves one scripted answer after another, then `stored`; keeps every request in `seen`.

    `choose` gives the answer to a request instead of the script, `receive` (given a head) says how its body
    is to be received; either may be replaced before requests come.
    """

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.script: list[Answer] = []
        self.choose: Callable[[Seen], Answer] = self._next_of_script
        self.receive: Callable[[bytes], Reception] = _receive_whole
        self._certificate = certificate
        self._connections = 0
        super().__init__()

    @property
    def address(self) -> str:
        """Its endpoint URL."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self.port}"

    def _next_of_script(self, _: Seen) -> Answer:
        return self.script.pop(0) if self.script else stored

    def _accepted(self, sock: socket.socket, client: tuple[str, int]) -> None:
        number, self._connections = self._connections, self._connections + 1
        self._start(self._serve, sock, number, client)

    def _serve(self, sock: socket.socket, connection: int, client: tuple[str, int]) -> None:
        try:
            with self._secured(sock) as secured:
                self._talk(secured, connection, client)
        except OSError:
            return  # the client has gone, or the script has closed it

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self._certificate is None:
            return sock
        with sock:  # a failed handshake leaves it to be closed
            secured = self._certificate.wrap_socket(sock, server_side=True)
        self._sockets.append(secured)
        return secured

    def _talk(self, sock: socket.socket, connection: int, client: tuple[str, int]) -> None:
        reader = _Reader(sock)
        number = 0
        while (head := reader.head()) is not None:
            seen = Seen(
                connection,
                number,
                head,
                b"",
                arrived=time.monotonic(),
                began=reader.began,
                client=client[:2],
                store=self.port,
                reception=self.receive(head),
            )
            if seen.reception.says_continue and seen.header("Expect") == "100-continue":
                sock.sendall(CONTINUE)
            body = _read_body(reader, seen)
            seen = dataclasses.replace(seen, body=body, read=time.monotonic())
            self.seen.append(seen)
            self.choose(seen)(Visit(sock, seen))
            number += 1


class _Reader:
    """Takes bytes off a socket; `began` is when a head's first bytes were there.

    Where the client goes in the middle, `ConnectionError` ends the connection: what it sent is no request.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.began = 0.0
        self._sock = sock
        self._rest = bytearray()

    def head(self) -> bytes | None:
        """Read a head with the empty line that ends it, None where the client has gone after the last."""
        if not self._rest:
            self._rest += self._sock.recv(_AT_ONCE)
        if not self._rest:
            return None
        self.began = time.monotonic()
        return self.until(_END_OF_HEAD)

    def until(self, end: bytes) -> bytes:
        """Read up to and with `end`."""
        searched = 0
        while (found := self._rest.find(end, searched)) < 0:
            searched = max(0, len(self._rest) - len(end))
            self._more()
        return self._take(found + len(end))

    def exactly(self, length: int) -> bytes:
        """Read `length` bytes."""
        while len(self._rest) < length:
            self._more()
        return self._take(length)

    def _more(self) -> None:
        piece = self._sock.recv(_AT_ONCE)
        if not piece:
            raise ConnectionError("the client has gone in the middle of a request")
        self._rest += piece

    def _take(self, length: int) -> bytes:
        taken = bytes(self._rest[:length])
        del self._rest[:length]
        return taken


def _receive_whole(_: bytes) -> Reception:
    return WHOLE


def _read_body(reader: _Reader, seen: Seen) -> bytes:
    if seen.reception.takes is not None:
        return reader.exactly(seen.reception.takes)
    if "chunked" in (seen.header("Transfer-Encoding") or ""):
        return _read_chunks(reader)
    return reader.exactly(int(seen.header("Content-Length") or 0))


def _read_chunks(reader: _Reader) -> bytes:
    """Read a chunked body as it is on the wire (RFC 9112, "Chunked Transfer Coding")."""
    body = bytearray()
    size = None
    while size != 0:
        line = reader.until(_CRLF)
        size = int(line, 16)
        body += line + reader.exactly(size + len(_CRLF))
    return bytes(body)
