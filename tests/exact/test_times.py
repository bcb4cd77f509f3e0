"""Times by a clock that only moves where the test says so: each step's duration is told exactly."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3.connection
import urllib3.util

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from tests.exact.script import STORED
from tests.fixture_capture import Captured, facts
from tests.fixture_wires import Wire
from tests.raw_store import UNANSWERED, WHOLE, Reception, Seen, Visit, refused, stored

MakeClient = Callable[..., Any]

# Powers of two: each sum says what went into it, and is exact in a float.
LOOKUP, CONNECT, HANDSHAKE, TUNNEL, CONTINUE, FIRST_BYTE, IDLE, BACKOFF = (2.0**power for power in range(8))


class Clock:
    """Stands for `time.monotonic`; what is `waiting` for the store has begun to, before the store goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self._waiting = threading.Semaphore(0)
        self._patch = monkeypatch
        self._patch.setattr(time, "monotonic", lambda: self.now)
        self._takes(socket, "getaddrinfo", LOOKUP)
        self._takes(socket.socket, "connect", CONNECT)
        self._takes(ssl.SSLSocket, "do_handshake", HANDSHAKE)
        self._takes(urllib3.connection.HTTPConnection, "_tunnel", TUNNEL)
        self._announces(urllib3.util, "wait_for_read")
        self._announces(http.client.HTTPResponse, "begin")
        self._patch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=self._sleep))

    def advance_once_waited_for(self, seconds: float) -> None:
        """Let `seconds` pass, in the store, while the client waits for it."""
        assert self._waiting.acquire(timeout=60)
        self.now += seconds

    def _sleep(self, _: float) -> None:
        self.now += BACKOFF

    def _takes(self, owner: Any, name: str, seconds: float) -> None:
        original = getattr(owner, name)

        def passing(*arguments: Any, **named: Any) -> Any:
            if threading.current_thread() is threading.main_thread():  # stores and proxies run beside
                self.now += seconds
            return original(*arguments, **named)

        self._patch.setattr(owner, name, passing)

    def _announces(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def announced(*arguments: Any, **named: Any) -> Any:
            self._waiting.release()
            return original(*arguments, **named)

        self._patch.setattr(owner, name, announced)


@pytest.fixture
def clock(instrumented: Captured, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A scripted clock below capture, which is switched on after it."""
    made = Clock(monkeypatch)
    assert otel_savetrace.instrument(instrumented.provider, Settings())
    yield made
    otel_savetrace.uninstrument()


def _slow(clock: Clock, store: Any, *answers: Callable[[Visit], None]) -> None:
    """Let `store` take its time for ``100 Continue`` and for each answer."""
    left = list(answers)

    def receive(head: bytes) -> Reception:
        if b"Expect: 100-continue" in head:
            clock.advance_once_waited_for(CONTINUE)
        return WHOLE

    def choose(_: Seen) -> Callable[[Visit], None]:
        clock.advance_once_waited_for(FIRST_BYTE)
        return left.pop(0) if left else stored

    store.receive, store.choose = receive, choose


def _put(client: Any) -> None:
    client.put_object(Bucket="bucket", Key="maps/1", Body=b"a map")


def test_a_new_connections_times(
    instrumented: Captured, clock: Clock, any_wire: Wire, client_on: MakeClient
) -> None:
    """Lookup, connect, TLS with a proxy's tunnel, 100-continue and first byte take what they took."""
    _slow(clock, any_wire.store)
    _put(client_on(any_wire))
    told = facts(instrumented.attempts[0])
    tunnel = TUNNEL if any_wire.proxy is not None else 0.0
    tls = HANDSHAKE + tunnel if any_wire.secure else None
    assert told[attribute.DNS_SECONDS] == LOOKUP
    assert told[attribute.TCP_SECONDS] == CONNECT
    assert told.get(attribute.TLS_SECONDS) == tls
    assert told[attribute.CONTINUE_SECONDS] == CONTINUE
    assert told[attribute.FIRST_BYTE_SECONDS] == FIRST_BYTE
    assert attribute.CONNECTION_IDLE_SECONDS not in told
    assert attribute.CONNECTION_AGE_SECONDS not in told


def test_a_reused_connections_times(
    instrumented: Captured, clock: Clock, any_wire: Wire, client_on: MakeClient
) -> None:
    """A kept connection's age and idle time are those since it was open, and since its last answer."""
    _slow(clock, any_wire.store)
    client = client_on(any_wire)
    _put(client)
    clock.now += IDLE
    _put(client)
    told = facts(instrumented.attempts[1])
    assert told[attribute.CONNECTION_IDLE_SECONDS] == IDLE
    assert told[attribute.CONNECTION_AGE_SECONDS] == CONTINUE + FIRST_BYTE + IDLE
    assert told[attribute.CONTINUE_SECONDS] == CONTINUE
    assert told[attribute.FIRST_BYTE_SECONDS] == FIRST_BYTE
    for absent in (attribute.DNS_SECONDS, attribute.TCP_SECONDS, attribute.TLS_SECONDS):
        assert absent not in told


def test_backoffs(
    instrumented: Captured, clock: Clock, wires: dict[str, Wire], client_on: MakeClient
) -> None:
    """Each retry tells the time slept before it, the call and its attempts agree on the sum."""
    wire = wires["http"]
    _slow(clock, wire.store, *[refused("503 Slow Down", "SlowDown")] * 2)
    _put(client_on(wire, retries=2))
    told = [facts(span) for span in instrumented.attempts]
    assert [attempt.get(attribute.BACKOFF_SECONDS) for attempt in told] == [None, BACKOFF, BACKOFF]
    assert [attempt.get(attribute.CONNECTION_IDLE_SECONDS) for attempt in told] == [None, BACKOFF, BACKOFF]
    assert facts(instrumented.calls[0])[attribute.BACKOFF_SECONDS] == 2 * BACKOFF


def test_a_head_that_is_met_with_silence(
    instrumented: Captured,
    clock: Clock,
    wires: dict[str, Wire],
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no word on the head comes, that is told, and the first byte's time runs from the body on."""
    wire = wires["http"]
    _slow(clock, wire.store)
    wire.store.receive = lambda _: UNANSWERED
    monkeypatch.setattr(urllib3.util, "wait_for_read", lambda *_: False)
    _put(client_on(wire))
    told = facts(instrumented.attempts[0])
    assert told[attribute.CONTINUE] == attribute.UNANSWERED
    assert attribute.CONTINUE_SECONDS not in told
    assert told[attribute.FIRST_BYTE_SECONDS] == FIRST_BYTE


@pytest.mark.parametrize("ahead", [0, 1, -1, 899, 900, -900, 10**8, -(10**8)])
def test_clock_skew(
    captured: Captured,
    wires: dict[str, Wire],
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    ahead: int,
) -> None:
    """Clock skew is the store's Date minus our clock, to the second, in both directions."""
    now = 1_790_000_000.75
    monkeypatch.setattr(time, "time", lambda: now)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(now) + ahead))
    wires["http"].store.choose = lambda _: (
        lambda visit: visit.send("200 OK", b"", f'ETag: "e"\r\nDate: {date}\r\n')
    )
    _put(client_on(wires["http"]))
    assert facts(captured.attempts[0])[attribute.CLOCK_SKEW_SECONDS] == ahead


@pytest.mark.parametrize(
    "line",
    ["", "Date: \r\n", "Date: soon\r\n", "Date: Mon, 99 Foo 2026 99:99:99 GMT\r\n", "Date: 1790000000\r\n",
     "Date: Mon, 01 Jan 2026 00:00:00 +9999999\r\n"],
)  # fmt: skip
def test_what_is_no_date_has_no_skew(
    captured: Captured, wires: dict[str, Wire], client_on: MakeClient, line: str
) -> None:
    """An answer without a Date, or with one that is none, tells no clock skew, and nothing else is lost."""
    wires["http"].store.choose = lambda _: lambda visit: visit.send("200 OK", b"", f'ETag: "e"\r\n{line}')
    _put(client_on(wires["http"]))
    told = facts(captured.attempts[0])
    assert attribute.CLOCK_SKEW_SECONDS not in told
    assert told[attribute.RESPONSE_STATUS] == STORED.status
