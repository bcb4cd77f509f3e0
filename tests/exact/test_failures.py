"""Ways in which no answer comes: code, innermost exception and the system's number for it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.exceptions import BotoCoreError, ParamValidationError

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.fixture_wires import Wire
from tests.raw_store import Answer, RawStore, Reception, closed, reset, silent

MakeClient = Callable[..., Any]

LARGE = b"x" * 8_000_000
"""More than the sockets of loopback take in."""


def _failed(client: Any, body: bytes = b"a map") -> None:
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket="bucket", Key="maps/1", Body=body)


def _told(captured: Captured) -> tuple[Any, ...]:
    told = facts(captured.attempts[-1])
    call = facts(captured.calls[-1])
    for name in (attribute.ERROR_CODE, attribute.ERROR_TYPE, attribute.EXCEPTION, attribute.ERRNO):
        assert call.get(name) == told.get(name), "the call tells another failure than its last attempt"
    return (
        told[attribute.ERROR_CODE],
        told[attribute.EXCEPTION],
        told.get(attribute.ERRNO),
        captured.attempts[-1].name.removeprefix("attempt: "),
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reset, ("ConnectionResetError", "ConnectionResetError", "ECONNRESET", "connection reset")),
        (closed, ("RemoteDisconnected", "RemoteDisconnected", None, "connection closed")),
        (silent, ("ReadTimeoutError", "TimeoutError", None, "read timeout")),
    ],
)
def test_a_request_without_an_answer(
    captured: Captured, store: RawStore, client_on: MakeClient, answer: Answer, expected: tuple[Any, ...]
) -> None:
    """A reset, a closed and a silent connection are told apart; the body handed over is told in bytes."""
    store.choose = lambda _: answer
    _failed(client_on(Wire(store), read_timeout=0.2 if answer is silent else 60))
    assert _told(captured) == expected
    assert facts(captured.attempts[0])[attribute.BODY_BYTES_SENT] == len(b"a map")
    assert attribute.RESPONSE_STATUS not in facts(captured.attempts[0])


def test_a_refused_connection(captured: Captured, store: RawStore, client_on: MakeClient) -> None:
    """A store that does not listen is told by the system's number, and by no fact of a head."""
    client = client_on(Wire(store))
    store.stop()
    _failed(client)
    expected = ("ConnectionRefusedError", "ConnectionRefusedError", "ECONNREFUSED", "connection refused")
    assert _told(captured) == expected
    told = facts(captured.attempts[0])
    assert not {attribute.HEADER_BYTES, attribute.BODY_BYTES_SENT, attribute.PEER_PORT} & set(told)


@pytest.mark.parametrize("name", ["EAI_NONAME", "EAI_AGAIN"])
def test_a_name_that_is_not_resolved(
    captured: Captured,
    store: RawStore,
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """A failed lookup is told by the resolver's own number, with the time that it took."""
    ours = socket.getaddrinfo

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(getattr(socket, name), "not this time")

    client = client_on(Wire(store))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    _failed(client)
    monkeypatch.setattr(socket, "getaddrinfo", ours)
    assert _told(captured) == ("gaierror", "gaierror", name, "name not resolved")


def test_a_certificate_that_is_not_trusted(
    captured: Captured, wires: dict[str, Wire], client_on: MakeClient, tmp_path: Path
) -> None:
    """A refused certificate is told as such; TLS's own error numbers are not the system's."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    client = client_on(wires["https"])
    client._endpoint.http_session._verify = str(other)
    _failed(client)
    assert _told(captured) == (
        "SSLCertVerificationError",
        "SSLCertVerificationError",
        None,
        "TLS certificate refused",
    )


@pytest.mark.parametrize("taken", [0, 1_000, 500_000])
def test_a_body_that_is_cut_off(
    captured: Captured, store: RawStore, client_on: MakeClient, taken: int
) -> None:
    """A store that resets in the middle of a body is told with bytes between those read and the whole."""
    store.receive = lambda _: Reception(takes=taken)
    store.choose = lambda _: reset
    _failed(client_on(Wire(store)), LARGE)
    # urllib3 passes over the error of a send, to read what the store may have said before.
    assert _told(captured)[:3] in {
        ("ConnectionResetError", "ConnectionResetError", "ECONNRESET"),
        ("RemoteDisconnected", "RemoteDisconnected", None),
    }
    told = facts(captured.attempts[0])
    assert told[attribute.HEADER_BYTES] == len(store.seen[0].head)
    assert taken <= told[attribute.BODY_BYTES_SENT] < len(LARGE)


def test_what_botocore_refuses_to_send(captured: Captured, store: RawStore, client_on: MakeClient) -> None:
    """Metadata that is not ASCII reaches no store: no attempt is told, and the innermost reason is."""
    with pytest.raises(ParamValidationError):
        client_on(Wire(store)).put_object(Bucket="bucket", Key="maps/ü", Metadata={"title": "Größe"})
    assert store.seen == []
    assert captured.attempts == []
    told = facts(captured.calls[0])
    assert told[attribute.ATTEMPTS] == 0
    assert told[attribute.ERROR_CODE] == "UnicodeEncodeError"
    assert attribute.HEADER_BYTES not in told
