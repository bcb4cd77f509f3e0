"""A user's way to the site: a relay on loopback, which can be gone in the middle of a request."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

from otel_savetrace.demo.processes import LOOPBACK

_CHUNK_BYTES = 65_536


class UserNetwork:
    """Relays to `site_port` from `port` while its ``async with`` block lasts.

    When it is cut every connection ends without an answer, and new ones do at once, until `restore`.
    """

    def __init__(self, site_port: int) -> None:
        self.port = 0
        self._site_port = site_port
        self._server: asyncio.Server | None = None
        self._relays: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._open: set[asyncio.StreamWriter] = set()
        self._bytes_left: int | None = None
        self._cut = asyncio.Event()

    async def __aenter__(self) -> UserNetwork:
        self._server = await asyncio.start_server(self._relay, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def cut(self) -> None:
        """Be gone."""
        self._cut.set()
        for writer in self._open:
            writer.transport.abort()

    async def cut_after(self, sent: int) -> None:
        """Be gone once the user has sent so many bytes more; returns then."""
        self._bytes_left = sent
        await self._cut.wait()

    def restore(self) -> None:
        """Be there again."""
        self._bytes_left = None
        self._cut.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._relays.add(task)
        ends = {writer}
        try:
            from_site, to_site = await asyncio.open_connection(LOOPBACK, self._site_port)
            ends.add(to_site)
            self._open |= ends
            if not self._cut.is_set():
                await asyncio.gather(self._to_site(reader, to_site), _pass_on(from_site, writer))
        except OSError:
            pass  # cut, or one of the two has gone, or there is no site
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _to_site(self, reader: asyncio.StreamReader, to_site: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if self._bytes_left is not None:
                data = data[: self._bytes_left]
                self._bytes_left -= len(data)
            await _send(to_site, data)
            if self._bytes_left == 0:
                self.cut()
        to_site.write_eof()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        await _send(writer, data)
    writer.write_eof()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
