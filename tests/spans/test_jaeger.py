"""Jaeger's query API: nothing missed past its search depth, each way of failing told in a sentence."""

from __future__ import annotations

import datetime
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from otel_savetrace.errors import SourceError
from otel_savetrace.spans import jaeger as reader
from otel_savetrace.spans.jaeger import base_address, read_jaeger
from otel_savetrace.spans.reading import Query
from tests.collector.saves import sending_to
from tests.fixture_jaeger import StartJaeger, Storage
from tests.spans.stub_jaeger import NOTHING_FOUND, Answer, Answering, StubJaeger

SERVICES: Answer = (200, b'{"services":["storymap"]}')


@pytest.fixture
def stub() -> Iterator[Callable[[Answering], StubJaeger]]:
    """Start stand-ins that end with the test."""
    with ExitStack() as stack:

        def start(answering: Answering) -> StubJaeger:
            started = StubJaeger(answering)
            stack.callback(started.stop)
            return started

        yield start


def traces(*moments: int) -> Answer:
    """Answer with one trace of one span for each moment, in nanoseconds."""
    spans = [
        {"traceId": f"{at:032x}", "spanId": f"{at:016x}", "name": "s",
         "startTimeUnixNano": str(at), "endTimeUnixNano": str(at)}
        for at in moments
    ]  # fmt: skip
    return 200, json.dumps({"result": {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}}).encode()


def nanoseconds(rfc3339: str) -> int:
    """Read a time of the query back."""
    whole, _, fraction = rfc3339.removesuffix("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction)


def holding(moments: list[int]) -> Answering:
    """Search as Jaeger does: the latest traces of the time asked for, no more than the depth asked for."""

    def answering(path: str, asked: dict[str, str]) -> Answer:
        if path == "/api/v3/services":
            return SERVICES
        start, end = nanoseconds(asked["query.startTimeMin"]), nanoseconds(asked["query.startTimeMax"])
        depth = int(asked["query.searchDepth"])
        found = [at for at in reversed(moments) if start <= at <= end][:depth]
        return traces(*found) if found else NOTHING_FOUND

    return answering


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_a_real_jaeger_gives_every_save(
    start_jaeger: StartJaeger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All saves come back from a real Jaeger, though they are many times more than one search answers."""
    monkeypatch.setattr(reader, "SEARCH_DEPTH", 7)
    jaeger = start_jaeger(storage)
    with sending_to(jaeger.otlp) as sender:
        sent = {sender.save(codes=("SlowDown",), storymap_id="my-map") for _ in range(60)}
    jaeger.wait_for(dict.fromkeys(sent, 4))
    reading = read_jaeger(jaeger.url, Query())
    assert {span.trace_id for span in reading.spans} == sent
    assert len(reading.spans) == 4 * len(sent)
    assert (reading.kind, reading.jaeger_address, reading.skipped) == ("jaeger", jaeger.url, ())
    one = min(sent)
    by_id = read_jaeger(f"{jaeger.url}/trace/{one}", Query(trace_ids=(one,))).spans
    assert sorted(span.name for span in by_id) == [
        "POST /storymap/save/", "S3.PutObject", "attempt: 200", "attempt: 503 SlowDown",
    ]  # fmt: skip
    assert read_jaeger(jaeger.url, Query(trace_ids=("f" * 32,))).spans == ()


def test_more_traces_than_one_answer_holds_are_all_read(stub: Callable[[Answering], StubJaeger]) -> None:
    """Where an answer is full, its time is asked again in halves, so that none is missed."""
    moments = [1_795_521_600_000_000_000 + number * number * 1_000_000 for number in range(1_500)]
    jaeger = stub(holding(moments))
    reading = read_jaeger(jaeger.address, Query(moments[0], moments[-1]))
    assert len(reading.spans) == len(moments)
    assert reading.skipped == ()


def test_what_cannot_be_told_apart_in_time_is_counted(stub: Callable[[Answering], StubJaeger]) -> None:
    """More traces in one moment than an answer holds end the search, and it is said."""

    def always_full(path: str, asked: dict[str, str]) -> Answer:
        return SERVICES if path == "/api/v3/services" else traces(*range(1, reader.SEARCH_DEPTH + 1))

    reading = read_jaeger(stub(always_full).address, Query(0, 1_000))
    assert len(reading.spans) == reader.SEARCH_DEPTH
    assert [skipped.why for skipped in reading.skipped] == [
        "possibly more than 200 traces in one microsecond"
    ]


def test_a_search_says_what_it_wants(stub: Callable[[Answering], StubJaeger]) -> None:
    """Times, service, attributes and raw spans are asked for, under the names of old and new Jaegers."""
    jaeger = stub(holding([]))
    read_jaeger(jaeger.address, Query(1_000_000_001, 2_000_000_000, {"storymap.id": "my-map"}))
    path, asked = jaeger.asked[-1]
    assert path == "/api/v3/traces"
    for names in (
        (
            "query.service_name",
            "query.start_time_min",
            "query.start_time_max",
            "query.num_traces",
            "query.raw_traces",
        ),
        (
            "query.serviceName",
            "query.startTimeMin",
            "query.startTimeMax",
            "query.searchDepth",
            "query.rawTraces",
        ),
    ):
        assert [asked[name] for name in names] == [
            "storymap", "1970-01-01T00:00:01.000000001Z", "1970-01-01T00:00:02.000000000Z", "200", "true",
        ]  # fmt: skip
    assert json.loads(asked["query.attributes"]) == {"storymap.id": "my-map"}


def test_a_service_that_is_named_is_asked_alone(stub: Callable[[Answering], StubJaeger]) -> None:
    """With a service in the query no other is looked for or read."""
    jaeger = stub(holding([5]))
    assert len(read_jaeger(jaeger.address, Query(0, 9, service="maps")).spans) == 1
    assert [(path, asked["query.serviceName"]) for path, asked in jaeger.asked] == [
        ("/api/v3/traces", "maps")
    ]


def test_an_answer_in_several_pieces_is_read_whole(stub: Callable[[Answering], StubJaeger]) -> None:
    """A Jaeger that streams its answer as one object after another gives all of them."""

    def streaming(path: str, asked: dict[str, str]) -> Answer:
        return SERVICES if path == "/api/v3/services" else (200, traces(1)[1] + b"\n" + traces(2)[1])

    assert len(read_jaeger(stub(streaming).address, Query(0, 9)).spans) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>hello</html>"), "is not Jaeger's query API"),
        ((200, b"[1]"), "is not Jaeger's query API"),
        ((200, b'{"services":7}'), "is not Jaeger's query API"),
        ((404, b"not here"), r"is not Jaeger's query API \(it answers 404 Not Found\)"),
        (
            (500, b'{"error":{"httpCode":500,"message":"storage is down"}}'),
            "refused the search: storage is down",
        ),
    ],
)
def test_an_answer_that_is_none_is_an_error(
    stub: Callable[[Answering], StubJaeger], answer: Answer, said: str
) -> None:
    """What answers but is no Jaeger, or is one in trouble, is told in a sentence that names the address."""
    jaeger = stub(lambda path, asked: answer)
    with pytest.raises(SourceError, match=said) as raised:
        read_jaeger(jaeger.address, Query())
    assert jaeger.address in str(raised.value)


def test_nobody_there_is_an_error() -> None:
    """A port that nobody listens on is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(
        SourceError, match=f"No Jaeger answers at http://127.0.0.1:{port}: Connection refused"
    ):
        read_jaeger(f"http://127.0.0.1:{port}", Query())


def test_a_jaeger_that_never_answers_is_an_error() -> None:
    """A server that accepts and stays silent ends the wait after the time allowed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"did not answer within 0\.1 s"):
            read_jaeger(address, Query(), timeout_seconds=0.1)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://host:16686", "http://host:16686"),
        ("http://host:16686/", "http://host:16686"),
        ("https://host/jaeger/", "https://host/jaeger"),
        ("http://host:16686/search?service=storymap", "http://host:16686"),
        ("https://host/jaeger/trace/0af7651916cd43dd8448eb211c80319c", "https://host/jaeger"),
    ],
)
def test_an_address_from_the_browser_is_understood(given: str, base: str) -> None:
    """The address of any of Jaeger's pages leads to its API, under a base path too."""
    assert base_address(given) == base
