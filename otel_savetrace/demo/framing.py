"""Where an HTTP/1.1 message begins and ends, without changing one byte of it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import AsyncIterator

HEAD_LIMIT = 1024 * 1024
"""Longest head, in bytes, that is read; the limit to give to asyncio's streams."""

_PIECE = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_END_OF_LINE = b"\r\n"


@dataclasses.dataclass(frozen=True)
class Head:
    """First line and headers of a message, as they came: `raw` ends with the empty line."""

    raw: bytes

    @functools.cached_property
    def first_line(self) -> list[str]:
        """The first line's parts: method, target, version; or version, status, reason."""
        return self.raw.split(_END_OF_LINE, 1)[0].decode("latin-1").split(" ", 2)

    @functools.cached_property
    def headers(self) -> dict[str, str]:
        """Values by lower-case name; of a name that comes twice, the last."""
        lines = self.raw.decode("latin-1").split("\r\n")[1:-2]
        parted = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in parted}

    @property
    def status(self) -> int:
        """Status code; of an answer only."""
        return int(self.first_line[1])

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def closes(self) -> bool:
        """Whether the connection ends after this message."""
        return "close" in self.headers.get("connection", "").lower()

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def announced_body(self) -> int:
        """Bytes of content that a request says it has, without the framing of chunks; 0 where it does not."""
        return int(self.headers.get("x-amz-decoded-content-length") or self.content_length or 0)

    @property
    def content_length(self) -> int | None:
        """Length of the body in bytes, None where the head does not say."""
        value = self.headers.get("content-length")
        return None if value is None else int(value)


async def read_head(reader: asyncio.StreamReader, ahead: bytes = b"") -> Head | None:
    """Read a message's head; `ahead` are bytes of it that were read already. None when there is no more.

    Raises `asyncio.IncompleteReadError` when it ends in the middle, `asyncio.LimitOverrunError` when it is
    longer than the reader's limit.
    """
    try:
        return Head(ahead + await reader.readuntil(_END_OF_HEAD))
    except asyncio.IncompleteReadError as error:
        if ahead or error.partial:
            raise
        return None


def request_body(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes, chunk sizes and trailers included."""
    if head.chunked:
        return _chunks(reader)
    return _counted(reader, head.content_length or 0)


def answer_body(reader: asyncio.StreamReader, head: Head, method: str) -> AsyncIterator[bytes]:
    """Yield the body of the answer to a `method` request as it comes."""
    if method == "HEAD" or head.status in (204, 304):
        return _counted(reader, 0)
    if head.chunked:
        return _chunks(reader)
    if head.content_length is not None:
        return _counted(reader, head.content_length)
    return _rest(reader)


def ends_with_the_connection(head: Head, method: str) -> bool:
    """Whether only the connection's end says where the answer to a `method` request ends."""
    bodyless = method == "HEAD" or head.status in (204, 304)
    return not bodyless and not head.chunked and head.content_length is None


async def _counted(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    left = length
    while left:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    size = -1
    while size != 0:
        line = await reader.readuntil(_END_OF_LINE)
        size = int(line.split(b";")[0], 16)
        yield line
        if size:
            async for piece in _counted(reader, size + len(_END_OF_LINE)):
                yield piece
    # The trailers, which an empty line ends.
    line = b""
    while line != _END_OF_LINE:
        line = await reader.readuntil(_END_OF_LINE)
        yield line


async def _rest(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(_PIECE):
        yield piece
