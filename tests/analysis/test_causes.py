"""What made a save fail: every cause from what tells of it, in our spans and in OpenTelemetry's alone."""

from __future__ import annotations

import dataclasses
import re

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.cause_codes import CAUSES, ROWS
from otel_savetrace.analysis.causes import cause_of, causes_of, key_of
from otel_savetrace.analysis.refusals import Cause
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.witnesses import ACCESS_LOG
from otel_savetrace.report.cause_words import cause_in_words
from tests.analysis.made_incident import RESET, Fault, Moment, Rule, made_incident
from tests.analysis.made_spans import (
    NEW_CONNECTION,
    Held,
    failed_in_app,
    failed_save,
    made_attempt,
    made_call,
    made_request,
    only,
    plain_save,
    thrown,
)

STORES = {
    "AWS": {
        "storage.throttled": "SlowDown RequestLimitExceeded 429",
        "storage.internal_error": "InternalError 500 502 503 ServiceUnavailable",
        "storage.clock_skew": "RequestTimeTooSkewed",
        "storage.signature": "SignatureDoesNotMatch AuthorizationHeaderMalformed",
        "storage.credentials": "ExpiredToken InvalidAccessKeyId InvalidToken TokenRefreshRequired",
        "storage.access_denied": "AccessDenied 403 AllAccessDisabled",
        "storage.header_too_large": "RequestHeaderSectionTooLarge 431",
        "storage.key_too_long": "KeyTooLongError 414",
        "storage.metadata_too_large": "MetadataTooLarge",
        "storage.content_too_large": "EntityTooLarge 413",
        "storage.checksum": "BadDigest InvalidDigest XAmzContentSHA256Mismatch NotImplemented",
        "storage.conflict": "OperationAborted PreconditionFailed ConditionalRequestConflict 409 412",
        "storage.not_found": "NoSuchBucket NoSuchUpload NoSuchKey 404",
        "network.reset": "IncompleteBody",
        "network.read_timeout": "RequestTimeout",
        "client.invalid_parameter": "InvalidArgument InvalidStorageClass MalformedXML",
        "unexplained": "MethodNotAllowed PermanentRedirect",
    },
    "MinIO": {
        "storage.throttled": "SlowDown SlowDownWrite TooManyRequests",
        "storage.internal_error": "XMinioServerNotInitialized XMinioStorageFull",
        "storage.credentials": "InvalidTokenId InvalidAccessKeyId",
        "storage.key_too_long": "XMinioInvalidObjectName KeyTooLongError",
        "storage.checksum": "XAmzContentChecksumMismatch XAmzContentSHA256Mismatch",
        "storage.conflict": "XMinioObjectExistsAsDirectory XMinioParentIsObject",
        "storage.signature": "AuthorizationParametersError AuthorizationQueryParametersError",
    },
    "versitygw": {
        "storage.throttled": "SlowDown",
        "storage.internal_error": "InternalError InsufficientStorage",
        "storage.content_too_large": "EntityTooLarge MaxMessageLengthExceeded",
        "storage.checksum": "BadDigest InvalidChunkSizeError MalformedTrailerError",
        "storage.conflict": "ExistingObjectIsDirectory ObjectParentIsFile",
    },
    "Ceph RGW": {
        "storage.access_denied": "UserSuspended AccessDenied",
        "storage.key_too_long": "InvalidObjectName",
        "storage.clock_skew": "RequestTimeTooSkewed",
        "unexplained": "UnprocessableEntity QuotaExceeded",
    },
    "SeaweedFS": {
        "storage.throttled": "ErrTooManyRequest ErrRequestBytesExceed",
        "storage.key_too_long": "KeyTooLongError",
        "storage.conflict": "ExistingObjectIsFile",
    },
    "Google Cloud Storage": {
        "storage.throttled": "SlowDown RateLimitExceeded",
        "storage.signature": "MalformedSecurityHeader MissingSecurityHeader",
        "storage.checksum": "CrcMismatch BadDigest",
        "storage.internal_error": "ServiceUnavailable InternalError",
        "storage.content_too_large": "EntityTooLarge",
    },
}
CODES = [
    pytest.param(code, cause, id=f"{store} {code}")
    for store, causes in STORES.items()
    for cause, codes in causes.items()
    for code in codes.split()
]


@pytest.mark.parametrize(("code", "cause"), CODES)
def test_what_a_store_answers(code: str, cause: str) -> None:
    """A store's code, or its status where it gave none, is one cause, in our spans and in others'."""
    assert cause_of(failed_save(code)).name == cause
    message = f"ClientError: An error occurred ({code}) when calling the PutObject operation: so it is"
    for old_names in (True, False):
        assert cause_of(plain_save(message, old_names=old_names)).name == cause
    assert cause_of(plain_save("failed", call_held={names.ERROR_TYPE: code})).name == cause


EXCEPTIONS = {
    "network.reset": "ConnectionResetError BrokenPipeError RemoteDisconnected IncompleteRead SSLEOFError",
    "network.connect_timeout": "ConnectTimeoutError",
    "network.read_timeout": "ReadTimeoutError TimeoutError",
    "network.dns": "gaierror",
    "network.tls": "SSLCertVerificationError SSLError",
    "network.refused": "ConnectionRefusedError NewConnectionError",
    "client.pool_exhausted": "EmptyPoolError",
    "storage.checksum": "FlexibleChecksumError",
    "process.killed": "SystemExit",
    "unexplained": "SomethingOfItsOwn",
}


@pytest.mark.parametrize(
    ("code", "cause"), [(code, cause) for cause, codes in EXCEPTIONS.items() for code in codes.split()]
)
def test_what_was_raised_on_the_way(code: str, cause: str) -> None:
    """Where no answer came the innermost exception's class is the cause, on a connection that was new."""
    assert cause_of(failed_save(code, names.NETWORK)).name == cause


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("NoCredentialsError", "storage.credentials"),
        ("ParamValidationError", "client.invalid_parameter"),
        ("AFlagOfTomorrowsError", "client.invalid_parameter"),
    ],
)
def test_what_the_client_never_sent(code: str, cause: str) -> None:
    """A call of which nothing was sent failed by credentials, or else by what it was given."""
    assert cause_of(failed_save(code, names.CLIENT, attempts=())).name == cause


@pytest.mark.parametrize(
    ("errno", "connected", "cause"),
    [
        ("ECONNREFUSED", False, "network.refused"),
        ("EHOSTUNREACH", False, "network.refused"),
        ("ETIMEDOUT", False, "network.connect_timeout"),
        ("ETIMEDOUT", True, "network.read_timeout"),
        ("EPIPE", True, "network.reset"),
        ("ENOSPC", True, "unexplained"),
    ],
)
def test_the_systems_name_for_an_error(errno: str, connected: bool, cause: str) -> None:
    """An OSError says by its number what it was, and whether there was a connection yet says the rest."""
    wire = NEW_CONNECTION if connected else {}
    save = failed_save("OSError", names.NETWORK, of_call={names.ERRNO: errno}, attempts=(wire,))
    assert cause_of(save).name == cause


@pytest.mark.parametrize("code", ["SSLEOFError", "SSLError", "SSLZeroReturnError"])
def test_a_tls_error_before_there_is_a_connection_is_the_handshakes(code: str) -> None:
    """What TLS raises before anything was sent is the handshake; later it is a connection that broke."""
    assert cause_of(failed_save(code, names.NETWORK, attempts=({},))).name == "network.tls"


def test_a_bare_time_out_without_a_connection_waited_for_one() -> None:
    """A TimeoutError of an attempt that got no connection is no answer that did not come."""
    assert (
        cause_of(failed_save("TimeoutError", names.NETWORK, attempts=({},))).name == "network.connect_timeout"
    )


LARGE_HEAD = {names.HEADER_SECTION_BYTES: 8_608, names.HEADER_BYTES: 8_774}
LARGE_METADATA = {names.METADATA_BYTES: 2_100, names.HEADER_SECTION_BYTES: 3_000}


@pytest.mark.parametrize(
    ("code", "wire", "of_call", "cause", "sure"),
    [
        ("400", LARGE_HEAD, {}, "storage.header_too_large", False),
        ("BadRequest", {names.HEADER_BYTES: 8_192}, {}, "storage.header_too_large", False),
        ("400", {names.HEADER_BYTES: 8_191}, {}, "unexplained", True),
        ("400", {}, {names.KEY_LEN: 1_025}, "storage.key_too_long", False),
        ("400", {}, {names.KEY_LEN: 1_024}, "unexplained", True),
        ("InvalidArgument", LARGE_METADATA, {}, "storage.metadata_too_large", False),
        ("InvalidArgument", {}, {}, "client.invalid_parameter", False),
        ("MetadataTooLarge", LARGE_HEAD, {}, "storage.header_too_large", False),
        ("MetadataTooLarge", LARGE_METADATA, {}, "storage.metadata_too_large", True),
        ("SlowDown", LARGE_HEAD, {}, "storage.throttled", True),
        ("403", {names.CLOCK_SKEW_SECONDS: -900}, {}, "storage.clock_skew", False),
        ("403", {names.CLOCK_SKEW_SECONDS: 899}, {}, "storage.access_denied", False),
        ("AccessDenied", {}, {names.CREDENTIAL_EXPIRES_IN_SECONDS: 0}, "storage.credentials", False),
        ("AccessDenied", {}, {names.CREDENTIAL_EXPIRES_IN_SECONDS: 1}, "storage.access_denied", True),
    ],
)  # fmt: skip
def test_a_refusal_that_may_mean_much_is_read_by_its_facts(
    code: str, wire: Held, of_call: Held, cause: str, sure: bool
) -> None:
    """A limit that the request passed, a clock or a token that has run out explain it, never for sure."""
    save = failed_save(code, of_call=of_call, attempts=({**NEW_CONNECTION, **wire},))
    assert cause_of(save) == Cause(cause, sure)


@pytest.mark.parametrize(
    ("message", "trace", "cause"),
    [
        (
            "EndpointConnectionError: Could not connect to the endpoint URL",
            "Connection refused",
            "network.refused",
        ),
        ("EndpointConnectionError: Could not connect", "[Errno -2] Name or service not known", "network.dns"),
        ("EndpointConnectionError: Could not connect", "nothing that is known", "network.refused"),
        ("ConnectTimeoutError: Connect timeout on endpoint URL", "", "network.connect_timeout"),
        ("ReadTimeoutError: Read timeout on endpoint URL", "", "network.read_timeout"),
        ("SSLError: SSL validation failed [SSL: CERTIFICATE_VERIFY_FAILED]", "", "network.tls"),
        ("SSLError: EOF occurred in violation of protocol", "", "network.reset"),
        (
            "HTTPClientError: An HTTP Client raised",
            "ConnectionResetError: Connection reset by peer",
            "network.reset",
        ),
        (
            "ConnectionClosedError: Connection was closed before we received a valid response",
            "",
            "network.reset",
        ),
        ("NoCredentialsError: Unable to locate credentials", "", "storage.credentials"),
        ("ParamValidationError: Parameter validation failed", "", "client.invalid_parameter"),
        ("WaiterError: waited", "in vain", "unexplained"),
    ],
)
def test_opentelemetry_alone_tells_by_texts(message: str, trace: str, cause: str) -> None:
    """What a plain span leaves of an inner exception stands in the outer one's text or its trace."""
    kind, _, text = message.partition(": ")
    event = thrown(f"botocore.exceptions.{kind}", text, trace)
    found = cause_of(plain_save(message, of_call=[event]))
    assert found.name == cause
    # Without a span of its own the same exception went through the app.
    assert cause_of(plain_save(of_save=[event])) == Cause(cause, sure=False)


def test_a_plain_reset_is_never_sure() -> None:
    """Whether the connection was stale, plain spans do not say."""
    assert not cause_of(plain_save("x", of_call=[thrown("botocore.exceptions.ConnectionClosedError")])).sure
    wrapped = thrown("botocore.exceptions.HTTPClientError", "Connection reset by peer")
    assert cause_of(plain_save("x", of_call=[wrapped])) == Cause("network.reset", sure=False)
    assert cause_of(failed_save("ConnectionResetError", names.NETWORK)).sure


@pytest.mark.parametrize(
    ("save", "cause", "sure"),
    [
        (failed_in_app("ValueError"), "app.exception", True),
        (failed_in_app("500"), "app.exception", False),
        (failed_in_app("413", status=413), "app.rejected", True),
        (failed_in_app("error_in_answer", status=200), "app.rejected", True),
        (failed_in_app("ValueError", status=422), "app.rejected", True),
        (failed_in_app("403", names.SESSION, status=403), "app.session", True),
        (failed_in_app("login_redirect", names.SESSION, status=302), "app.session", True),
        (failed_in_app("login_redirect", None, status=302), "app.session", True),
        (failed_in_app("OperationalError", names.DEPENDENCY), "app.dependency", True),
        (failed_in_app("ClientDisconnected", status=400), "front.client_gone", True),
        (plain_save(status=401), "app.session", True),
        (plain_save(status=403), "app.session", True),
        (plain_save(status=404), "app.rejected", True),
        (plain_save(status=500), "app.exception", False),
        (plain_save(of_save=[thrown("ValueError")]), "app.exception", True),
        (plain_save(of_save=[thrown("KeyError"), thrown("charts.errors.NotSaved")]), "app.exception", True),
        (plain_save(of_save=[thrown("psycopg2.OperationalError")]), "app.dependency", True),
        (plain_save(of_save=[thrown("psycopg2.errors.UniqueViolation")]), "app.exception", True),
        (plain_save(of_save=[thrown("SystemExit")]), "process.killed", True),
    ],
)
def test_failures_beyond_storage(save: Save, cause: str, sure: bool) -> None:
    """Where every storage call worked, the app's answer and its exception say whose failure it was."""
    assert cause_of(save) == Cause(cause, sure)


@pytest.mark.parametrize(
    ("save", "cause"),
    [
        (plain_save(status=500), "app.dependency"),
        (plain_save(of_save=[thrown("charts.errors.NotSaved")]), "app.dependency"),
        (failed_in_app("error_in_answer", status=200), "app.dependency"),
        # Who was asked has failed, and was done without: these say otherwise.
        (failed_in_app("ValueError"), "app.exception"),
        (plain_save(status=400), "app.rejected"),
        (plain_save(status=401), "app.session"),
    ],
)
def test_a_service_that_failed_in_the_same_trace(save: Save, cause: str) -> None:
    """Another service's failed span is the cause unless the app itself says what it was."""
    found = cause_of(save, "postgresql")
    assert found.name == cause
    if cause == "app.dependency":
        assert found.sure is (save.stage is None and not save.span.events)


def test_a_failed_read_is_the_cause_where_it_stopped_the_save() -> None:
    """An object that was missing explains a save that raised it, and not one that went on to write."""
    request = made_request("save", outcome=names.FAILED, code="NoSuchKey", stage=names.APP)
    read = made_call("save", "NoSuchKey", operation="GetObject")
    assert cause_of(only(request, read)) == Cause("storage.not_found")
    message = "An error occurred (404) when calling the HeadObject operation: Not Found"
    looked = made_call("save", None, operation="HeadObject", message=message, seconds=0.1)
    plain = made_request("save", outcome=None, held={"http.status_code": 500}, events=[thrown("ValueError")])
    wrote = made_call("save", None, number=1, at=0.2)
    assert cause_of(only(plain, looked, wrote)) == Cause("app.exception")


def test_a_failed_call_that_a_later_one_made_good_is_no_cause() -> None:
    """A draft that was stored at the app's second try did not fail the save."""
    request = made_request("save", outcome=names.FAILED, code="ValueError", stage=names.APP)
    first = made_call("save", "SlowDown", seconds=0.1, held={names.S3_KEY: "a"})
    second = made_call("save", None, number=1, at=0.3, held={names.S3_KEY: "a"})
    assert cause_of(only(request, first, second)) == Cause("app.exception")
    plain = made_request("save", outcome=None, held={"http.status_code": 500}, events=[thrown("ValueError")])
    assert cause_of(only(plain, first, second)) == Cause("app.exception")
    other = made_call("save", None, number=1, at=0.3, held={names.S3_KEY: "b"})
    assert cause_of(only(plain, first, other)) == Cause("storage.throttled")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("SSLEOFError", "client.forked_connection"),
        ("400", "client.forked_connection"),
        ("SignatureDoesNotMatch", "client.forked_connection"),
        ("BadDigest", "client.forked_connection"),
        ("SlowDown", "storage.throttled"),
        ("AccessDenied", "storage.access_denied"),
    ],
)
def test_a_connection_of_another_process(code: str, cause: str) -> None:
    """Two processes on one connection garble each other's requests; a plain word of the store counts."""
    wire: Held = {names.CONNECTION: names.REUSED, names.CONNECTION_PID: 4711}
    assert cause_of(failed_save(code, attempts=(wire,))).name == cause


@pytest.mark.parametrize(
    ("status", "cause"), [(500, "app.exception"), (401, "app.session"), (422, "app.rejected")]
)
def test_what_a_front_server_only_passed_on(status: int, cause: str) -> None:
    """Of an answer of the app's that only an access log has, the status is all that there is: never sure."""
    held: Held = {"http.response.status_code": status}
    request = made_request("save", outcome=names.FAILED, held=held, scope=f"nginx {ACCESS_LOG}")
    assert cause_of(only(request)) == Cause(cause, sure=False)


def test_a_save_without_an_answer() -> None:
    """A worker that ended is the cause, for sure where it says so or its span ended with nothing in it."""
    cut = made_request("save", outcome=None)
    assert cause_of(only(cut, made_call("save", "SystemExit"))) == Cause("process.killed")
    assert cause_of(only(cut, made_call("save", None))) == Cause("process.killed")
    assert cause_of(only(made_call("save", None))) == Cause("process.killed", sure=False)
    assert cause_of(only(made_call("save", "SlowDown"))) == Cause("storage.throttled", sure=False)
    assert cause_of(only(made_call("save", "SystemExit"))) == Cause("process.killed")


def test_a_queue_without_retries_left_is_the_cause_where_retries_help() -> None:
    """Calls that were not retried failed by the empty quota if others were retried well, else not."""

    def without(number: int) -> Save:
        return failed_save("SlowDown", of_call={names.RETRY_QUOTA_EXHAUSTED: True}, name=f"out {number}")

    failed = [without(number) for number in range(3)]
    helped = only(
        made_request("ok", outcome=names.SUCCEEDED, held={names.RETRY_ATTEMPTS: 1}), made_call("ok", None)
    )
    found = causes_of(failed, [helped], {})
    assert {one.name for one in found.values()} == {"client.retry_quota"}
    assert {one.name for one in causes_of(failed, [], {}).values()} == {"storage.throttled"}
    in_vain = [*failed, failed_save("SlowDown", name="in vain")]
    assert {one.name for one in causes_of(in_vain, [helped], {}).values()} == {"storage.throttled"}


def _stale(moment: Moment) -> Fault | None:
    return RESET if moment.reused and moment.idle >= 8.0 else None


def _now_and_then(moment: Moment) -> Fault | None:
    return RESET if moment.reused and moment.chance.random() < 0.2 else None


def _any_connection(moment: Moment) -> Fault | None:
    return RESET if moment.chance.random() < 0.15 else None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        (_stale, "network.stale_connection"),
        (_now_and_then, "network.stale_connection"),
        (_any_connection, "network.reset"),
    ],
)
def test_stale_connections_are_told_from_those_that_just_broke(rule: Rule, cause: str, seed: int) -> None:
    """Connections that break only where reused were stale; those that break new or reused were not."""
    saves = made_incident(seed, rule)
    assert set(_causes(saves)) == {cause}


@pytest.mark.parametrize(
    ("rule", "cause"), [(_stale, "network.stale_connection"), (_any_connection, "network.reset")]
)
def test_where_all_connections_are_kept_alive_their_idle_time_decides(rule: Rule, cause: str) -> None:
    """With no new connection to hold against, those that broke were stale if they had idled for longer."""

    def kept_alive(moment: Moment) -> None:
        if not moment.reused:
            moment.reused, moment.idle = True, moment.chance.expovariate(1 / 4.0)

    assert set(_causes(made_incident(5, rule, before=kept_alive))) == {cause}


def test_two_reasons_why_connections_break_are_told_apart() -> None:
    """Among connections that break now and then, those that idled for unusually long were stale."""

    def both(moment: Moment) -> Fault | None:
        if moment.chance.random() < 0.05:
            return RESET
        return _stale(moment)

    idle: dict[str, list[float]] = {}
    for cause, seconds in _idle(made_incident(4, both, saves=800)):
        idle.setdefault(cause, []).append(seconds)
    assert set(idle) == {"network.stale_connection", "network.reset"}
    assert min(idle["network.stale_connection"]) > max(idle["network.reset"]) > 1.0


def test_few_that_broke_when_reused_among_many_that_broke_when_new_were_not_stale() -> None:
    """Where new connections break more often than reused ones, having been reused is no reason."""
    reused: Held = {names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 99.0}
    broken = [
        failed_save("ConnectionResetError", names.NETWORK, name=f"{one}", attempts=(wire,))
        for one, wire in enumerate([reused] * 2 + [NEW_CONNECTION] * 10)
    ]
    worked = [save for save in made_incident(1, _stale) if save.outcome == "succeeded"]
    assert {one.name for one in causes_of(broken, worked, {}).values()} == {"network.reset"}
    assert {one.name for one in causes_of(broken[:2], worked, {}).values()} == {"network.stale_connection"}


def _causes(saves: list[Save]) -> list[str]:
    return [cause for cause, _ in _idle(saves)]


def _idle(saves: list[Save]) -> list[tuple[str, float]]:
    failed = [save for save in saves if save.outcome == "failed"]
    found = causes_of(failed, [save for save in saves if save.outcome == "succeeded"], {})
    return [
        (found[key_of(save)].name, save.calls[0].attempts[0].connection_idle_seconds or 0.0)
        for save in failed
    ]


@pytest.mark.parametrize(
    ("wire", "cause"),
    [
        ({names.BODY_BYTES_SENT: 0}, "network.stale_connection"),
        # The line that was awaited came empty: the connection had been closed in good order.
        ({names.CONTINUE_SECONDS: 0.001, names.BODY_BYTES_SENT: 0}, "network.stale_connection"),
        ({names.CONTINUE: names.UNANSWERED, names.BODY_BYTES_SENT: 9_000}, "network.stale_connection"),
        ({names.CONTINUE_SECONDS: 0.001, names.BODY_BYTES_SENT: 9_000}, "network.reset"),
        ({names.FIRST_BYTE_SECONDS: 0.01}, "network.reset"),
        ({names.RESPONSE_STATUS: 200}, "network.reset"),
    ],
)
def test_a_connection_on_which_the_store_was_heard_was_not_stale(wire: Held, cause: str) -> None:
    """Once the store has asked for the body, or answered, the connection was alive, however long it idled."""
    reused: Held = {names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 70.0}
    save = failed_save("ConnectionResetError", names.NETWORK, attempts=({**reused, **wire},))
    assert causes_of([save], [], {})[key_of(save)].name == cause


def test_a_connection_that_broke_after_a_while_was_not_stale() -> None:
    """On a closed connection a request fails at once; one that ran for long was cut."""
    wire = {names.ERROR_CODE: "ConnectionResetError", names.CONNECTION: names.REUSED}
    request = made_request("save", outcome=names.FAILED, code="ConnectionResetError", stage=names.NETWORK)
    call = made_call("save", "ConnectionResetError")
    attempt = made_attempt("save", 0, wire)
    assert causes_of([only(request, call, attempt)], [], {}).popitem()[1].name == "network.stale_connection"
    long = dataclasses.replace(attempt, end_nanoseconds=attempt.start_nanoseconds + 6 * 10**9)
    assert causes_of([only(request, call, long)], [], {}).popitem()[1].name == "network.reset"


def test_the_table_has_the_contracts_causes_each_in_words_of_its_own() -> None:
    """Each cause of the report's contract has a row, no row has another's words, code or exception."""
    assert len(CAUSES) == len(ROWS) == 35
    assert len({row.words for row in ROWS}) == len(ROWS)
    for field in ("codes", "exceptions", "errnos", "statuses"):
        words = [word for row in ROWS for word in getattr(row, field).split()]
        words += [word for row in ROWS for word in row.likely.split()] if field == "codes" else []
        assert sorted(words) == sorted(set(words)), field


def test_a_cause_that_is_not_in_the_table_is_told_by_its_name() -> None:
    """A report made by a later version still says something."""
    assert cause_in_words("storage.frozen") == "storage.frozen"
    assert re.fullmatch(r"the .+", cause_in_words("storage.throttled"))
