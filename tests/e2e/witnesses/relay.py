"""A wire between the browser and nginx that can be cut."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.raw_proxy import RawProxy


class Relay(RawProxy):
    """Passes every byte on, until it is cut: then each connection ends, and a new one at once."""

    def __init__(self, port: int) -> None:
        self._is_cut = False
        super().__init__(port)

    def cut(self) -> None:
        """Be cut, until it is mended."""
        self._is_cut = True
        self.break_off()

    def mend(self) -> None:
        """Take connections again."""
        self._is_cut = False

    def break_off(self) -> None:
        """End every connection at both ends."""
        # The oldest, which is the one in use, last: the browser must know by then that the others are dead.
        for sock in reversed(self._sockets):
            with contextlib.suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)

    def _accepted(self, sock: socket.socket, client: tuple[str, int]) -> None:
        if self._is_cut:
            sock.close()
        else:
            super()._accepted(sock, client)

    def _pass(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # cut before the first bytes were passed on
            super()._pass(client)


@contextlib.contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """Run a relay to a port on loopback."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.stop()
