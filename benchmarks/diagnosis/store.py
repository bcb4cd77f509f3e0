"""An S3 stand-in whose faults are rules: it stores nothing, and refuses whatever a rule says.

A stand-in, since no real store can be told to fail for whom and when a rule wants; the connections, and what
becomes of them, are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Literal

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LONGEST_HEAD = 1 << 20


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request as a rule sees it, its body not yet read.

    `size` and `head_bytes` in bytes; `before` requests came on the same connection, the last of which was
    answered `idle_seconds` ago; `moment` is seconds since the store's first request; `address` is the store's
    that it came to.
    """

    key: str
    headers: Mapping[str, str]
    size: int
    head_bytes: int
    before: int
    idle_seconds: float
    moment: float
    address: str

    @property
    def access_key(self) -> str:
        """The id of the access key that it was signed with."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


@dataclasses.dataclass(frozen=True)
class Refuse:
    """The store reads the body and answers with an S3 error."""

    status: int
    code: str


@dataclasses.dataclass(frozen=True)
class Reset:
    """The connection is reset: once the head is there, within the body, or in place of the answer."""

    moment: Literal["head", "body", "answer"]


@dataclasses.dataclass(frozen=True)
class Hold:
    """The answer comes `seconds` late."""

    seconds: float


Rule = Callable[[Asked], "Refuse | Reset | Hold | None"]


class Store:
    """Listens on one port of some loopback addresses, in a thread of its own, while its ``with`` lasts."""

    def __init__(self, rule: Rule, port: int, addresses: tuple[str, ...]) -> None:
        self.port = port
        self._rule = rule
        self._addresses = addresses
        self._began: float | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Store:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        for address in self._addresses:
            self._loop.run_until_complete(
                asyncio.start_server(self._serve, address, self.port, limit=_LONGEST_HEAD)
            )
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before, answered = 0, time.monotonic()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked = self._asked(head, before, time.monotonic() - answered, writer)
                if not await self._answer(asked, reader, writer):
                    return
                before, answered = before + 1, time.monotonic()
        writer.close()

    def _asked(self, head: bytes, before: int, idle: float, writer: asyncio.StreamWriter) -> Asked:
        now = time.monotonic()
        self._began = self._began or now
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        path = urllib.parse.unquote(line.split(" ")[1].partition("?")[0])
        address = writer.get_extra_info("sockname")[0]
        size = int(headers.get("content-length", 0))
        key = path.lstrip("/").partition("/")[2]
        return Asked(key, headers, size, len(head), before, idle, now - self._began, address)

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; return whether its connection lives on."""
        fault = self._rule(asked)
        if fault == Reset("head"):
            return _reset(writer)
        if "expect" in asked.headers:
            writer.write(CONTINUE)
        if fault == Reset("body"):
            await reader.readexactly(min(asked.size, 1000))
            return _reset(writer)
        await reader.readexactly(asked.size)
        if isinstance(fault, Reset):
            return _reset(writer)
        if isinstance(fault, Hold):
            await asyncio.sleep(fault.seconds)
        writer.write(_refusal(fault) if isinstance(fault, Refuse) else _taken())
        await writer.drain()
        return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def _taken() -> bytes:
    return _head(200, 0, 'ETag: "e"')


def _refusal(fault: Refuse) -> bytes:
    body = f"<Error><Code>{fault.code}</Code><Message>Refused.</Message></Error>".encode()
    return _head(fault.status, len(body), "Content-Type: application/xml") + body


def _head(status: int, length: int, header: str) -> bytes:
    return (
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n{header}\r\nContent-Length: {length}\r\n"
        "x-amz-request-id: R\r\nx-amz-id-2: H\r\n\r\n"
    ).encode()
