"""`OTEL_SAVETRACE_LOG=on`: the lines of each call that writes, whatever becomes of it."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import format_span_id, format_trace_id

import otel_savetrace
from otel_savetrace.capture import storage_answer, storage_log
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.keys.hash import HIDDEN, hash_of
from otel_savetrace.capture.state import StorageCall
from tests.fixture_capture import Captured, botocore_instrumentor
from tests.raw_store import RawStore, Visit, closed, refused, reset, stored

MakeClient = Callable[..., Any]

KEY = "storymapjs/a-user/my-map/draft.json"
IDS = "x-amz-request-id: R1\r\nx-amz-id-2: H1\r\n"
SETTINGS = (
    "region=us-east-1", "addressing_style=path", "signature_version=s3v4", "retry_mode=standard",
    "attempts_allowed=1", "connect_timeout_seconds=60.0", "read_timeout_seconds=60.0",
)  # fmt: skip
SECRETS = ("WHOSE-KEY", "the-string", "the-request", "the-signature", "the-token")
EXPIRED = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def settings() -> otel_savetrace.Settings:
    """Lines are on."""
    return otel_savetrace.Settings(log=True)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the lines logged so far."""
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "otel_savetrace.storage"
    ]


@pytest.fixture
def put(captured: Captured, store: RawStore, client_of: MakeClient) -> Callable[..., None]:
    """Save under `KEY`; what the store makes of it is no matter."""

    def put(key: str = KEY, body: Any = b"12345", *, retries: int = 0, **parameters: Any) -> None:
        try:
            client_of(store, retries=retries).put_object(Bucket="maps", Key=key, Body=body, **parameters)
        except (ClientError, ConnectionClosedError, ParamValidationError, UnicodeEncodeError):
            return

    return put


Put = Callable[..., None]
Lines = Callable[[], list[str]]


def ids_of(captured: Captured, number: int = 0) -> str:
    """How each line of a call ends."""
    context = captured.calls[number].context
    assert context is not None
    return f" trace_id={format_trace_id(context.trace_id)} span_id={format_span_id(context.span_id)}"


def signature_refused(visit: Visit) -> None:
    """Answer as S3 does to a signature that does not match: with all that it was made from."""
    key, string, request, signature, token = SECRETS
    body = (
        f"<Error><Code>SignatureDoesNotMatch</Code><Message>no, {EXPIRED}</Message>"
        f"<AWSAccessKeyId>{key}</AWSAccessKeyId><StringToSign>{string}</StringToSign>"
        f"<StringToSignBytes>{string}</StringToSignBytes><SignatureProvided>{signature}</SignatureProvided>"
        f"<CanonicalRequest>{request}</CanonicalRequest><CanonicalRequestBytes>{request}"
        f"</CanonicalRequestBytes><Token-0>{token}</Token-0>"
        "</Error>"
    )
    visit.send(
        "403 Forbidden", body.encode(), f"Set-Cookie: {token}\r\nX-Amz-Security-Token: {token}\r\n" + IDS
    )


def test_a_save_is_two_lines(captured: Captured, put: Put, lines: Lines) -> None:
    """One line when a call begins and one when it has succeeded, with all facts and the ids."""
    put(ContentType="application/json")
    facts = f"key={KEY} key_len=35 content_size=5 type=application/json"
    assert lines() == [
        f"[SAVE_ATTEMPT] PutObject: {facts}{ids_of(captured)}",
        f"[SAVE_SUCCESS] PutObject: {facts} attempts=1{ids_of(captured)}",
    ]


def test_lines_are_warnings_on_a_logger_without_a_handler(
    captured: Captured, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    """They reach standard error through logging's last resort, and the app's configuration routes them."""
    put()
    levels = {record.levelno for record in caplog.records if record.name == "otel_savetrace.storage"}
    assert levels == {logging.WARNING}
    for name in ("otel_savetrace.storage", "otel_savetrace"):
        logger = logging.getLogger(name)
        assert (logger.handlers, logger.level, logger.propagate) == ([], logging.NOTSET, True)


def test_retries_are_no_lines_of_their_own(
    captured: Captured, store: RawStore, put: Put, lines: Lines
) -> None:
    """A call that was tried three times has two lines, and the last says how often."""
    store.script = [refused("503 Slow Down", "SlowDown"), reset]
    put(retries=2)
    begun, ended = lines()
    assert begun.startswith("[SAVE_ATTEMPT] PutObject: ")
    assert ended.startswith("[SAVE_SUCCESS] PutObject: ")
    assert f" attempts={len(store.seen)} trace_id=" in ended
    assert len(store.seen) == 3


def test_a_refusal_is_told_with_the_whole_answer(
    captured: Captured, store: RawStore, put: Put, lines: Lines
) -> None:
    """The lines of an error are those that are grepped for, each with the ids; the last names the attempt."""
    store.script = [refused("403 Forbidden", "AccessDenied")]
    put()
    _, *error = lines()
    ids = ids_of(captured)
    assert all(line.startswith("[STORAGE_ERROR] ") and line.endswith(ids) for line in error)
    kind, key, size, answer, failed = [line.removesuffix(ids) for line in error]
    assert kind == "[STORAGE_ERROR] ClientError: AccessDenied in PutObject()"
    assert key == f"[STORAGE_ERROR] Key: {KEY} (len=35)"
    assert size == "[STORAGE_ERROR] Content size: 5"
    assert answer.startswith("[STORAGE_ERROR] Error response: {'Error': {'Code': 'AccessDenied', 'Message': ")
    assert "'HTTPStatusCode': 403" in answer
    assert "'x-amz-request-id': 'REFUSED'" in answer
    assert failed == (
        f"[STORAGE_ERROR] Failed [SAVE_ATTEMPT] of PutObject(): key={KEY} key_len=35 content_size=5 type=-"
        " attempts=1"
    )


def test_an_error_that_botocore_does_not_name_is_told(captured: Captured, put: Put, lines: Lines) -> None:
    """Old botocores raise on an error inside a 200 without saying which: the wire's code is told."""
    result: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": 200}}
    call = StorageCall(trace.get_current_span(), "CompleteMultipartUpload", {"Bucket": "b", "Key": KEY})
    call.answered = Failure("InternalError", "200 InternalError")
    log = storage_log.begin(otel_savetrace.Settings(log=True), call, {})
    assert log is not None
    storage_log.end(call, log, result, ClientError(result, call.operation))
    told = lines()[1]
    assert told.startswith(
        "[STORAGE_ERROR] ClientError: InternalError in CompleteMultipartUpload() trace_id="
    )


@pytest.mark.parametrize("answer", [reset, closed])
def test_an_answer_that_never_came_is_told(
    captured: Captured, store: RawStore, put: Put, lines: Lines, answer: Any
) -> None:
    """Of a broken connection the exception, its innermost cause and botocore's words are told."""
    store.script = [answer]
    put()
    _, kind, _, _, told, _ = lines()
    cause = {reset: "ConnectionResetError", closed: "RemoteDisconnected"}[answer]
    assert kind.startswith(f"[STORAGE_ERROR] ConnectionClosedError: {cause} in PutObject() trace_id=")
    assert told.startswith(
        "[STORAGE_ERROR] Error response: none, ConnectionClosedError: Connection was closed"
    )


def test_what_the_app_passed_is_not_told(captured: Captured, put: Put, lines: Lines) -> None:
    """A call that botocore refuses to send quotes its parameters: of those, nothing is logged."""
    put(body={"content": "of a user"})
    assert any("ParamValidationError in PutObject()" in line for line in lines())
    assert not any("of a user" in line for line in lines())


def test_no_secret_of_an_answer_is_told(captured: Captured, store: RawStore, put: Put, lines: Lines) -> None:
    """What a signature was made from, tokens, cookies and key ids are cut; the store's ids stay."""
    store.script = [signature_refused]
    put()
    told = "\n".join(lines())
    assert "'Code': 'SignatureDoesNotMatch'" in told
    assert "'RequestId': 'R1', 'HostId': 'H1'" in told
    assert not [secret for secret in (*SECRETS, EXPIRED) if secret in told]
    assert told.count("(cut)") >= 10


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:word@proxy:3128/", "http://(cut)@proxy:3128/"),
        ("?X-Amz-Credential=A/B&X-Amz-Signature=c1&x=1", "?X-Amz-Credential=(cut)&X-Amz-Signature=(cut)&x=1"),
        ("?AWSAccessKeyId=A&Signature=b&Expires=1", "?AWSAccessKeyId=(cut)&Signature=(cut)&Expires=1"),
        (
            "AWS4-HMAC-SHA256 Credential=A/B, Signature=c",
            "AWS4-HMAC-SHA256 Credential=(cut), Signature=(cut)",
        ),
        ("Key: maps/signature.json", "Key: maps/signature.json"),
        ("Key: maps/asia_and_asiasoutheastmapslis", "Key: maps/asia_and_asiasoutheastmapslis"),
        ("Key: asiasoutheastmapslis/a", "Key: asiasoutheastmapslis/a"),
    ],
)
def test_secrets_are_cut_out_of_any_text(text: str, shown: str) -> None:
    """Credentials in addresses and headers are cut, and nothing else is."""
    assert storage_answer.without_secrets(text) == shown


@pytest.mark.parametrize("code", ["KeyTooLongError", "MetadataTooLarge", "RequestHeaderSectionTooLarge"])
def test_a_limit_is_told_with_all_that_was_sent(
    captured: Captured, store: RawStore, put: Put, lines: Lines, code: str
) -> None:
    """Key components in bytes, each header's length, and what boto3 was set to; never a header's value."""
    store.script = [refused("400 Bad Request", code)]
    put("maps/ü/a", Metadata={"note": "secret-note"})
    told = {
        line.removeprefix("[STORAGE_ERROR] ").partition(":")[0]: line.removesuffix(ids_of(captured))
        for line in lines()[1:]
    }
    parts = "3 parts: maps (4 B) / ü (2 B) / a (1 B); 9 bytes in all, 13 bytes as sent (percent-encoded)"
    assert told["Key components"].endswith(parts)
    head = store.seen[0].head
    assert f"Request head: {len(head)} bytes, of which " in told["Request head"]
    lengths = dict(re.findall(r"(\S+)=(\d+)", told["Request head"]))
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.decode().partition(": ")
        assert int(lengths[name]) == len(name) + len(value)
    assert f"endpoint={store.address} " in told["Boto3 configuration"]
    for setting in SETTINGS:
        assert f"{setting} " in told["Boto3 configuration"] + " "
    assert not any("secret" in line for line in lines())


def test_no_line_is_broken(captured: Captured, store: RawStore, put: Put, lines: Lines) -> None:
    """Control characters of keys, types and answers are escaped, and lone surrogates can be written."""

    def answer(visit: Visit) -> None:
        visit.send(
            "400 Bad Request", b"<Error><Code>Odd</Code><Message>a&#10;[SAVE_SUCCESS] b</Message></Error>"
        )

    store.script = [answer]
    put("a\n[SAVE_SUCCESS] b\x1b[2J\u2028c\ud800")
    store.script = [answer]
    put("a\n[SAVE_SUCCESS] b\x1b[2J\u2028c")
    told = lines()
    assert len(told) > 7
    for line in told:
        assert line.isprintable()
        assert line.startswith(("[SAVE_ATTEMPT] ", "[STORAGE_ERROR] "))
        line.encode()
    assert r"key=a\n[SAVE_SUCCESS] b\x1b[2J\u2028c\ud800 key_len=29" in told[0]


def test_no_line_is_endless(captured: Captured, store: RawStore, put: Put, lines: Lines) -> None:
    """However long a key, a type or an answer, the lines of a call stay within some kilobytes."""

    def answer(visit: Visit) -> None:
        many = b"".join(b"<A%d>" % number + b"x" * 5_000 + b"</A%d>" % number for number in range(20))
        visit.send("400 Bad Request", b"<Error><Code>KeyTooLongError</Code>" + many + b"</Error>")

    store.script = [answer]
    put("a/" * 20_000, ContentType="t" * 5_000)
    assert max(map(len, lines())) < 12_000
    assert any("key_len=40000 " in line for line in lines())
    assert any(
        "20001 parts: a (1 B) / " in line and " and 19951 more; 40000 bytes" in line for line in lines()
    )


def test_a_streams_size_is_unknown_until_it_was_sent(captured: Captured, put: Put, lines: Lines) -> None:
    """A stream is not read by us: its size is what botocore announces."""
    put(body=io.BytesIO(b"1234567"))
    begun, ended = lines()
    assert " content_size=unknown " in begun
    assert " content_size=7 " in ended


def test_only_calls_that_write_are_told(
    captured: Captured, store: RawStore, client_of: MakeClient, lines: Lines
) -> None:
    """Reads and deletes have no lines; a copy has, without content."""
    client = client_of(store)
    client.get_object(Bucket="maps", Key=KEY)["Body"].read()
    client.delete_object(Bucket="maps", Key=KEY)
    assert lines() == []
    copied = b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"
    store.script = [lambda visit: visit.send("200 OK", copied)]
    client.copy_object(Bucket="maps", Key=KEY, CopySource="maps/other")
    begun, ended = lines()
    assert begun.startswith(
        f"[SAVE_ATTEMPT] CopyObject: key={KEY} key_len=35 content_size=- type=- trace_id="
    )
    assert ended.startswith("[SAVE_SUCCESS] CopyObject: ")


def test_an_answer_cut_short_is_no_success(
    captured: Captured, store: RawStore, put: Put, lines: Lines
) -> None:
    """A 200 without ETag confirms nothing, and is not told as a success."""
    store.script = [lambda visit: visit.send("200 OK")]
    put()
    assert lines()[1].startswith("[SAVE_UNKNOWN] PutObject: ")
    assert "(200 without ETag: the answer was cut short) trace_id=" in lines()[1]


def test_a_handlers_answer_is_no_success(
    captured: Captured, store: RawStore, client_of: MakeClient, lines: Lines
) -> None:
    """Where a handler answers in the store's stead, what became of the object is not known."""
    from botocore.awsrequest import AWSResponse

    client = client_of(store)

    class Raw(io.BytesIO):
        def stream(self) -> Iterator[bytes]:
            yield b""

    client.meta.events.register("before-send.s3", lambda **_: AWSResponse("", 200, {"ETag": '"e"'}, Raw()))
    client.put_object(Bucket="maps", Key=KEY, Body=b"1")
    assert store.seen == []
    assert lines()[1].startswith("[SAVE_UNKNOWN] PutObject: ")
    assert "attempts=0 (sent by handler: " in lines()[1]


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (otel_savetrace.Settings(log=True, keys="hash"), hash_of(KEY)),
        (otel_savetrace.Settings(log=True, keys="none"), HIDDEN),
    ],
)
@pytest.mark.parametrize("answer", ["limit", "reset", "stored"])
def test_no_key_is_told_where_none_may_be(
    captured: Captured, store: RawStore, put: Put, lines: Lines, shown: str, answer: str
) -> None:
    """With `OTEL_SAVETRACE_KEYS` hash or none no part of a key is in any line; lengths and codes are."""

    def limit(visit: Visit) -> None:
        body = f"<Error><Code>KeyTooLongError</Code><Message>{KEY}</Message><Key>{KEY}</Key></Error>"
        visit.send("400 Bad Request", body.encode(), f"x-amz-request-id: R7\r\nX-Path: /maps/{KEY}\r\n")

    store.script = [{"limit": limit, "reset": reset, "stored": stored}[answer]]
    put(Metadata={"my-map": "1"})
    told = "\n".join(lines())
    assert f"key={shown} key_len=35 " in told
    assert not [part for part in KEY.split("/") if part in told]
    if answer == "limit":
        assert "4 parts: 10 B / 6 B / 6 B / 10 B; 35 bytes in all" in told
        assert "'Code': 'KeyTooLongError'" in told
        assert "'HTTPStatusCode': 400" in told


@pytest.mark.parametrize("settings", [otel_savetrace.Settings()])
def test_off_is_off(captured: Captured, store: RawStore, put: Put, lines: Lines) -> None:
    """By default nothing is logged, whatever becomes of a call."""
    store.script = [refused("400 Bad Request", "KeyTooLongError")]
    put()
    put()
    assert lines() == []


def test_a_silenced_logger_costs_no_lines(
    captured: Captured, put: Put, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    """Where the app wants no warnings of this logger, none are made."""
    with caplog.at_level(logging.ERROR, "otel_savetrace.storage"):
        put()
    assert lines() == []


def test_a_handler_that_stores_lines_in_s3_does_not_feed_itself(
    captured: Captured, store: RawStore, client_of: MakeClient, put: Put, lines: Lines
) -> None:
    """A call that a log handler makes while a line is written has no lines itself."""
    client = client_of(store)

    class ToS3(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            client.put_object(Bucket="logs", Key="log", Body=record.getMessage().encode())

    handler = ToS3()
    logging.getLogger("otel_savetrace.storage").addHandler(handler)
    try:
        put()
    finally:
        logging.getLogger("otel_savetrace.storage").removeHandler(handler)
    assert len(store.seen) == 3
    assert [line.partition(" ")[0] for line in lines()] == ["[SAVE_ATTEMPT]", "[SAVE_SUCCESS]"]


def test_a_filter_of_the_app_that_fails_costs_no_save(
    captured: Captured, store: RawStore, put: Put, announced: set[str]
) -> None:
    """What the app's logging raises ends at the guard, and the call is stored and recorded."""

    def failing(record: logging.LogRecord) -> bool:
        raise LookupError

    announced.add("a call is logged")
    logging.getLogger("otel_savetrace.storage").addFilter(failing)
    try:
        put()
    finally:
        logging.getLogger("otel_savetrace.storage").removeFilter(failing)
    assert len(store.seen) == len(captured.attempts) == 1


def test_a_call_that_is_not_sampled_is_told_too(
    instrumented: Captured, store: RawStore, client_of: MakeClient, lines: Lines
) -> None:
    """A log is not sampled: a call without a recorded span has its lines, with the ids of its trace."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    botocore = botocore_instrumentor()
    botocore.uninstrument()
    botocore.instrument(tracer_provider=provider)
    assert otel_savetrace.instrument(provider, otel_savetrace.Settings(log=True))
    try:
        store.script = [refused("503 Slow Down", "SlowDown")]
        client_of(store, retries=1).put_object(Bucket="maps", Key=KEY, Body=b"1")
    finally:
        otel_savetrace.uninstrument()
    assert instrumented.calls == []
    begun, ended = lines()
    assert re.search(r"trace_id=[0-9a-f]{32} span_id=[0-9a-f]{16}$", begun)
    assert begun.endswith(ended.partition(" attempts=2")[2])
