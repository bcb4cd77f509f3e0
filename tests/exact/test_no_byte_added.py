"""No byte is added: with capture on, what reaches the store is what reaches it with no tracing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.endpoint import Endpoint
from botocore.exceptions import BotoCoreError
from opentelemetry import baggage, context
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.aws.aws_xray_propagator import AwsXRayPropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import otel_savetrace
from otel_savetrace import Settings
from tests.exact.operations import PUTS, SMALL, attempt, chance_of, upload_in_threads
from tests.exact.script import Script, Step
from tests.fixture_capture import botocore_instrumentor
from tests.fixture_wires import NOON, WIRES, Wire
from tests.raw_store import FINAL, UNANSWERED, RawStore, Seen

MakeClient = Callable[..., Any]
Scene = Callable[[], None]
"""Makes a client of its own and lets it do something."""

Sent = list[tuple[bytes, bytes]]
"""Head and body of every request, in the order in which they came."""

TRACE_LINE = re.compile(rb"(X-Amzn-Trace-Id|traceparent|baggage): [^\r]*\r\n")

OPTIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "checksums when required": {"request_checksum_calculation": "when_required"},
    "signed payload": {"s3": {"payload_signing_enabled": True}},
    "legacy retries": {"mode": "legacy"},
    "adaptive retries": {"mode": "adaptive"},
    "an app's name": {"user_agent_extra": "editor/1.0", "user_agent_appid": "editor"},
}


class _SameIds(IdGenerator):
    """Gives every span the same ids, so that what is made of them is the same in every run."""

    def generate_span_id(self) -> int:
        return 0xABCDEF

    def generate_trace_id(self) -> int:
        return 0x65920080ABCDEF0123456789ABCDEF01


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """Traces with ids that are always the same."""
    made = TracerProvider(id_generator=_SameIds())
    yield made
    made.shutdown()


@pytest.fixture
def botocore_traced(provider: TracerProvider) -> Iterator[Callable[[], None]]:
    """Switches plain OpenTelemetry on, until the test ends."""
    botocore = botocore_instrumentor()
    yield lambda: botocore.instrument(tracer_provider=provider)
    otel_savetrace.uninstrument()
    botocore.uninstrument()


@pytest.fixture
def runs(
    frozen: None, provider: TracerProvider, botocore_traced: Callable[[], None]
) -> Callable[[Scene, RawStore], dict[str, Sent]]:
    """Run a scene without tracing, by plain OpenTelemetry, with capture, and with capture that propagates."""

    def run(scene: Scene, store: RawStore) -> dict[str, Sent]:
        sent = {"without": _sent(scene, store)}
        botocore_traced()
        sent["plain"] = _sent(scene, store)
        for name, settings in (("captured", Settings()), ("propagated", Settings(propagate=True))):
            assert otel_savetrace.instrument(provider, settings)
            sent[name] = _sent(scene, store)
            otel_savetrace.uninstrument()
        return sent

    return run


def _sent(scene: Scene, store: RawStore) -> Sent:
    store.seen.clear()
    scene()
    return [(seen.head, seen.body) for seen in store.seen]


def _assert_no_byte_added(sent: dict[str, Sent]) -> None:
    assert sent["captured"] == sent["without"]
    assert sent["propagated"] == sent["plain"]
    # The bytes are told apart at all: OpenTelemetry's own header is all that it adds.
    assert sent["plain"] != sent["without"]
    assert [(TRACE_LINE.sub(b"", head), body) for head, body in sent["plain"]] == sent["without"]


@pytest.mark.parametrize(
    ("wire", "options"),
    [(wire, "as it comes") for wire in WIRES]
    + [("http", options) for options in OPTIONS if options != "as it comes"]
    + [("https", options) for options in ("checksums when required", "signed payload")],
)
def test_every_operation_sends_what_it_sends_without_tracing(
    runs: Callable[[Scene, RawStore], dict[str, Sent]],
    wires: dict[str, Wire],
    client_on: MakeClient,
    wire: str,
    options: str,
) -> None:
    """Heads and bodies are byte for byte the same for every operation, wire and kind of client."""
    store = wires[wire].store
    Script(store, clock=NOON.timestamp)

    def scene() -> None:
        client = client_on(wires[wire], **OPTIONS[options])
        for number, operation in enumerate(SMALL):
            operation(client, f"op-{number}", chance_of(number))

    sent = runs(scene, store)
    assert len(sent["captured"]) > len(SMALL)
    _assert_no_byte_added(sent)


def test_no_header_of_any_propagator_is_added(
    runs: Callable[[Scene, RawStore], dict[str, Sent]],
    wires: dict[str, Wire],
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where OpenTelemetry is told to add W3C's headers and baggage to each request, none is on S3's."""
    wire = wires["http"]
    several = CompositePropagator(
        [AwsXRayPropagator(), TraceContextTextMapPropagator(), W3CBaggagePropagator()]
    )
    monkeypatch.setattr(botocore_instrumentor(), "propagator", several, raising=False)

    def scene() -> None:
        token = context.attach(baggage.set_baggage("user", "ada"))
        client_on(wire).put_object(Bucket="bucket", Key="maps/1", Body=b"a map")
        context.detach(token)

    sent = runs(scene, wire.store)
    assert len(TRACE_LINE.findall(sent["plain"][0][0])) == 3
    _assert_no_byte_added(sent)


def test_no_byte_is_added_where_another_tool_has_wrapped_the_same(
    frozen: None,
    provider: TracerProvider,
    botocore_traced: Callable[[], None],
    wires: dict[str, Wire],
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrapper of another tool around OpenTelemetry's is called as ever, and no header is left."""
    store, made = wires["http"].store, []

    def scene() -> None:
        client_on(wires["http"], retries=1).put_object(Bucket="bucket", Key="maps/1", Body=b"a map")

    without = _sent(scene, store)
    botocore_traced()
    traced = Endpoint.prepare_request

    def prepare_request(endpoint: Any, request: Any) -> Any:
        made.append(request.method)
        return traced(endpoint, request)

    with monkeypatch.context() as other_tool:
        other_tool.setattr(Endpoint, "prepare_request", prepare_request)
        assert otel_savetrace.instrument(provider, Settings())
        assert _sent(scene, store) == without
        otel_savetrace.uninstrument()
    assert made == ["PUT"]


FAULTS: dict[str, tuple[Step, ...]] = {
    "refused": (Step("error", 503, "SlowDown"), Step("error", 500, "InternalError"), Step()),
    "reset and closed": (Step("reset"), Step("closed"), Step()),
    "cut": (Step("no etag"), Step()),
    "refused at the head": (Step("error", 503, "SlowDown", FINAL), Step("error", 403, "AccessDenied", FINAL)),
    "head unanswered": (Step("error", 503, "SlowDown", UNANSWERED), Step(reception=UNANSWERED)),
    "clock of the store ahead": (Step("error", 503, "SlowDown", date=700), Step(date=700)),
}


@pytest.mark.parametrize("faults", FAULTS)
def test_retries_send_what_they_send_without_tracing(
    runs: Callable[[Scene, RawStore], dict[str, Sent]],
    any_wire: Wire,
    client_on: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    faults: str,
) -> None:
    """Heads and bodies are byte for byte the same through every fault, first try and retry."""
    if faults == "head unanswered":
        monkeypatch.setattr("urllib3.util.wait_for_read", lambda *_: False)
    script = Script(any_wire.store, clock=NOON.timestamp)

    def scene() -> None:
        client = client_on(any_wire, retries=2)
        for number, operation in enumerate(PUTS):
            script.tell(f"op-{number}", *FAULTS[faults])
            attempt(operation, client, f"op-{number}", chance_of(number), BotoCoreError)

    sent = runs(scene, any_wire.store)
    assert len(sent["captured"]) >= len(PUTS)
    _assert_no_byte_added(sent)


@pytest.mark.parametrize("name", ["http", "https"])
@pytest.mark.parametrize("outcome", ["uploaded", "aborted"])
def test_threads_send_what_they_send_without_tracing(
    runs: Callable[[Scene, RawStore], dict[str, Sent]],
    wires: dict[str, Wire],
    client_on: MakeClient,
    name: str,
    outcome: str,
) -> None:
    """An upload in parts by threads sends the same bytes, in whatever order; given up half-way, too."""
    wire = wires[name]
    script = Script(wire.store, clock=NOON.timestamp)

    def scene() -> None:
        if outcome == "aborted":
            script.tell("op-1", *[Step("error", 403, "AccessDenied")] * 3, method="PUT")
        attempt(upload_in_threads, client_on(wire), "op-1", chance_of(1), S3UploadFailedError)

    sent = {name: sorted(of) for name, of in runs(scene, wire.store).items()}
    if outcome == "aborted":  # s3transfer may or may not have begun the parts after the first refused
        sent = {name: [of for of in sent[name] if not of[0].startswith(b"PUT")] for name in sent}
    _assert_no_byte_added(sent)


def _other_services(wire: Wire, client_on: MakeClient) -> None:
    dynamodb = client_on(wire, service="dynamodb", s3={})
    dynamodb.list_tables()
    dynamodb.put_item(TableName="saves", Item={"id": {"S": "1"}})
    queue = f"{wire.endpoint}/queue"
    sqs = client_on(wire, service="sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="saved")
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "saved"}])
    sqs.receive_message(QueueUrl=queue)
    client_on(wire, service="sns").publish(TopicArn="arn:aws:sns:us-east-1:1:saves", Message="saved")
    client_on(wire, service="lambda").invoke(FunctionName="saved", Payload=b"{}")
    client_on(wire, service="secretsmanager").list_secrets()


def test_other_services_keep_their_trace_header(
    runs: Callable[[Scene, RawStore], dict[str, Sent]], wires: dict[str, Wire], client_on: MakeClient
) -> None:
    """What goes to DynamoDB, SQS, SNS, Lambda … is what plain OpenTelemetry sends, header and all."""
    wire = wires["http"]
    wire.store.choose = _json_or_xml

    def scene() -> None:
        _other_services(wire, client_on)

    sent = runs(scene, wire.store)
    assert len(sent["plain"]) == 8
    assert all(TRACE_LINE.search(head) for head, _ in sent["plain"])
    assert sent["captured"] == sent["propagated"] == sent["plain"]


def _json_or_xml(seen: Seen) -> Any:
    is_sns = b"Action=Publish" in seen.body
    answer = b"<PublishResponse><PublishResult/></PublishResponse>" if is_sns else b"{}"
    return lambda visit: visit.send("200 OK", answer)
