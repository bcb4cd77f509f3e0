"""The front passes every byte on, has the faults of its plan, and its journal counts what was sent."""

from __future__ import annotations

import email.utils
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import boto3
import pytest
import trustme
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from otel_savetrace.demo import faults, servers
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.journal import CLOSED, RESET, read_journal
from otel_savetrace.demo.processes import LOOPBACK, free_port
from tests.demo.raw_sockets import CONTINUE, OK, RawClient, RawStore

HEAD = b"PUT /bucket/key HTTP/1.1\r\nHost:  store \r\nx-Odd-Case: \xfc \r\nContent-Length: 5\r\n\r\n"
BODY = b"hello"

StartFront = Callable[..., Front]


@pytest.fixture
def start_front(tmp_path: Path) -> Iterator[StartFront]:
    """Start fronts that end with the test; each writes to the same journal."""
    with ExitStack() as stack:

        def start(store: RawStore | int, *rules: faults.Rule, **more: object) -> Front:
            port = store if isinstance(store, int) else store.port
            front = Front(port, faults.Plan(rules), tmp_path / "journal", **more)  # type: ignore[arg-type] # a test's own choice
            return stack.enter_context(front)

        yield start


def test_every_byte_is_passed_on_both_ways(start_front: StartFront) -> None:
    """Request and answer arrive byte for byte as sent: odd blanks, letter case and non-ASCII included."""
    answer = b"HTTP/1.1 200  Fine\r\nx-AMZ-request-id:R1\r\nContent-Length: 3\r\n\r\nabc"
    with RawStore([(BODY, answer)]) as store, RawClient(start_front(store).port) as client:
        client.send(HEAD[:20], HEAD[20:], BODY[:2], BODY[2:])
        assert client.read(len(answer)) == answer
    assert store.received == [HEAD + BODY]


def test_chunks_and_trailers_are_passed_on(start_front: StartFront) -> None:
    """A chunked body with an extension and a trailer, and a chunked answer, arrive byte for byte."""
    head = b"PUT /bucket/key HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n\r\n"
    body = b"5;odd=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with RawStore([(body, answer), (BODY, OK)]) as store:
        front = start_front(store)
        with RawClient(front.port) as client:
            client.send(head, body)
            assert client.read(len(answer)) == answer
            client.send(HEAD, BODY)
            assert client.read(len(OK)) == OK
    assert store.received == [head + body + HEAD + BODY]
    first, second = read_journal(front.journal)
    assert (first.head_bytes, first.body_bytes) == (len(head), len(body))
    assert (second.head_bytes, second.body_bytes) == (len(HEAD), len(BODY))


def test_a_client_that_expects_continue_is_told_by_the_store(start_front: StartFront) -> None:
    """With ``Expect`` the store's own 100 reaches the client before it sends its body."""
    head = HEAD[:-2] + b"Expect: 100-continue\r\n\r\n"
    with RawStore([(head, CONTINUE), (BODY, OK)]) as store:
        front = start_front(store)
        with RawClient(front.port) as client:
            client.send(head)
            assert client.read_head() == CONTINUE
            client.send(BODY)
            assert client.read_head() == OK
    (seen,) = read_journal(front.journal)
    assert (seen.expects_continue, seen.continued, seen.body_bytes, seen.answered) == (True, True, 5, 200)


def test_a_store_that_refuses_before_the_body_is_passed_on(start_front: StartFront) -> None:
    """A final answer to ``Expect`` comes through, no body is waited for, and the connection goes on."""
    head = HEAD[:-2] + b"Expect: 100-continue\r\n\r\n"
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with RawStore([(head, refusal), (BODY, OK)]) as store:
        front = start_front(store)
        with RawClient(front.port) as client:
            client.send(head)
            assert client.read_head() == refusal
            client.send(HEAD, BODY)
            assert client.read_head() == OK
    refused, stored = read_journal(front.journal)
    assert (refused.answered, refused.body_bytes) == (403, 0)
    assert (stored.answered, stored.body_bytes, stored.head_bytes) == (200, 5, len(HEAD))


def test_the_journal_counts_connections_and_requests(start_front: StartFront) -> None:
    """Each line has the connection's number, the request's number on it, and the head's exact bytes."""
    with RawStore([(BODY, OK)] * 2) as store:
        front = start_front(store)
        with RawClient(front.port) as client:
            for _ in range(2):
                client.send(HEAD, BODY)
                client.read(len(OK))
        longer = HEAD.replace(b"/key", b"/a-longer-key")
        with RawClient(front.port) as client:
            client.send(longer, BODY)
            client.read(len(OK))
    seen = read_journal(front.journal)
    assert [(line.connection, line.request, line.reused) for line in seen] == [
        (1, 1, False),
        (1, 2, True),
        (2, 1, False),
    ]
    assert [line.head_bytes for line in seen] == [len(HEAD), len(HEAD), len(longer)]
    assert seen[2].head.encode("latin-1") == longer
    assert [(line.answered, line.request_id, line.host_id) for line in seen] == [(200, "R1", "H1")] * 3


def test_an_answer_without_a_length_ends_with_the_connection(start_front: StartFront) -> None:
    """Where only the connection's end ends the answer, the client gets all of it and the end as well."""
    answer = b"HTTP/1.1 200 OK\r\n\r\nto the end"
    with RawStore([(BODY, answer)]) as store, RawClient(start_front(store).port) as client:
        client.send(HEAD, BODY)
        assert client.read(len(answer) + 1) == answer


def test_a_store_that_hangs_up_is_a_front_that_hangs_up(start_front: StartFront) -> None:
    """When the store closes an idle connection, the client sees its own closed."""
    with RawStore([(BODY, OK)]) as store, RawClient(start_front(store).port) as client:
        client.send(HEAD, BODY)
        assert client.read(len(OK)) == OK
        assert client.read(1) == b""


def test_a_slow_down_keeps_the_connection_and_the_store_sees_nothing(start_front: StartFront) -> None:
    """SlowDown answers after the body, on a connection that goes on; the store gets the next request only."""
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store, faults.Rule(faults.SLOW_DOWN))
        with RawClient(front.port) as client:
            client.send(HEAD[:-2] + b"Expect: 100-continue\r\n\r\n")
            assert client.read_head() == CONTINUE
            client.send(BODY)
            answer = client.read_head()
            client.read(_content_length(answer))
            client.send(HEAD, BODY)
            assert client.read_head() == OK
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert store.received == [HEAD + BODY]
    failed, stored = read_journal(front.journal)
    assert (failed.answered, failed.code, failed.fault, failed.body_bytes) == (
        503,
        "SlowDown",
        "ErrorAnswer",
        5,
    )
    assert failed.request_id is not None
    assert f"x-amz-request-id: {failed.request_id}\r\n".encode() in answer
    assert (stored.answered, stored.fault, stored.connection, stored.request) == (200, None, 1, 2)


def test_an_internal_error_ends_the_connection(start_front: StartFront) -> None:
    """InternalError answers before the body and closes; a client that sends on reads the whole answer."""
    with RawStore([]) as store:
        front = start_front(store, faults.Rule(faults.INTERNAL_ERROR))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY[:2])
            answer = client.read_head()
            client.send(BODY[2:])  # a client that does not look at the answer before it has sent all
            body = client.read(100_000)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert len(body) == _content_length(answer)
    assert store.received == []


def test_a_stale_connection_is_reset_when_it_is_used_again(start_front: StartFront) -> None:
    """The second request on a connection meets a reset, and the store does not see it."""
    with RawStore([(BODY, OK)] * 2) as store:
        front = start_front(store, faults.Rule(faults.Reset("head"), on_reused=True))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY)
            assert client.read(len(OK)) == OK
            client.send(HEAD)
            with pytest.raises(ConnectionResetError):
                client.read(1)
    assert store.received == [HEAD + BODY]
    assert [(seen.answered, seen.reused) for seen in read_journal(front.journal)] == [
        (200, False),
        (RESET, True),
    ]


def test_a_reset_in_the_body_cuts_what_the_store_gets(start_front: StartFront) -> None:
    """After the planned bytes of the body the client meets a reset, and the store has no whole request."""
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store, faults.Rule(faults.Reset("body", body_bytes=2)))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY[:2])
            with pytest.raises(ConnectionResetError):
                client.read(1)
    assert BODY not in b"".join(store.received)
    (seen,) = read_journal(front.journal)
    assert (seen.answered, seen.body_bytes) == (RESET, 2)


def test_a_reset_at_the_answer_comes_when_the_store_has_it_all(start_front: StartFront) -> None:
    """The store gets the whole request and answers; the client gets a reset instead of the answer."""
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store, faults.Rule(faults.Reset("answer")))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY)
            with pytest.raises(ConnectionResetError):
                client.read(1)
    assert store.received == [HEAD + BODY]


def test_a_slow_answer_is_the_stores_own_later(start_front: StartFront) -> None:
    """A held-back answer is the store's, byte for byte, no earlier than planned."""
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store, faults.Rule(faults.SlowAnswer(0.2)))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY)
            assert client.read(len(OK)) == OK
    (seen,) = read_journal(front.journal)
    assert (seen.fault, seen.answered) == ("SlowAnswer", 200)
    assert seen.ended - seen.began >= 0.2


def test_a_clock_that_is_ahead_shows_in_the_date(start_front: StartFront) -> None:
    """RequestTimeTooSkewed carries a Date twenty minutes ahead of when it was sent."""
    with RawStore([]) as store:
        front = start_front(store, faults.Rule(faults.REQUEST_TIME_TOO_SKEWED))
        with RawClient(front.port) as client:
            client.send(HEAD, BODY)
            head = client.read_head().decode()
    date = next(line.partition(": ")[2] for line in head.splitlines() if line.startswith("Date"))
    (seen,) = read_journal(front.journal)
    ahead = email.utils.parsedate_to_datetime(date).timestamp() - seen.ended
    assert ahead == pytest.approx(1200, abs=2)


def test_a_client_that_gives_up_stands_in_the_journal(start_front: StartFront) -> None:
    """A request whose client hung up in the middle of its body is there, unanswered."""
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store)
        with RawClient(front.port) as client:
            client.send(HEAD, BODY[:1])
            client.socket.shutdown(socket.SHUT_WR)
            assert client.read(1) == b""
    (seen,) = read_journal(front.journal)
    assert (seen.answered, seen.body_bytes) == (CLOSED, 1)


def test_no_store_behind_the_front_is_a_closed_connection(start_front: StartFront) -> None:
    """With nothing listening behind it the front hangs up, as the request's line in the journal says."""
    with RawStore([]) as store:
        front = start_front(store)
    with RawClient(front.port) as client:
        client.send(HEAD)
        assert client.read(1) == b""
    (seen,) = read_journal(front.journal)
    assert seen.answered == CLOSED


def test_ending_the_front_ends_its_connections(start_front: StartFront, tmp_path: Path) -> None:
    """When the front ends, a client in the middle of a request is hung up on, and the store as well."""
    with RawStore([(BODY, OK)]) as store:
        with Front(store.port, faults.Plan(), tmp_path / "other") as front:
            client = RawClient(front.port)
            client.send(HEAD, BODY)
            assert client.read(len(OK)) == OK
        with client:
            assert client.read(1) == b""


def test_tls_is_between_the_client_and_the_front_only(start_front: StartFront, tmp_path: Path) -> None:
    """Over TLS the journal has the same bytes, and the store gets them in the clear."""
    context, certificate = _certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    with RawStore([(BODY, OK)]) as store:
        front = start_front(store, tls=context)
        with RawClient(front.port) as client:
            client.socket = trusting.wrap_socket(client.socket, server_hostname="127.0.0.1")
            client.send(HEAD, BODY)
            assert client.read(len(OK)) == OK
    assert store.received == [HEAD + BODY]
    assert [seen.head_bytes for seen in read_journal(front.journal)] == [len(HEAD)]


def test_a_journal_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    """A journal in a folder that is not there is an error where the front is entered."""
    with pytest.raises(FileNotFoundError), Front(1, faults.Plan(), tmp_path / "none" / "journal"):
        pass


def _content_length(head: bytes) -> int:
    lines = head.decode("latin-1").lower().split("\r\n")
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_a_real_client_and_a_real_store_do_not_notice(
    start_front: StartFront, tmp_path: Path, s3_program: Path, encrypted: bool
) -> None:
    """boto3 puts, gets, lists, uploads in parts and deletes through the front as it does without it."""
    port = free_port()
    context, certificate = _certificate(tmp_path) if encrypted else (None, None)
    with servers.s3_server(tmp_path / "store", port, announce=print) as store:
        servers.make_bucket(port)
        front = start_front(port, tls=context)
        client = boto3.client(
            "s3",
            endpoint_url=front.url,
            region_name="us-east-1",
            aws_access_key_id=store.environment.get("ROOT_ACCESS_KEY", "demo"),
            aws_secret_access_key=store.environment.get("ROOT_SECRET_KEY", "only-on-loopback"),
            verify=str(certificate) if certificate else None,
            # Over TLS boto3 would send checksums as trailers, of which versitygw 1.8 with keep-alive leaves
            # some in the connection, front or no front, and refuses the next request (400).
            config=Config(
                retries={"total_max_attempts": 1},
                proxies={},
                request_checksum_calculation="when_required" if encrypted else "when_supported",
            ),
        )
        large = bytes(range(256)) * 4096 * 6
        for key, content in {"empty": b"", "small": b"hello", "a b+ü": b"x" * 70_000}.items():
            client.put_object(Bucket=servers.BUCKET, Key=key, Body=content)
            assert client.get_object(Bucket=servers.BUCKET, Key=key)["Body"].read() == content
        parts = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 1024 * 1024)
        client.upload_fileobj(io.BytesIO(large), servers.BUCKET, "large", Config=parts)
        assert client.head_object(Bucket=servers.BUCKET, Key="large")["ContentLength"] == len(large)
        assert client.get_object(Bucket=servers.BUCKET, Key="large")["Body"].read() == large
        client.delete_object(Bucket=servers.BUCKET, Key="empty")
        listed = client.list_objects_v2(Bucket=servers.BUCKET)["Contents"]
        client.close()
    assert sorted(entry["Key"] for entry in listed) == ["a b+ü", "large", "small"]
    seen = read_journal(front.journal)
    assert {line.answered for line in seen} <= {200, 204}
    assert any(line.reused for line in seen)


def _certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    certificate = folder / "authority.pem"
    authority.cert_pem.write_to_path(certificate)
    return context, certificate
