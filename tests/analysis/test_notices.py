"""What stands out in a save by itself is said once, in words that its spans bear out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.saves import Save
from tests.fixture_spans import Facts, Put, SpanFile, Try

ReadSaves = Callable[[], list[Save]]

NEW: Facts = {names.CONNECTION: names.NEW, names.HEADER_BYTES: 901}


@pytest.mark.parametrize(
    ("outcome", "stored", "said"),
    [
        ("failed", "yes", ["the user was told of a failure, yet everything is stored"]),
        ("failed", "unknown", ["it may be stored all the same: an answer of the store is missing"]),
        ("failed", "no", []),
        ("succeeded", "yes", []),
        ("succeeded", "no", ["the user was told of success, yet not everything is stored"]),
        ("succeeded", "unknown", ["the user was told of success, and the store has not confirmed it"]),
    ],
)
def test_what_is_stored(
    span_file: SpanFile, read_saves: ReadSaves, outcome: str, stored: str, said: list[str]
) -> None:
    """What is stored stands out where the user was told otherwise, or where it is not known."""
    span_file.save(0.0, outcome=outcome, savetrace__stored=stored)
    assert notices(read_saves()[0]) == said


@pytest.mark.parametrize(
    ("facts", "of_call", "of_save", "said"),
    [
        (
            {**NEW, names.CONNECTION_PID: 17}, {}, {},
            "the connection of attempt 1 of PutObject draft.json was opened by process 17:"
            " two processes share one socket",
        ),
        (
            {}, {names.SENT_BY: "crt"}, {},
            "PutObject draft.json was sent by the AWS Common Runtime: what became of it was not seen",
        ),
        (
            {}, {names.SENT_BY: "handler"}, {},
            "PutObject draft.json was answered by a handler in the app: nothing was seen of the store",
        ),
        (
            {}, {names.PATIENCE_SECONDS: 426.0}, {names.WORKER_TIMEOUT_SECONDS: 30},
            "one call may go on for 7 min 6 s, and the worker is killed after 30 s",
        ),
        (
            {**NEW, names.HEADER_SECTION_BYTES: 8_193}, {}, {},
            "attempt 1 of PutObject draft.json has 8,193 bytes of header names and values; S3 takes 8,192",
        ),
        (
            {**NEW, names.METADATA_BYTES: 2_049}, {}, {},
            "attempt 1 of PutObject draft.json has 2,049 bytes of user metadata; S3 takes 2,048",
        ),
        ({}, {names.KEY_LEN: 1_025}, {}, "the key of PutObject draft.json has 1,025 bytes; S3 takes 1,024"),
        (
            {names.CLOCK_SKEW_SECONDS: -1_200}, {}, {},
            "the store's clock is 20 min behind the app's, and S3 takes up to 15 min",
        ),
        (
            {}, {names.CREDENTIAL_EXPIRES_IN_SECONDS: -90}, {},
            "the credentials had run out 90 s before PutObject draft.json",
        ),
        (
            {}, {names.RETRY_QUOTA_EXHAUSTED: True}, {},
            "PutObject draft.json was not retried: earlier failures had used up the client's retry quota",
        ),
        (
            {names.POOL_IN_USE: 11}, {names.POOL_SIZE: 10}, {},
            "11 connections of the client were in use, and it keeps 10",
        ),
        (
            {names.CONTINUE: names.UNANSWERED}, {}, {},
            "nothing answered `Expect: 100-continue` of attempt 1 of PutObject draft.json:"
            " the body went out after a second of waiting",
        ),
    ],
)  # fmt: skip
def test_what_stands_out(
    span_file: SpanFile, read_saves: ReadSaves, facts: Facts, of_call: Facts, of_save: Facts, said: str
) -> None:
    """Each fact that makes saves fail is said, once however many attempts have it."""
    span_file.save(0.0, [Put([Try(facts=facts)] * 2, facts=of_call)], **as_words(of_save))
    assert notices(read_saves()[0]) == [said]


@pytest.mark.parametrize(
    ("facts", "of_call", "of_save"),
    [
        ({**NEW, names.HEADER_SECTION_BYTES: 8_192, names.METADATA_BYTES: 2_048}, {names.KEY_LEN: 1_024}, {}),
        ({names.CLOCK_SKEW_SECONDS: 899}, {names.CREDENTIAL_EXPIRES_IN_SECONDS: 1}, {}),
        ({names.POOL_IN_USE: 10}, {names.POOL_SIZE: 10}, {}),
        ({}, {names.PATIENCE_SECONDS: 30.0}, {names.WORKER_TIMEOUT_SECONDS: 30}),
        ({}, {names.PATIENCE_SECONDS: 300.0}, {}),
        ({names.CONTINUE: names.FINAL}, {names.RETRY_QUOTA_EXHAUSTED: False}, {}),
        ({names.CONNECTION_PID: "17", names.CLOCK_SKEW_SECONDS: "x"}, {names.POOL_SIZE: "x"}, {}),
    ],
)  # fmt: skip
def test_what_is_within_its_limits_is_not_said(
    span_file: SpanFile, read_saves: ReadSaves, facts: Facts, of_call: Facts, of_save: Facts
) -> None:
    """At a limit nothing stands out, nor does a value of a type that nobody expects."""
    span_file.save(0.0, [Put([Try(facts=facts)], facts=of_call)], **as_words(of_save))
    assert notices(read_saves()[0]) == []


@pytest.mark.parametrize("puts", [(), (Put(),)])
def test_a_trace_without_ours_has_none(
    span_file: SpanFile, read_saves: ReadSaves, puts: Sequence[Put]
) -> None:
    """Of plain OpenTelemetry nothing is said that it does not carry."""
    span_file.save(0.0, puts, outcome=None)
    assert [said for save in read_saves() for said in notices(save)] == []


def as_words(facts: Facts) -> dict[str, Any]:
    """Write attributes as `SpanFile.save` takes them."""
    return {name.replace(".", "__"): value for name, value in facts.items()}
