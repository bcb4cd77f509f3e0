"""Jaeger's query API: nothing missed past its search depth, each way of failing told in a sentence."""

from __future__ import annotations

import base64
import datetime
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from opentelemetry.trace import SpanKind, format_trace_id, set_span_in_context

from otel_savetrace.errors import SourceError
from otel_savetrace.spans import jaeger_http as connection
from otel_savetrace.spans import jaeger_paging as paging
from otel_savetrace.spans import jaeger_search as search
from otel_savetrace.spans.jaeger import base_address, read_jaeger
from otel_savetrace.spans.reading import Query
from tests.collector.saves import Sender, sending_to
from tests.fixture_jaeger import StartJaeger, Storage
from tests.spans.stub_jaeger import NOTHING_FOUND, Answer, Answering, StubJaeger

SERVICES: Answer = (200, b'{"services":["storymap"]}')


def few_at_once(monkeypatch: pytest.MonkeyPatch, traces: int) -> None:
    """Let every search ask for so many traces only."""
    for module, name in ((paging, "FIRST_DEPTH"), (paging, "MOST_DEPTH"), (search, "LOOKED_AT")):
        monkeypatch.setattr(module, name, traces)


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


def refusing(status: int, message: str) -> Answer:
    """Answer as Jaeger words a refusal."""
    return status, json.dumps({"error": {"httpCode": status, "message": message}}).encode()


def holding(moments: list[int]) -> Answering:
    """Search as a Jaeger does that knows no names of spans: no more traces than the depth asked for."""

    def answering(path: str, asked: dict[str, str]) -> Answer:
        if path == "/api/v3/services":
            return SERVICES
        if path != "/api/v3/traces":
            return NOTHING_FOUND
        start, end = nanoseconds(asked["query.startTimeMin"]), nanoseconds(asked["query.startTimeMax"])
        found = [at for at in moments if start <= at <= end][: int(asked["query.searchDepth"])]
        return traces(*found) if found else NOTHING_FOUND

    return answering


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_a_real_jaeger_gives_every_save(
    start_jaeger: StartJaeger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All saves come back from a real Jaeger, though they are many times more than one search answers."""
    few_at_once(monkeypatch, 7)
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


def request(sender: Sender, name: str, *, call: bool = False, ends: bool = True, **held: str) -> str:
    """Make a request with these attributes, ``a__b`` standing for ``a.b``, and return its trace id.

    With `call` it writes to S3; one that does not end is not sent.
    """
    span = sender.tracer.start_span(name, kind=SpanKind.SERVER)
    span.set_attributes({name.replace("__", "."): value for name, value in held.items()})
    if call:
        above = set_span_in_context(span)
        sender.tracer.start_span("S3.PutObject", context=above, kind=SpanKind.CLIENT).end()
    if ends:
        span.end()
    return format_trace_id(span.get_span_context().trace_id)


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_of_a_real_jaeger_only_saves_are_read_and_all_of_them(
    start_jaeger: StartJaeger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever became of a save, it is read; what stores nothing is not, of this service and of others."""
    few_at_once(monkeypatch, 20)
    jaeger = start_jaeger(storage)
    route = "POST /storymap/save/"
    with (
        sending_to(jaeger.otlp) as sender,
        sending_to(jaeger.otlp, "shop") as shop,
        sending_to(jaeger.otlp, "storymap-browser") as browser,
        sending_to(jaeger.otlp, "nginx") as front,
    ):
        front.tracer = front.provider.get_tracer("nginx access log")
        saves = {sender.save(codes=("SlowDown",), outcome="failed") for _ in range(5)}
        saves |= {sender.save() for _ in range(15)}
        saves |= {
            request(sender, route, savetrace__outcome="failed"),  # before it could store
            request(sender, route, savetrace__outcome="succeeded"),  # though nothing was stored
            request(sender, route),  # never answered
            request(sender, route, call=True, ends=False),  # of a worker that was killed
            request(sender, "POST /plain/", call=True),  # of plain OpenTelemetry
            request(sender, "POST /publish/", savetrace__outcome="failed"),  # on a route that never stored
            request(browser, "POST /storymap/save/", savetrace__outcome="failed"),  # that never arrived
            request(front, "POST", savetrace__outcome="failed"),  # turned away by nginx
        }
        views = {request(sender, "GET /storymap/<id>/") for _ in range(200)}
        views |= {request(shop, "GET /basket/") for _ in range(30)}
        views |= {request(browser, "GET /storymap/<id>/") for _ in range(30)}
        views |= {request(front, "POST") for _ in range(30)}
    jaeger.wait_for(dict.fromkeys([*saves, *views], 1), at_least=True)
    spans = read_jaeger(jaeger.url, Query()).spans
    assert {span.trace_id for span in spans} == saves
    assert len({span.span_id for span in spans}) == len(spans)


@pytest.mark.parametrize("storage", ["badger", "memory"])
def test_of_a_real_jaeger_one_things_saves_are_read_alone(
    start_jaeger: StartJaeger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an attribute, or by an id under whatever name ids have there; an id that is not found costs all."""
    few_at_once(monkeypatch, 20)
    jaeger = start_jaeger(storage)
    with sending_to(jaeger.otlp) as sender:
        wanted = {sender.save(storymap_id="my-map") for _ in range(3)}
        wanted.add(sender.save(codes=("SlowDown",), outcome="failed", storymap_id="my-map"))
        others = {sender.save(storymap_id="other") for _ in range(30)}
    jaeger.wait_for(dict.fromkeys([*wanted, *others], 3))
    for query in (Query(thing_id="my-map"), Query(attributes={"storymap.id": "my-map"})):
        assert {span.trace_id for span in read_jaeger(jaeger.url, query).spans} == wanted
    for query in (Query(thing_id="nobody-s"), Query(attributes={"storymap.id": "nobody-s"})):
        assert {span.trace_id for span in read_jaeger(jaeger.url, query).spans} == wanted | others


@pytest.mark.parametrize("value", ["my|map", "my+map", "m" * 251])
def test_what_a_storage_may_understand_otherwise_is_not_asked(
    stub: Callable[[Answering], StubJaeger], value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elasticsearch takes values for regular expressions, and leaves out long ones: all saves are read."""
    few_at_once(monkeypatch, 2)
    jaeger = stub(holding([5_000, 6_000, 7_000]))
    for query in (Query(0, 9_000, thing_id=value), Query(0, 9_000, attributes={"storymap.id": value})):
        assert len(read_jaeger(jaeger.address, query).spans) == 3
    asked = [
        parameters.get("query.attributes", "") + parameters.get("tags", "") for _, parameters in jaeger.asked
    ]
    assert not any(value in one for one in asked)


def test_more_traces_than_one_answer_holds_are_all_read(stub: Callable[[Answering], StubJaeger]) -> None:
    """Where an answer is full, a shorter time is asked for: none is missed, whichever the storage gives."""
    moments = [1_795_521_600_000_000_000 + number * number * 1_000_000 for number in range(3_000)]
    jaeger = stub(holding(moments))
    reading = read_jaeger(jaeger.address, Query(moments[0], moments[-1]))
    assert len(reading.spans) == len(moments)
    assert reading.skipped == ()
    depths = [int(asked["query.searchDepth"]) for path, asked in jaeger.asked if path == "/api/v3/traces"]
    assert sum(depths) < 4 * len(moments)
    assert max(depths) == paging.MOST_DEPTH


def test_what_cannot_be_told_apart_in_time_is_counted(
    stub: Callable[[Answering], StubJaeger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More traces in one moment than an answer holds end the search, and it is said."""
    few_at_once(monkeypatch, 20)
    reading = read_jaeger(stub(holding(list(range(1, 100)))).address, Query(0, 1_000))
    assert len(reading.spans) == 20
    assert [skipped.why for skipped in reading.skipped] == ["possibly more than 20 traces in one microsecond"]


def test_a_search_says_what_it_wants(stub: Callable[[Answering], StubJaeger]) -> None:
    """Times, service, attributes and raw spans are asked for, under the names of old and new Jaegers."""

    def knowing_attributes(path: str, asked: dict[str, str]) -> Answer:
        if asked.get("query.attributes") == "{":
            return refusing(400, "malformed parameter query.attributes")
        return holding([])(path, asked)

    jaeger = stub(knowing_attributes)
    read_jaeger(jaeger.address, Query(1_000_000_001, 2_000_000_000, {"storymap.id": "my-map"}))
    path, asked = next(one for one in jaeger.asked if "my-map" in one[1].get("query.attributes", ""))
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
            "storymap", "1970-01-01T00:00:01.000000001Z", "1970-01-01T00:00:02.000000000Z", "100", "true",
        ]  # fmt: skip
    assert json.loads(asked["query.attributes"]) == {"storymap.id": "my-map"}


def test_a_service_that_is_named_is_read_alone(stub: Callable[[Answering], StubJaeger]) -> None:
    """With a service in the query no other is looked at; of one that is not there all others are told."""

    def two(path: str, asked: dict[str, str]) -> Answer:
        if path == "/api/v3/services":
            return 200, b'{"services":["maps","shop"]}'
        return holding([5])(path, asked)

    jaeger = stub(two)
    assert len(read_jaeger(jaeger.address, Query(0, 9, service="maps")).spans) == 1
    assert {asked.get("query.serviceName", asked.get("service")) for _, asked in jaeger.asked[1:]} == {"maps"}
    with pytest.raises(SourceError, match="knows no service 'map'; it knows maps, shop"):
        read_jaeger(jaeger.address, Query(service="map"))


def test_an_answer_in_several_pieces_is_read_whole(stub: Callable[[Answering], StubJaeger]) -> None:
    """A Jaeger that streams its answer as one object after another gives all of them."""

    def streaming(path: str, asked: dict[str, str]) -> Answer:
        return SERVICES if path == "/api/v3/services" else (200, traces(1)[1] + b"\n" + traces(2)[1])

    assert len(read_jaeger(stub(streaming).address, Query(0, 9)).spans) == 2


@pytest.mark.parametrize(
    "busy", [(429, b"slow down", {"Retry-After": "0"}), (503, b"<html>", {}), (502, b"", {})]
)
def test_a_busy_jaeger_is_asked_again(
    stub: Callable[[Answering], StubJaeger], busy: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is turned away is asked again, later, and is told only where it never ends."""
    monkeypatch.setattr(connection, "FIRST_WAIT_SECONDS", 0.0)
    turned_away = iter([busy] * 3)
    jaeger = stub(lambda path, asked: next(turned_away, None) or holding([5])(path, asked))
    assert len(read_jaeger(jaeger.address, Query(0, 9)).spans) == 1
    never = stub(lambda path, asked: busy)
    with pytest.raises(SourceError, match=rf"has no time for this \({busy[0]} .*try later"):
        read_jaeger(never.address, Query())
    assert len(never.asked) == 1 + connection.TRIES


@pytest.mark.parametrize(("said", "waited"), [("7", 7.0), ("86400", 60.0)])
def test_a_busy_jaeger_says_how_long_to_wait(
    stub: Callable[[Answering], StubJaeger], said: str, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `Retry-After` says is waited for, within what a person may bear."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    busy: Answer = (503, b"", {"Retry-After": said})
    turned_away = iter([busy])
    jaeger = stub(lambda path, asked: next(turned_away, None) or holding([5])(path, asked))
    assert len(read_jaeger(jaeger.address, Query(0, 9)).spans) == 1
    assert slept == [pytest.approx(waited, abs=2 * connection.FIRST_WAIT_SECONDS)]


@pytest.mark.parametrize(
    "refused",
    [
        refusing(500, "search depth must be greater than 0 and less than max traces"),
        refusing(500, "search depth 100 exceeds maximum allowed 10"),
        refusing(500, "rpc error: code = ResourceExhausted desc = grpc: received message larger than max"),
        (504, b"<html>Gateway Time-out</html>"),
    ],
)
def test_less_is_asked_for_where_a_storage_gives_no_more(
    stub: Callable[[Answering], StubJaeger], refused: Answer
) -> None:
    """A limit of the storage, or of a proxy's patience, makes more requests, not a failure."""
    moments = list(range(0, 40_000, 1_000))

    def limited(path: str, asked: dict[str, str]) -> Answer:
        return refused if int(asked.get("query.searchDepth", 0)) > 10 else holding(moments)(path, asked)

    assert len(read_jaeger(stub(limited).address, Query(0, 40_000)).spans) == len(moments)


def test_a_limit_that_leaves_nothing_is_an_error(stub: Callable[[Answering], StubJaeger]) -> None:
    """Where even one trace is too much, it is said what the storage said, after few requests."""

    def limited(path: str, asked: dict[str, str]) -> Answer:
        return SERVICES if path == "/api/v3/services" else refusing(500, "too_many_buckets_exception")

    jaeger = stub(limited)
    with pytest.raises(
        SourceError, match=r"A limit of the storage .* \(too_many_buckets_exception\): raise it"
    ):
        read_jaeger(jaeger.address, Query())
    assert len(jaeger.asked) < 10


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>hello</html>"), "is not Jaeger's query API"),
        ((200, b"[1]"), "is not Jaeger's query API"),
        ((200, b'{"services":7}'), "is not Jaeger's query API"),
        ((404, b"not here"), r"is not Jaeger's query API \(it answers 404 Not Found\)"),
        ((401, b"<html>"), r"without a login \(401 Unauthorized\): write user:password@ before the host"),
        ((403, b"{}"), r"without a login \(403 Forbidden\): .* set SAVETRACE_JAEGER_HEADERS"),
        (refusing(500, "storage is down"), "refused the search: storage is down"),
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


def test_a_name_that_is_none_is_an_error() -> None:
    """A host that no name server knows is told as such."""
    with pytest.raises(SourceError, match=r"No Jaeger answers at http://jaeger\.invalid:16686: "):
        read_jaeger("http://jaeger.invalid:16686", Query())


def test_a_jaeger_that_never_answers_is_an_error() -> None:
    """A server that accepts and stays silent ends the wait after the time allowed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"did not answer within 0\.1 s"):
            read_jaeger(address, Query(), timeout_seconds=0.1)


def test_a_login_is_used_and_told_to_nobody(
    stub: Callable[[Answering], StubJaeger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name and password, and headers of the environment, go to Jaeger; no reading and no error holds them."""
    monkeypatch.setenv("SAVETRACE_JAEGER_HEADERS", "X-Scope=maps%20team, X-Other=1")
    jaeger = stub(holding([5]))
    address = jaeger.address.replace("://", "://ada:s%20cret@")
    reading = read_jaeger(f"{address}/search", Query(0, 9))
    assert len(reading.spans) == 1
    assert "cret" not in repr(reading)
    sent = jaeger.headers[-1]
    assert sent["Authorization"] == f"Basic {base64.b64encode(b'ada:s cret').decode()}"
    assert (sent["X-Scope"], sent["X-Other"]) == ("maps team", "1")
    refusing_all = stub(lambda path, asked: (401, b""))
    with pytest.raises(SourceError) as raised:
        read_jaeger(refusing_all.address.replace("://", "://ada:s%20cret@"), Query(0, 9))
    assert "cret" not in str(raised.value)


def test_how_far_it_is_is_told(stub: Callable[[Answering], StubJaeger]) -> None:
    """The share grows from nothing to all, and the traces are those that have come."""
    moments = list(range(0, 2_000_000, 1_000))
    told: list[tuple[float, int]] = []
    read_jaeger(stub(holding(moments)).address, Query(0, 2_000_000), lambda *one: told.append(one))
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == (1.0, len(moments))


def test_a_time_that_ends_before_it_begins_is_an_error(stub: Callable[[Answering], StubJaeger]) -> None:
    """Jaeger is not asked for it."""
    jaeger = stub(holding([]))
    with pytest.raises(SourceError, match="ends before it begins"):
        read_jaeger(jaeger.address, Query(9, 5))
    assert jaeger.asked == []


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
