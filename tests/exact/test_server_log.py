"""Attempts beside the access log of a real S3 server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError

from otel_savetrace import attributes as attribute
from otel_savetrace.demo.faults import Plan, Reset, Rule
from otel_savetrace.demo.front import Front
from tests.exact import server_log
from tests.exact.figures import Figures
from tests.exact.operations import SMALL, attempt, chance_of
from tests.fixture_capture import Captured, facts
from tests.fixture_logging_server import BUCKET, LoggingServer, client_of_server

ROUNDS = 12


def test_attempts_are_what_the_servers_log_has(
    captured: Captured,
    logging_server: LoggingServer,
    no_backoff: None,
    figures_of: Callable[[str], Figures],
    tmp_path: Path,
) -> None:
    """Each request that a real server logged is one attempt, answered as the log says, and the reverse."""
    chance = chance_of("the server's log")
    # The server has done what it was told, and the client does not hear of it.
    lost = Plan((Rule(Reset("answer"), "maps/ada", times=9),))
    with Front(logging_server.port, lost, tmp_path / "journal.jsonl") as front:
        direct, unreliable, stranger = (
            client_of_server(logging_server.port),
            client_of_server(front.port),
            client_of_server(logging_server.port, aws_secret_access_key="another"),
        )
        for client in [direct, unreliable] * (ROUNDS // 2) + [stranger]:
            for operation in SMALL:
                attempt(operation, client, BUCKET, chance, BotoCoreError, KeyError)
        for client in (direct, unreliable, stranger):
            client.close()
    logging_server.process.stop()
    logged = server_log.read(logging_server.log)
    figures = figures_of(f"{len(logged):,} requests in the log of a real S3 server")
    _compare(figures, captured, {line.request_id: line for line in logged})
    assert len(logged) > 200
    assert not figures.differences(), "\n".join(figures.differences())


def _compare(figures: Figures, captured: Captured, logged: dict[str, server_log.Logged]) -> None:
    calls = {call.context.span_id: call for call in captured.calls if call.context is not None}
    unanswered: Counter[str] = Counter()
    attempts = 0
    for span in captured.attempts:
        told = facts(span)
        assert span.parent is not None
        call = calls[span.parent.span_id]
        attempts += 1
        request_id = told.get(attribute.REQUEST_ID)
        line = logged.pop(str(request_id), None)
        if line is None:
            figures.equals("no answer where the log has no such id", request_id, None, told)
            unanswered[call.name.removeprefix("S3.")] += 1
            continue
        figures.equals("operation", call.name, f"S3.{line.operation}", line)
        status = told[attribute.RESPONSE_STATUS]
        # versitygw logs 200 for every success: a 204 and a 206, too.
        figures.equals("status", 200 if status in (204, 206) else status, line.status, line)
        head = told[attribute.REQUEST_METHOD] == "HEAD"  # its answer has no body to tell a code in
        code = line.code if not head or line.code is None else str(line.status)
        figures.equals("S3 code", told.get(attribute.ERROR_CODE), code, line)
        figures.equals("host id", told.get(attribute.EXTENDED_REQUEST_ID), line.host_id, line)
        key = line.target.partition("?")[0].removeprefix(f"/{BUCKET}").removeprefix("/")
        key_len = told.get(attribute.KEY_LEN_SENT, facts(call).get(attribute.KEY_LEN))
        figures.equals("key length as sent", key_len, len(key) if key else None, line)
        if line.operation == "PutObject" and line.status == 200:
            figures.equals("content size", facts(call)[attribute.CONTENT_SIZE], line.size, line)
    left = Counter(line.operation for line in logged.values())
    figures.equals("requests whose answer was lost", unanswered, left, "by operation")
    figures.equals(
        "attempts of calls", sum(facts(call)[attribute.ATTEMPTS] for call in calls.values()), attempts, ""
    )
