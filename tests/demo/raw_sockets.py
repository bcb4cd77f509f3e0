"""A store of plain sockets that keeps every byte it was sent, connection by connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence

END_OF_HEAD = b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nx-amz-request-id: R1\r\nx-amz-id-2: H1\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RawStore:
    """Reads from each connection until `until` has come, then sends the next of `answers`, and so on.

    An answer is a pair: the bytes that end what is waited for, and the bytes that are sent then. After the
    last of them the connection is closed. Every connection gets the same answers.
    """

    def __init__(self, answers: Sequence[tuple[bytes, bytes]]) -> None:
        self.answers = answers
        self.received: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> RawStore:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            # A test that failed leaves requests unfinished: nobody waits for the rest of them.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [self._accepting, *self._threads]:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.received.append(b"")
                self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection, len(self.received) - 1))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            for until, answer in self.answers:
                pending = b""
                while not pending.endswith(until):
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    pending += piece
                    self.received[number] += piece
                connection.sendall(answer)


class RawClient:
    """A client of plain sockets."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self.socket.sendall(piece)

    def read(self, length: int) -> bytes:
        """Return the next `length` bytes, fewer where the other side hangs up."""
        answer = b""
        while len(answer) < length and (piece := self.socket.recv(length - len(answer))):
            answer += piece
        return answer

    def read_head(self) -> bytes:
        """Return the next message's head, empty where the other side hangs up."""
        answer = b""
        while not answer.endswith(END_OF_HEAD) and (piece := self.socket.recv(1)):
            answer += piece
        return answer
