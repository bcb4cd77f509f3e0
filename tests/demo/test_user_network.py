"""A user's network carries what is sent, and when it is gone nothing more comes through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.demo.user_network import UserNetwork


class Site:
    """A server that counts what comes, and answers a whole line with it."""

    def __init__(self) -> None:
        self.came = b""
        self.port = 0

    async def __aenter__(self) -> Site:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.came += data
                if data.endswith(b"\n"):
                    writer.write(self.came)
        finally:
            writer.transport.abort()


def between(what: Callable[[Site, UserNetwork], Awaitable[None]]) -> None:
    """Do something with a site and a network before it."""

    async def run() -> None:
        async with Site() as site, UserNetwork(site.port) as network:
            await asyncio.wait_for(what(site, network), 20.0)

    asyncio.run(run())


async def answer(network: UserNetwork, sent: bytes) -> bytes:
    """Send something and return the answer; empty where the connection ends without one."""
    reader, writer = await asyncio.open_connection(LOOPBACK, network.port)
    writer.write(sent)
    try:
        return await reader.read(65_536)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def test_what_is_sent_arrives_and_so_does_the_answer() -> None:
    """Both ways every byte passes."""

    async def what(site: Site, network: UserNetwork) -> None:
        assert await answer(network, b"a save\n") == b"a save\n"
        assert site.came == b"a save\n"

    between(what)


def test_a_network_that_is_gone_comes_back() -> None:
    """A connection under way ends, new ones do at once, and later all is as before."""

    async def what(site: Site, network: UserNetwork) -> None:
        waiting = asyncio.ensure_future(answer(network, b"half of a "))
        while not site.came:
            await asyncio.sleep(0)
        network.cut()
        assert await waiting == b""
        assert await answer(network, b"save\n") == b""
        assert site.came == b"half of a "
        network.restore()
        assert await answer(network, b"save\n") == b"half of a save\n"

    between(what)


def test_a_network_that_goes_in_the_middle_of_an_upload() -> None:
    """The site has as many bytes as were said, and the user no answer."""

    async def what(site: Site, network: UserNetwork) -> None:
        gone = asyncio.ensure_future(network.cut_after(6))
        assert await answer(network, b"a save\n") == b""
        await gone
        while len(site.came) < 6:
            await asyncio.sleep(0)
        assert site.came == b"a save"

    between(what)
