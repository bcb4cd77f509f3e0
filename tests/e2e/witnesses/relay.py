"""A wire between the browser and nginx that can be cut."""

from __future__ import annotations

import contextlib
import socket

from tests.raw_proxy import RawProxy


class Relay(RawProxy):
    """Passes every byte on, until it is cut: then each connection ends, and a new one at once."""

    def __init__(self, port: int) -> None:
        self._is_cut = False
        super().__init__(port)

    def cut(self) -> None:
        """End every connection at both ends."""
        self._is_cut = True
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._is_cut = False

    def _accepted(self, sock: socket.socket, client: tuple[str, int]) -> None:
        if self._is_cut:
            sock.close()
        else:
            super()._accepted(sock, client)
