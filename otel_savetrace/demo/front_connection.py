"""One client's connection to the front: every byte passed on as it came, or a fault instead."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import socket
import struct
import time
from collections.abc import AsyncIterator

from otel_savetrace.demo import framing
from otel_savetrace.demo.faults import ErrorAnswer, Fault, FlippedBit, Progress, Reset, SlowAnswer
from otel_savetrace.demo.journal import RESET, Journal, Seen
from otel_savetrace.demo.processes import LOOPBACK

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_GOODBYE_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What all connections of a front share; `upstream` is the store's port, `random` makes request ids."""

    upstream: int
    progress: Progress
    journal: Journal
    random: random.Random


class _CutError(Exception):
    """The plan wants the connection reset now."""


class Connection:
    """A client's connection, and the one to the store behind it, which is opened when it is first needed."""

    def __init__(
        self,
        number: int,
        surroundings: Surroundings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.number = number
        self.surroundings = surroundings
        self.requests = 0
        self.last_answered = 0.0
        self.reader = reader
        self.writer = writer
        self.store_reader: asyncio.StreamReader | None = None
        self.store_writer: asyncio.StreamWriter | None = None
        # The first byte of the store's next answer, or its hanging up: whichever comes.
        self.ahead: asyncio.Task[bytes] | None = None

    async def serve(self) -> None:
        """Serve one request after another until either side hangs up."""
        try:
            while (head := await self._next_head()) and await self._one(head):
                pass
        except _CutError:
            _reset(self.writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # one of the two hung up, or does not speak HTTP: the other is hung up on too
        finally:
            if self.ahead is not None:
                self.ahead.cancel()
            await _close(self.writer, self.store_writer)

    async def _next_head(self) -> framing.Head | None:
        """Wait for the client; a store that hangs up meanwhile is a front that hangs up."""
        head = asyncio.ensure_future(framing.read_head(self.reader))
        try:
            if self.ahead is not None:
                await asyncio.wait({head, self.ahead}, return_when=asyncio.FIRST_COMPLETED)
                if not head.done():
                    return None
            return await head
        finally:
            head.cancel()

    async def _one(self, head: framing.Head) -> bool:
        """Answer one request; return whether the connection goes on."""
        self.requests += 1
        method, target = head.first_line[:2]
        seen = Seen(
            connection=self.number,
            request=self.requests,
            method=method,
            target=target,
            head=head.raw.decode("latin-1"),
            head_bytes=len(head.raw),
            expects_continue=head.expects_continue,
            began=time.time(),
        )
        fault = self._fault(head, seen)
        seen.fault = type(fault).__name__ if fault else None
        try:
            if isinstance(fault, ErrorAnswer):
                return await self._answer_error(head, seen, fault)
            return await self._pass_on(head, seen, fault)
        finally:
            self.last_answered = time.monotonic()
            if not seen.ended:
                self.surroundings.journal.note(seen)

    def _fault(self, head: framing.Head, seen: Seen) -> Fault | None:
        progress, now = self.surroundings.progress, time.monotonic()
        limit = progress.plan.idle_limit_seconds
        if limit is not None and seen.reused and now - self.last_answered > limit:
            return Reset("head")
        return progress.decide(seen.method, seen.target, seen.reused, head.announced_body, now)

    async def _answer_error(self, head: framing.Head, seen: Seen, error: ErrorAnswer) -> bool:
        if error.keep_alive:
            if head.expects_continue:
                self.writer.write(_CONTINUE)
                seen.continued = True
            async for piece in framing.request_body(self.reader, head):
                seen.body_bytes += len(piece)
        seen.answered, seen.code = error.status, error.code
        seen.request_id = f"{self.surroundings.random.getrandbits(64):016X}"
        seen.host_id = f"{self.surroundings.random.getrandbits(256):064x}"
        self.surroundings.journal.note(seen)
        self.writer.write(error.as_bytes(seen.method, seen.request_id, seen.host_id))
        await self.writer.drain()
        if error.keep_alive:
            return not head.closes
        await self._say_goodbye()
        return False

    async def _say_goodbye(self) -> None:
        """Let the client read the answer: closing on unread bytes would reset the connection under it."""
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            await asyncio.wait_for(self.reader.read(), _GOODBYE_SECONDS)

    async def _pass_on(self, head: framing.Head, seen: Seen, fault: Fault | None) -> bool:
        if isinstance(fault, Reset) and fault.moment == "head":
            self._cut(seen)
        store_reader, store_writer = await self._store()
        store_writer.write(head.raw)
        cut_after = fault.body_bytes if isinstance(fault, Reset) and fault.moment == "body" else None
        flips = isinstance(fault, FlippedBit)
        body = asyncio.ensure_future(self._pass_body(head, seen, store_writer, cut_after, flips))
        answered = asyncio.ensure_future(self._answer_head(seen, store_reader))
        try:
            await asyncio.wait({body, answered}, return_when=asyncio.FIRST_COMPLETED)
            if body.done():
                body.result()
            answer = await answered
            if isinstance(fault, Reset):
                self._cut(seen)
            if isinstance(fault, SlowAnswer):
                await asyncio.sleep(fault.seconds)
            self._note_answer(seen, answer)
            await _relay(framing.answer_body(store_reader, answer, seen.method), self.writer, answer.raw)
            if not head.expects_continue or seen.body_bytes:
                await body  # else the store said no at once, and the client keeps its body to itself
        finally:
            await _cancel(body, answered)
        self.ahead = asyncio.ensure_future(store_reader.read(1))
        return not (head.closes or answer.closes or framing.ends_with_the_connection(answer, seen.method))

    async def _pass_body(
        self,
        head: framing.Head,
        seen: Seen,
        store_writer: asyncio.StreamWriter,
        cut_after: int | None,
        flips: bool,
    ) -> None:
        if cut_after == 0:
            self._cut(seen)
        async for piece in framing.request_body(self.reader, head):
            seen.body_bytes += len(piece)
            if cut_after is not None and seen.body_bytes >= cut_after:
                self._cut(seen)
            first = flips and seen.body_bytes == len(piece)
            store_writer.write(bytes([piece[0] ^ 1]) + piece[1:] if first else piece)
            await store_writer.drain()

    async def _answer_head(self, seen: Seen, store_reader: asyncio.StreamReader) -> framing.Head:
        """Pass on what comes before the final answer (``100 Continue``), and return the final one's head."""
        ahead = b""
        if self.ahead is not None:
            ahead, self.ahead = await self.ahead, None
            if not ahead:
                raise ConnectionError
        while answer := await framing.read_head(store_reader, ahead):
            if answer.status >= 200:
                return answer
            seen.continued = True
            self.writer.write(answer.raw)
            ahead = b""
        raise ConnectionError

    async def _store(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.store_reader is None or self.store_writer is None:
            self.store_reader, self.store_writer = await asyncio.open_connection(
                LOOPBACK, self.surroundings.upstream, limit=framing.HEAD_LIMIT
            )
        return self.store_reader, self.store_writer

    def _note_answer(self, seen: Seen, answer: framing.Head) -> None:
        # Before the client has it: whoever has the answer finds it in the journal.
        seen.answered = answer.status
        seen.request_id = answer.headers.get("x-amz-request-id")
        seen.host_id = answer.headers.get("x-amz-id-2")
        self.surroundings.journal.note(seen)

    def _cut(self, seen: Seen) -> None:
        seen.answered = RESET
        self.surroundings.journal.note(seen)
        raise _CutError


async def _relay(body: AsyncIterator[bytes], writer: asyncio.StreamWriter, first: bytes) -> None:
    writer.write(first)
    async for piece in body:
        writer.write(piece)
        await writer.drain()
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: no lingering."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _cancel(
    *tasks: asyncio.Future[object] | asyncio.Future[None] | asyncio.Future[framing.Head],
) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(*writers: asyncio.StreamWriter | None) -> None:
    opened = [writer for writer in writers if writer is not None]
    for writer in opened:
        writer.close()
    # Only then, as the front's end may cancel the waiting.
    for writer in opened:
        with contextlib.suppress(OSError):
            await writer.wait_closed()
