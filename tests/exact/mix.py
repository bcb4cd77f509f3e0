"""A seeded mix of everything: operations, faults, wires and kinds of client, in several threads at once."""

from __future__ import annotations

import dataclasses
import http.client
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3.util
from botocore.exceptions import BotoCoreError
from opentelemetry import trace

from tests.exact import operations
from tests.exact.operations import Operation, chance_of
from tests.exact.script import Script, Step
from tests.fixture_wires import WIRES, Wire
from tests.raw_store import FINAL, UNANSWERED

THREADS = 8

_FAULTY = 0.22
_REQUESTS_AN_OPERATION = 8
_LONG_SECONDS = 60.0
_SHORT_SECONDS = 0.001

_FAULTS: tuple[Step, ...] = (
    *[Step("error", 503, "SlowDown")] * 4,
    *[Step("error", 500, "InternalError")] * 2,
    *[Step("reset")] * 3,
    *[Step("closed")] * 3,
    *[Step("no etag")] * 2,
    Step("error", 400, "RequestTimeout"),
    Step("error", 403, "AccessDenied"),
    Step("error", 404, "NoSuchKey"),
    Step("error", 412, "PreconditionFailed"),
    Step("error", 503, "SlowDown", FINAL),
    Step("error", 503, "SlowDown", FINAL),
    Step("error", 403, "AccessDenied", FINAL),
    Step("error inside", 200, "InternalError"),
    Step("error inside", 200, "SlowDown"),
)
_MENDED = (Step("error", 503, "SlowDown"), Step("error", 500, "InternalError"), Step("reset"), Step("closed"))
_DATES: tuple[int | str | None, ...] = (0,) * 8 + (600, -600, 901, -40_000_000, None, "soon", "")

CLIENTS: dict[str, dict[str, Any]] = {
    "standard": {"retries": 2},
    "legacy": {"retries": 2, "mode": "legacy"},
    "no retries": {},
    "checksums when required": {"retries": 2, "request_checksum_calculation": "when_required"},
    "signed payload": {"retries": 1, "s3": {"payload_signing_enabled": True}},
}


@dataclasses.dataclass(frozen=True)
class Done:
    """An operation that was run: in `bucket`, which no other has, over `wire`."""

    bucket: str
    name: str
    wire: Wire
    client: str


class Mix:
    """Runs operations until `requests` have come to the stores.

    `calls` gives, for each of botocore's names of a call, the id of its span; `sent` counts what botocore
    sent.
    """

    def __init__(self, seed: str, wires: Mapping[str, Wire], client_on: Callable[..., Any]) -> None:
        self.script = Script(*{wire.store.port: wire.store for wire in wires.values()}.values())
        self.done: dict[str, Done] = {}
        self.calls: dict[str, int] = {}
        self.sent = 0
        self._lock = threading.Lock()
        self._seed = seed
        self._wires = wires
        self._clients = {
            (wire, kind): self._watched(client_on(wires[wire], **options))
            for wire in WIRES
            for kind, options in CLIENTS.items()
        }
        self._now = threading.local()  # what this thread's operation meets: `unanswered`, `silent`
        self._wait_for_read = urllib3.util.wait_for_read
        self._begin = http.client.HTTPResponse.begin

    def _watched(self, client: Any) -> Any:
        def note(request: Any, **_: Any) -> None:
            with self._lock:
                self.sent += 1
            name = request.headers["amz-sdk-invocation-id"]
            self.calls[name.decode() if isinstance(name, bytes) else name] = (
                trace.get_current_span().get_span_context().span_id
            )

        client.meta.events.register("before-send.s3", note)
        return client

    def keep_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let waits of botocore's end by what the store does, not by a clock: a busy machine is slow."""
        mix = self

        def wait_for_read(sock: Any, _seconds: float) -> bool:
            if getattr(mix._now, "unanswered", False):
                return False
            return bool(mix._wait_for_read(sock, _LONG_SECONDS))

        def begin(response: Any) -> None:
            bucket = getattr(mix._now, "silent", None)
            if bucket is not None:
                mix._now.requests += 1
                mix.script.wait_for(bucket, mix._now.requests)
                response.fp.raw._sock.settimeout(_SHORT_SECONDS)
            mix._begin(response)

        monkeypatch.setattr(urllib3.util, "wait_for_read", wait_for_read)
        monkeypatch.setattr(http.client.HTTPResponse, "begin", begin)

    def run(self, requests: int) -> None:
        """Run, in `THREADS` threads, until `requests` have come."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda thread: self._run_thread(thread, requests), range(THREADS)))
        for client in self._clients.values():
            client.close()

    def _run_thread(self, thread: int, requests: int) -> None:
        chance = chance_of(f"{self._seed}, thread {thread}")
        number = 0
        while len(self.script.exchanges) < requests:
            number += 1
            bucket = f"op-{thread}-{number}"
            if number == 20:  # megabytes: once a thread is enough
                self._do_in_threads(bucket, chance)
            elif number % 40 == 0:
                self._do_in_silence(bucket, chance)
            elif number % 25 == 0:
                self._do_unanswered(bucket, chance)
            else:
                self._do(bucket, chance.choice(operations.SMALL), chance, self._steps(chance))

    def _steps(self, chance: random.Random) -> list[Step]:
        return [
            dataclasses.replace(
                chance.choice(_FAULTS) if chance.random() < _FAULTY else Step(), date=chance.choice(_DATES)
            )
            for _ in range(_REQUESTS_AN_OPERATION)
        ]

    def _do(
        self, bucket: str, operation: Operation, chance: random.Random, steps: list[Step], kind: str = ""
    ) -> None:
        wire, kind = chance.choice(WIRES), kind or chance.choice(list(CLIENTS))
        self.done[bucket] = Done(bucket, operation.__name__, self._wires[wire], kind)
        if steps:
            self.script.tell(bucket, *steps)
        client = self._clients[wire, kind]
        operations.attempt(operation, client, bucket, chance, BotoCoreError)

    def _do_in_threads(self, bucket: str, chance: random.Random) -> None:
        # One fault, that a retry mends: a part that fails makes s3transfer break off all others.
        steps = [Step()] * chance.randrange(5) + [chance.choice(_MENDED)]
        self._do(bucket, operations.upload_in_threads, chance, steps, chance.choice(("standard", "legacy")))

    def _do_in_silence(self, bucket: str, chance: random.Random) -> None:
        self.script.tell(bucket, then=Step("silent"))
        self._now.silent, self._now.requests = bucket, 0
        self._do(bucket, chance.choice((operations.put, operations.get, operations.list_v2)), chance, [])
        self._now.silent = None

    def _do_unanswered(self, bucket: str, chance: random.Random) -> None:
        steps = [dataclasses.replace(step, reception=UNANSWERED) for step in self._steps(chance)]
        self._now.unanswered = True
        self.script.tell(bucket, *steps, then=Step(reception=UNANSWERED))
        self._do(bucket, chance.choice(operations.PUTS), chance, [])
        self._now.unanswered = False
