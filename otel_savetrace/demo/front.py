"""A front before an S3 server that passes every byte on as it came, and has the faults that a plan says.

It counts what it sees: one line of JSON for each request, in the order in which they were answered. What
stands there is the truth that spans are held against.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import ssl
import threading
from pathlib import Path

from otel_savetrace.demo import framing
from otel_savetrace.demo.faults import Plan, Progress
from otel_savetrace.demo.front_connection import Connection, Surroundings
from otel_savetrace.demo.journal import Journal
from otel_savetrace.demo.processes import LOOPBACK


class Front:
    """Listens on a free port of loopback while its ``with`` block lasts, in a thread of its own.

    `upstream` is the store's port on loopback. `journal` is appended to (`read_journal` reads it). `seed`
    makes the request ids of answers that are not the store's own. With `tls` clients talk TLS to it; to the
    store it never does.
    """

    def __init__(
        self,
        upstream: int,
        plan: Plan,
        journal: Path,
        *,
        seed: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self.journal = journal
        self._upstream = upstream
        self._progress = Progress(plan)
        self._random = random.Random(seed)  # noqa: S311 - names of requests, no secret
        self._tls = tls
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Front:
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Address to give to an S3 client as its endpoint."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.port}"

    def _run(self) -> None:
        try:
            with Journal(self.journal) as journal:
                asyncio.run(self._serve(Surroundings(self._upstream, self._progress, journal, self._random)))
        except BaseException as error:
            self._error = error  # for the thread that entered
        finally:
            self._started.set()

    async def _serve(self, surroundings: Surroundings) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(asyncio.CancelledError):
                await Connection(next(self._numbers), surroundings, reader, writer).serve()

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(accept, LOOPBACK, 0, limit=framing.HEAD_LIMIT, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
