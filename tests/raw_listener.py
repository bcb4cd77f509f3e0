"""What the raw servers have in common: a socket on loopback, a thread for each connection, an end to all."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any


class RawListener:
    """Listens on a free port of loopback from the moment it is made; `_accepted` is given each connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

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

    def _accepted(self, sock: socket.socket, client: tuple[str, int]) -> None:
        """Serve a connection, in a thread of its own; `client` is its other end."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                sock, client = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(sock)
            self._accepted(sock, client)

    def _start(self, work: Callable[..., Any], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread
