"""Connections in use, held against how many requests the store has in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.fixture_wires import Wire
from tests.raw_store import Answer, Seen, Visit, stored

MakeClient = Callable[..., Any]

POOL = 4
TOGETHER = 7


def test_connections_in_use_are_those_that_the_store_has_in_hand(
    captured: Captured, any_wire: Wire, client_on: MakeClient
) -> None:
    """With the store holding all requests, each next one tells one connection more, past the pool's size."""
    came, answer_now = threading.Semaphore(0), threading.Event()

    def hold(_: Seen) -> Answer:
        came.release()
        return _when(answer_now)

    any_wire.store.choose = hold
    client = client_on(any_wire, max_pool_connections=POOL)
    with ThreadPoolExecutor(TOGETHER) as pool:
        futures = []
        for _ in range(TOGETHER):
            futures.append(pool.submit(client.put_object, Bucket="bucket", Key="maps/1", Body=b"a map"))
            assert came.acquire(timeout=60)
        answer_now.set()
        for future in futures:
            future.result()
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"a map")
    attempts = sorted(captured.attempts, key=lambda span: span.start_time or 0)
    told = [facts(span).get(attribute.POOL_IN_USE, 1) for span in attempts]
    assert told == [*range(1, TOGETHER + 1), 1]
    assert all(facts(call)[attribute.POOL_SIZE] == POOL for call in captured.calls)


def _when(event: threading.Event) -> Answer:
    def answer(visit: Visit) -> None:
        event.wait(60)
        stored(visit)

    return answer
