"""Requests through a proxy: what the store got is told, not what the proxy was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_savetrace import attributes as attribute
from tests.exact.wire import VIRTUAL_HOST
from tests.fixture_capture import Captured, facts
from tests.fixture_wires import Wire

MakeClient = Callable[..., Any]


def _put_twice(client: Any) -> None:
    for _ in range(2):
        client.put_object(Bucket="bucket", Key="maps/ü", Body=b"a map")


def test_plain_requests_go_through_a_proxy_with_whole_urls(
    captured: Captured, wires: dict[str, Wire], client_on: MakeClient
) -> None:
    """The whole URL in the request line counts among the head's bytes; head and body are all that passed."""
    wire = wires["http through a proxy"]
    _put_twice(client_on(wire))
    heads = [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts]
    assert heads == [len(seen.head) for seen in wire.store.seen]
    assert all(seen.target.startswith(f"http://bucket.{VIRTUAL_HOST}/") for seen in wire.store.seen)
    assert wire.proxy is not None
    (passage,) = wire.proxy.passages
    assert passage.connect is None
    assert passage.sent == sum(heads) + 2 * len(b"a map")


def test_a_tunnels_own_head_is_not_the_requests(
    captured: Captured, wires: dict[str, Wire], client_on: MakeClient
) -> None:
    """Of a tunnel to an https store the CONNECT is neither an attempt nor among an attempt's bytes."""
    wire = wires["https through a proxy"]
    _put_twice(client_on(wire))
    told = [facts(span) for span in captured.attempts]
    assert [attempt[attribute.HEADER_BYTES] for attempt in told] == [
        len(seen.head) for seen in wire.store.seen
    ]
    assert [attempt[attribute.CONNECTION] for attempt in told] == [attribute.NEW, attribute.REUSED]
    assert wire.proxy is not None
    (passage,) = wire.proxy.passages
    assert passage.connect is not None
    assert passage.connect.startswith(f"CONNECT bucket.{VIRTUAL_HOST}:443 ".encode())
    # What passed was TLS: more than the requests themselves.
    assert passage.sent > sum(len(seen.head) + len(seen.body) for seen in wire.store.seen)
