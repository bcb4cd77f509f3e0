"""What to do where no answer came: with the idle times, limits and bytes that the rows tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import (
    ENDPOINT,
    advised,
    failed_by,
    made_attempt,
    made_call,
    made_save,
    worked_with,
)

Held = Mapping[str, AttributeValue]
PEER: Held = {names.PEER_ADDRESS: "10.0.0.7"}


def idle(seconds: float) -> Held:
    """Facts of an attempt on a connection that had idled."""
    return {**PEER, names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: seconds}


def reset(attempt: Held, call: Held | None = None, save: Held | None = None, seconds: float = 0.1) -> Save:
    """A save whose connection broke."""
    return failed_by(
        "ConnectionResetError", attempt, call or {}, save or {}, stage=names.NETWORK, seconds=seconds
    )


def test_shortest_idle_time() -> None:
    """The shortest idle time that failed, what worked below it, and the pause to outlast are told."""
    steps = advised(
        "network.stale_connection",
        [reset(idle(61.0)), reset(idle(75.0))],
        [worked_with(idle(58.0)), worked_with(idle(3.0))],
    )
    assert steps.startswith(
        "Reuse no connection to 10.0.0.7 that idled for 61 s or longer (up to 58 s worked): give it up in"
        " the app"
        " after 49 s, or let 10.0.0.7 keep it for longer than 75 s, the longest pause seen to fail."
    )


def test_a_pause_that_worked() -> None:
    """Where a pause worked that is well below the shortest that failed, that pause is what to keep to."""
    steps = advised("network.stale_connection", [reset(idle(61.0))], [worked_with(idle(52.0))])
    assert "(up to 52 s worked): give it up in the app after 52 s" in steps


def test_tcp_keepalive_is_no_cure() -> None:
    """It is said where the time is set, and that botocore's tcp_keepalive does not set it."""
    steps = advised("network.stale_connection", [reset(idle(61.0))])
    for said in (
        "keepalive_timeout",
        "timeout http-keep-alive",
        "make a new client",
        "tcp_keepalive=True only",
    ):
        assert said in steps


def test_connections_that_worked_for_longer() -> None:
    """What worked after a longer pause than failed is no bound to keep below."""
    steps = advised("network.stale_connection", [reset(idle(61.0))], [worked_with(idle(90.0))])
    assert "that idled for 61 s or longer: give it up in the app after 49 s" in steps


def test_every_attempt_met_a_stale_one() -> None:
    """Retries that each met another kept connection are told, with how many are kept."""
    attempts = [made_attempt("ConnectionResetError", idle(61.0)) for _ in range(3)]
    call = made_call(*attempts, facts={names.POOL_SIZE: 10})
    steps = advised("network.stale_connection", [made_save(call, outcome=names.FAILED, stage=names.NETWORK)])
    assert (
        "In 1 call each attempt met another kept connection: fewer kept (max_pool_connections is 10)" in steps
    )
    assert "each attempt met" not in advised("network.stale_connection", [reset(idle(61.0))])


def test_how_far_a_body_came() -> None:
    """How much of the body had been sent when the connection broke is told beside its size."""
    steps = advised("network.reset", [
        reset({**PEER, names.BODY_BYTES_SENT: sent}, {names.CONTENT_SIZE: 200_000})
        for sent in (65_536, 131_072)
    ])  # fmt: skip
    assert steps.startswith(
        "Look at what stands between app and store (10.0.0.7): it broke connections in use."
        " 65,536 to 131,072 bytes had been sent, of 200,000 bytes."
    )


def test_sent_whole() -> None:
    """A body that had been sent whole lacks the answer, and may be stored."""
    save = reset({names.BODY_BYTES_SENT: 9}, {names.CONTENT_SIZE: 9}, {names.STORED: names.UNKNOWN})
    steps = advised("network.reset", [save])
    assert "Each body had been sent whole: the answer was what did not come." in steps
    assert "1 failed save may be stored all the same" in steps


def test_broken_at_one_time() -> None:
    """Connections that broke after one and the same time met a limit; others did not."""
    same = [reset({}, seconds=60.0), reset({}, seconds=60.4)]
    assert "They broke after 60 s, one like the other" in advised("network.reset", same)
    assert "one like the other" not in advised("network.reset", [*same, reset({}, seconds=9.0)])
    assert "one like the other" not in advised("network.reset", [reset({}, seconds=0.1)] * 3)


def test_connect_timeout() -> None:
    """How long was waited is held against how long connections take; a limit far above is lowered."""
    save = failed_by("ConnectTimeoutError", PEER, {names.CONNECT_TIMEOUT_SECONDS: 60.0}, stage=names.NETWORK)
    worked = [worked_with({names.TCP_SECONDS: seconds}) for seconds in (0.001, 0.002, 0.003)]
    steps = advised("network.connect_timeout", [save], worked)
    assert steps.startswith("Find out why 10.0.0.7 took no connection within 60 s, where 2 ms is usual")
    assert "Lower connect_timeout, now 60 s: none that was made took more than 3 ms" in steps


def slow(read_timeout: float) -> Save:
    """A save that nobody answered in time."""
    return failed_by(
        "ReadTimeoutError", PEER, {names.READ_TIMEOUT_SECONDS: read_timeout}, stage=names.NETWORK
    )


@pytest.mark.parametrize(
    ("limit", "slowest", "said", "unsaid"),
    [
        (1.0, 0.9, "Raise read_timeout, now 1.0 s, above 1.8 s", "Lower"),
        (60.0, 0.05, "Lower read_timeout, now 60 s: what does not answer within 1.0 s", "Raise"),
        (5.0, 0.05, "Where saves worked it took 50 ms, 50 ms at most.", "read_timeout, now"),
    ],
)
def test_read_timeout(limit: float, slowest: float, said: str, unsaid: str) -> None:
    """A limit near what answers take is raised, one far above it lowered, any other left."""
    steps = advised("network.read_timeout", [slow(limit)], [worked_with({names.FIRST_BYTE_SECONDS: slowest})])
    assert f"did not answer within {'60 s' if limit > 9 else f'{limit} s'} (read_timeout)." in steps
    assert said in steps
    assert unsaid not in steps


def after_empty(process: int, ended: float) -> str:
    """What is advised where a PUT of no bytes ended then in a process, and a timeout began 4 s after noon."""
    attempt: Held = {**PEER, names.CONNECTION: names.REUSED, names.CONNECTION_IDLE_SECONDS: 1.5}
    sent = made_attempt("ReadTimeoutError", attempt, at=4.0, seconds=60.0)
    failed = made_save(
        made_call(sent, at=4.0, seconds=60.0), outcome=names.FAILED, stage=names.NETWORK,
        facts={names.PROCESS_ID: 4_711}, at=4.0, seconds=60.1,
    )  # fmt: skip
    empty = worked_with(
        call={names.CONTENT_SIZE: 0}, save={names.PROCESS_ID: process}, at=ended - 0.2, seconds=0.2
    )
    return advised("network.read_timeout", [failed], [empty])


def test_after_an_empty_object() -> None:
    """A timeout on the connection of a PUT of no bytes is botocore's known defect; on another it is not."""
    said = "Upgrade botocore to 1.43.77 or later: 1 failed save came on a connection right after a PUT"
    assert after_empty(4_711, 2.5).startswith(said)
    assert said not in after_empty(4_712, 2.5)
    assert said not in after_empty(4_711, 1.0)


def test_a_body_that_did_not_arrive() -> None:
    """RequestTimeout is the store's word for a body that did not come, and no slow answer."""
    save = failed_by("RequestTimeout", {names.BODY_BYTES_SENT: 10}, {names.CONTENT_SIZE: 99})
    steps = advised("network.read_timeout", [save])
    assert steps.startswith("Find out why the body did not reach the store in time (RequestTimeout)")
    assert "10 bytes had been sent, of 99 bytes." in steps


def test_expect() -> None:
    """A proxy that never answers Expect is told of only where saves that work wait for it, too."""
    unanswered: Held = {names.CONTINUE: names.UNANSWERED}
    said = "Each upload waits a second for an answer to `Expect: 100-continue`"
    assert said in advised("network.read_timeout", [slow(5.0)], [worked_with(unanswered)])
    assert said not in advised("network.read_timeout", [slow(5.0)], [worked_with()])


@pytest.mark.parametrize(
    ("cause", "at_times", "always"),
    [
        ("network.refused", "Find out why nothing listened at", "Check the endpoint on app-2"),
        ("network.dns", "Look at the resolver on app-2: store.example is resolved at other times.",
         "Check the name store.example on app-2"),
    ],
)  # fmt: skip
def test_now_and_then_or_always(cause: str, at_times: str, always: str) -> None:
    """An endpoint that other saves reach fails at times, and retries help; one that none reaches is wrong."""
    once: Held = {names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 1}
    save = failed_by("Whatever", call=once, save={names.HOST_NAME: "app-2"}, stage=names.NETWORK)
    steps = advised(cause, [save], [worked_with()])
    assert steps.startswith(at_times)
    assert "Config(" in steps
    steps = advised(cause, [save], [worked_with(call={names.ENDPOINT: "https://other"})])
    assert steps.startswith(always)
    assert "Config(" not in steps


def test_tls() -> None:
    """Host, endpoint and error of a failed handshake are told."""
    save = failed_by("SSLCertVerificationError", save={names.HOST_NAME: "app-2"}, stage=names.NETWORK)
    steps = advised("network.tls", [save])
    assert steps.startswith(
        f"Check which authorities are trusted on app-2 (AWS_CA_BUNDLE, verify=), and {ENDPOINT}'s certificate"
    )
    assert "not all wrong" not in steps
    assert "not all wrong" in advised("network.tls", [save], [worked_with()])


def test_forked() -> None:
    """Who opened a shared connection is told, and which saves that worked may be in another's object."""
    shared: Held = {names.CONNECTION_PID: 17}
    steps = advised("client.forked_connection", [reset(shared)], [worked_with(shared), worked_with()])
    assert "connections opened before (here by process 17) are shared" in steps
    assert "(botocore#1246)" in steps
    assert "Check the objects of 1 save that worked over such a connection" in steps


def test_pool() -> None:
    """How many connections are kept is told beside how many were in use."""
    save = failed_by("EmptyPoolError", {names.POOL_IN_USE: 14}, {names.POOL_SIZE: 10}, stage=names.CLIENT)
    assert advised("client.pool_exhausted", [save]) == (
        "Raise max_pool_connections, now 10, to as many as save at once in one process (14 were in use)."
    )


def test_quota() -> None:
    """What was not tried again is told, with how many attempts were left."""
    call: Held = {names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 3}
    steps = advised("client.retry_quota", [failed_by("InternalError", call=call)])
    assert "so InternalError was not tried again. They made 1 attempt, of 3 allowed." in steps
    assert "a client has 500 tokens; a retry takes 5, from botocore 1.44 on 14" in steps


def test_parameter() -> None:
    """The operation and the route whose parameters were refused are told."""
    save = made_save(made_call(code="ParamValidationError"), outcome=names.FAILED, stage=names.CLIENT)
    assert advised("client.invalid_parameter", [save]) == (
        "Check what is passed to PutObject on POST /charts/keep: ParamValidationError comes of the"
        " request itself."
    )
