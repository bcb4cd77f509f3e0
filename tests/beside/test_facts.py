"""Whatever stands beside otel-savetrace: the same saves give the same facts, and nothing stands twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.demo.faults import key_of
from otel_savetrace.demo.journal import Seen
from tests.beside import saves
from tests.beside.environments import ENVIRONMENTS, PLAIN
from tests.beside.saves import traced
from tests.fixture_beside_runs import Run, RunBeside

_OURS = re.compile("otel-savetrace(: | is | caught )")
"""How each line of ours begins; paths and tracebacks may name us, too."""
_NOT_THE_APPS = (b"Date: ", b"Set-Cookie: savetrace_")


@pytest.fixture(params=list(ENVIRONMENTS))
def run(request: pytest.FixtureRequest, run_beside: RunBeside) -> Run:
    """The saves beside each of them."""
    return run_beside(request.param)


@pytest.fixture
def plain(run_beside: RunBeside) -> Run:
    """The saves with OpenTelemetry's own distribution, and nothing else."""
    return run_beside(PLAIN)


@pytest.fixture
def untraced(run_beside: RunBeside) -> Run:
    """The saves with no tracing."""
    return run_beside(None)


def test_the_same_saves_give_the_same_facts(run: Run, plain: Run) -> None:
    """Outcome, code, stage, attempts, sizes, attempts' names: a save's trace says what the plain one says."""
    expected = traced(plain.spans)
    assert set(expected) == {press.name for press in saves.PRESSES}
    found = traced(run.spans)
    found.pop(saves.LOST, None)
    assert found == expected


def test_every_request_to_the_store_is_one_attempt_as_the_wire_had_it(run: Run) -> None:
    """Attempts and the front's journal agree one to one: head bytes, connection, status, the store's id."""
    calls = {span.span_id: span for span in run.spans if is_call(span)}
    said = Counter(
        (
            one.attributes[attribute.REQUEST_METHOD],
            calls[one.parent_span_id or ""].attributes[attribute.S3_KEY],
            one.attributes[attribute.HEADER_BYTES],
            one.attributes[attribute.CONNECTION] == attribute.REUSED,
            one.attributes.get(attribute.RESPONSE_STATUS),
            one.attributes.get(attribute.REQUEST_ID),
        )
        for one in filter(is_attempt, run.spans)
    )
    assert said == Counter(map(_wire, run.journal))


def _wire(seen: Seen) -> tuple[object, ...]:
    answered = isinstance(seen.answered, int)
    return (
        seen.method,
        key_of(seen.target),
        seen.head_bytes,
        seen.reused,
        seen.answered if answered else None,
        seen.request_id if answered else None,
    )


def test_each_save_is_one_trace(run: Run) -> None:
    """Every span but a server's has its parent in the same trace, and every trace has one server span."""
    of_trace = Counter(span.trace_id for span in run.spans if span.kind == "server")
    assert set(of_trace.values()) == {1}
    ids = {(span.trace_id, span.span_id) for span in run.spans}
    assert len(ids) == len(run.spans)
    for span in run.spans:
        if span.kind != "server":
            assert (span.trace_id, span.parent_span_id) in ids, span


def test_no_other_span_stands_for_a_request_to_the_store(run: Run) -> None:
    """Client spans are botocore's, ours and the database's: no HTTP client's instrumentation adds another."""
    others = {
        span.name
        for span in run.spans
        if span.kind == "client" and not is_call(span) and not is_attempt(span)
    }
    assert others <= {"UPDATE"}


def test_no_header_is_added_to_what_goes_to_the_store(run: Run, untraced: Run) -> None:
    """Requests for an object have the headers, of the lengths, that they have without any tracing."""
    assert _heads(run) == _heads(untraced)


def _heads(run: Run) -> Counter[tuple[object, ...]]:
    return Counter(
        (seen.method, key_of(seen.target), *_lengths(seen))
        for seen in run.journal
        if saves.LOST not in seen.target
    )


def _lengths(seen: Seen) -> list[tuple[str, int]]:
    lines = [line.partition(": ") for line in seen.head.split("\r\n")[1:-2]]
    return [(name, len(value)) for name, _, value in lines]


def test_users_get_the_same_answers_as_without_tracing(run: Run, untraced: Run) -> None:
    """Every byte of every answer but its date and our cookie's line is what it is without any tracing."""
    assert {name: _own_lines(answer) for name, answer in run.answers.items() if name != saves.LOST} == {
        name: _own_lines(answer) for name, answer in untraced.answers.items()
    }


def _own_lines(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(_NOT_THE_APPS)]


def test_nothing_is_said_in_the_log(run: Run) -> None:
    """While all is well, otel-savetrace logs nothing, and the guard has caught nothing."""
    assert [line for line in run.log if _OURS.search(line)] == []
