"""What a call tells of its client: how it is set, with what it signs, how long it may take."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.client import longest_backoffs
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, Visit, refused, stored

MakeClient = Callable[..., Any]


def _put(client: Any) -> None:
    client.put_object(Bucket="bucket", Key="k", Body=b"1")


def _signing_with(store: RawStore, credentials: object) -> Any:
    session = botocore.session.get_session()
    session._credentials = credentials
    return session.create_client("s3", region_name="eu-west-1", endpoint_url=store.address)


def test_a_call_tells_how_its_client_is_set(captured: Captured, store: RawStore) -> None:
    """Retry mode, attempts, time-outs, pool, endpoint, region, addressing and signing stand on the call."""
    client = boto3.client(
        "s3",
        endpoint_url=store.address,
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(
            retries={"mode": "adaptive", "total_max_attempts": 4},
            connect_timeout=2,
            read_timeout=7.5,
            max_pool_connections=3,
            s3={"addressing_style": "path"},
        ),
    )
    _put(client)
    call = facts(captured.calls[0])
    told = {name: call[name] for name in SET}
    assert told == SET | {attribute.ENDPOINT: store.address}
    authorization = store.seen[0].header("Authorization") or ""
    signed = authorization.partition("SignedHeaders=")[2].partition(",")[0]
    assert call[attribute.SIGNED_HEADERS] == signed != ""


SET = {
    attribute.RETRY_MODE: "adaptive",
    attribute.ATTEMPTS_ALLOWED: 4,
    attribute.CONNECT_TIMEOUT_SECONDS: 2.0,
    attribute.READ_TIMEOUT_SECONDS: 7.5,
    attribute.PATIENCE_SECONDS: 4 * 9.5 + 1 + 2 + 4,
    attribute.POOL_SIZE: 3,
    attribute.ENDPOINT: "",
    attribute.REGION: "eu-west-1",
    attribute.ADDRESSING_STYLE: "path",
    attribute.SIGNATURE_VERSION: "s3v4",
    attribute.CREDENTIAL_KIND: "explicit",
    attribute.RPC_SYSTEM: "aws-api",
    attribute.RPC_SERVICE: "S3",
    attribute.RPC_METHOD: "PutObject",
}


@pytest.mark.parametrize(
    ("mode", "attempts", "seconds"), [("legacy", 7, 63), ("standard", 7, 51), ("standard", 1, 0)]
)
def test_backoffs_double_and_only_legacy_mode_has_no_end_to_it(
    mode: str, attempts: int, seconds: int
) -> None:
    """The longest backoffs are 1, 2, 4 … seconds, in the newer modes no more than 20 each."""
    assert longest_backoffs(mode, attempts) == seconds


def test_a_request_that_is_not_signed_says_so(captured: Captured, store: RawStore) -> None:
    """Without credentials there is a signature version `none`, and no names, kind or expiry."""
    client = boto3.client(
        "s3", region_name="us-east-1", endpoint_url=store.address, config=Config(signature_version=UNSIGNED)
    )
    _put(client)
    call = facts(captured.calls[0])
    assert call[attribute.SIGNATURE_VERSION] == "none"
    assert not {attribute.SIGNED_HEADERS, attribute.CREDENTIAL_KIND} & set(call)


def test_lasting_credentials_have_a_kind_and_no_end(captured: Captured, store: RawStore) -> None:
    """The kind is botocore's word for where the credentials are from; none of them stands in a span."""
    _put(_signing_with(store, Credentials("AKIDNAMED", "SECRETNAMED", method="shared-credentials-file")))
    call = facts(captured.calls[0])
    assert call[attribute.CREDENTIAL_KIND] == "shared-credentials-file"
    assert attribute.CREDENTIAL_EXPIRES_IN_SECONDS not in call
    assert "NAMED" not in str([facts(span) for span in captured.exporter.get_finished_spans()])


def test_temporary_credentials_say_when_they_end_and_are_not_asked(
    captured: Captured, store: RawStore
) -> None:
    """The seconds left are those on the credentials at the time of the call, read and never fetched."""
    fetched = []
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=7200)
    credentials = RefreshableCredentials(
        "key", "secret", "token", ends, lambda: fetched.append(1), method="assume-role"
    )
    client = _signing_with(store, credentials)
    _put(client)
    _put(client)
    for span in captured.calls:
        left = facts(span)[attribute.CREDENTIAL_EXPIRES_IN_SECONDS]
        assert 7100 < left <= 7200
    assert facts(captured.calls[0])[attribute.CREDENTIAL_KIND] == "assume-role"
    assert fetched == []


def test_a_call_that_the_quota_stops_says_so(
    captured: Captured, store: RawStore, client_of: MakeClient, short_backoff: None
) -> None:
    """Once a client's retry quota is used up, calls are not retried and say why; those before do not."""
    client = client_of(store, retries=2)
    store.script = [refused("503 Slow Down", "SlowDown")] * 200
    calls = 0
    while calls < 60 and not any(facts(span).get(attribute.RETRY_QUOTA_EXHAUSTED) for span in captured.calls):
        with pytest.raises(ClientError):
            _put(client)
        calls += 1
    *before, last = (facts(span) for span in captured.calls)
    assert last[attribute.RETRY_QUOTA_EXHAUSTED] is True
    assert last[attribute.ATTEMPTS] < last[attribute.ATTEMPTS_ALLOWED]
    assert before
    assert all(call[attribute.ATTEMPTS] == 3 for call in before)
    assert not any(attribute.RETRY_QUOTA_EXHAUSTED in call for call in before)


def test_attempts_under_way_are_counted_by_client(
    captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """An attempt tells how many its client had under way, as many as the store held at once."""
    gate = threading.Barrier(3, timeout=60)

    def held(visit: Visit) -> None:
        gate.wait()  # until all three have come
        stored(visit)

    store.script = [held] * 3
    client = client_of(store)
    threads = [threading.Thread(target=_put, args=(client,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _put(client_of(store))
    *together, alone = (facts(span).get(attribute.POOL_IN_USE, 1) for span in captured.attempts)
    assert sorted(together) == [1, 2, 3]
    assert alone == 1


def test_credentials_in_an_endpoint_are_not_told(captured: Captured, store: RawStore) -> None:
    """Of an endpoint with a user and a password scheme, host and port are recorded, and nothing more."""
    client = boto3.client(
        "s3",
        endpoint_url=store.address.replace("://", "://gateway:hedgehog@"),
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    _put(client)
    assert facts(captured.calls[0])[attribute.ENDPOINT] == store.address
    assert "hedgehog" not in "".join(span.to_json() for span in captured.exporter.get_finished_spans())
    client.close()


def test_a_forked_process_has_no_attempts_of_its_parents(
    captured: Captured, store: RawStore, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts that were under way when a process was forked are not under way in it."""
    client = client_of(store)
    _put(client)
    ours = client._endpoint.__dict__["_otel_savetrace"]
    before, after = object(), object()
    assert ours.begin(before) == 1
    forked = os.getpid() + 1
    monkeypatch.setattr("os.getpid", lambda: forked)
    assert ours.begin(after) == 1
