"""Whether the exporter is reachable: real exporters against real sockets."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
import pytest
import trustme
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource

from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.doctor import exporter
from otel_savetrace.doctor.facts import Delivery
from otel_savetrace.doctor.findings import Finding
from otel_savetrace.doctor.inside.canary import canary_span, deliver
from otel_savetrace.doctor.inside.exporters import facts_of
from tests.doctor.asking import answered, delivered, only

SECONDS = 0.7
"""Shorter than the first wait of an exporter that tries again: what fails, fails once."""

TWICE_SECONDS = 1.5
"""Long enough for a second try: of the first, the exporter over HTTP then tells the reason."""
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

POLL_SECONDS = 0.01
"""How often a server of the standard library looks whether it shall end."""


@contextlib.contextmanager
def http_server(status: int, certificate: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer every POST on loopback with `status`; give the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer((LOOPBACK, 0), Handler)
    if certificate is not None:
        server.socket = certificate.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is the point
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def grpc_server(refuse: Callable[[Any], None] | None) -> Iterator[int]:
    """Take gRPC on loopback; every call is refused, or not even known. Give the port."""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # it ships no types
        def service(self, _: Any) -> Any:
            def answer(_: Any, context: Any) -> bytes:
                assert refuse is not None
                refuse(context)
                return b""

            return grpc.unary_unary_rpc_method_handler(answer) if refuse else None

    with futures.ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers([Handler()])
        port: int = server.add_insecure_port(f"{LOOPBACK}:0")
        server.start()
        yield port
        server.stop(None).wait()


def by_http(endpoint: str, timeout: float = SECONDS) -> Delivery:
    """Send a span through OpenTelemetry's own http/protobuf exporter."""
    made = HttpExporter(endpoint=f"{endpoint}/v1/traces", timeout=timeout)
    return _through(made)


def by_grpc(endpoint: str) -> Delivery:
    """Send a span through OpenTelemetry's own gRPC exporter."""
    return _through(GrpcExporter(endpoint=endpoint, timeout=SECONDS))


def _through(made: Any) -> Delivery:
    try:
        return deliver(made, facts_of(None, made), canary_span(Resource({})), 10 * SECONDS)
    finally:
        made.shutdown()


def said_of(delivery: Delivery, endpoint: str) -> Finding:
    """Return the first line that is told of a delivery."""
    findings = exporter.exporter(answered({ENDPOINT: endpoint}, canary={"deliveries": [delivery]}))
    return next(iter(findings))


@pytest.mark.parametrize("send", [by_http, by_grpc])
def test_nothing_that_listens_is_a_refused_connection(send: Callable[[str], Delivery]) -> None:
    """Where nobody listens, the failure says so and what to start."""
    endpoint = f"http://{LOOPBACK}:{free_port()}"
    failed = said_of(send(endpoint), endpoint)
    assert failed.state == "failure"
    assert "no connection (Connection refused)" in failed.said
    assert failed.todo == f"start the Collector, or correct the address in {ENDPOINT}"


def test_the_default_address_is_told_to_be_the_default() -> None:
    """Where no endpoint was named, the failure says whose address it is."""
    failed = only(exporter.exporter(answered(canary={"deliveries": [delivered("connect", "", "refused")]})))
    assert "OpenTelemetry's default address" in failed.todo


@pytest.mark.parametrize("send", [by_http, by_grpc])
def test_a_name_that_is_not_found_is_told(send: Callable[[str], Delivery]) -> None:
    """A host that no resolver knows is told apart from one that does not answer."""
    endpoint = "http://collector..invalid:4317"
    failed = said_of(send(endpoint), endpoint)
    assert "its name is not found" in failed.said
    assert failed.todo.startswith(f"correct the host in {ENDPOINT}")


@pytest.mark.parametrize(
    ("status", "said", "todo"),
    [
        (401, "it wants to know who we are (401)", "OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "it does not let us in (403)", "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "it knows no such path (404)", "/v1/traces"),
        (418, "it does not take spans (418)", "look at its log"),
    ],
)
def test_each_refusal_over_http_has_its_words(status: int, said: str, todo: str) -> None:
    """What an HTTP status means, and what to do, is told for each."""
    with http_server(status) as port:
        endpoint = f"http://{LOOPBACK}:{port}"
        failed = said_of(by_http(endpoint), endpoint)
    assert failed.state == "failure"
    assert said in failed.said
    assert todo in failed.todo


@pytest.mark.parametrize(
    ("code", "said", "todo"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "it wants to know who we are (UNAUTHENTICATED)", "HEADERS"),
        (grpc.StatusCode.PERMISSION_DENIED, "it does not let us in (PERMISSION_DENIED)", "HEADERS"),
        (None, "it speaks gRPC and takes no traces (UNIMPLEMENTED)", "an OTLP receiver"),
    ],
)
def test_each_refusal_over_grpc_has_its_words(code: Any, said: str, todo: str) -> None:
    """What a gRPC code means, and what to do, is told for each."""
    refuse = (lambda context: context.abort(code, "no")) if code else None
    with grpc_server(refuse) as port:
        endpoint = f"http://{LOOPBACK}:{port}"
        failed = said_of(by_grpc(endpoint), endpoint)
    assert failed.state == "failure"
    assert said in failed.said
    assert todo in failed.todo


@pytest.fixture
def certificate(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on loopback shows of itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    return context


def test_a_certificate_that_is_not_trusted_is_told(certificate: ssl.SSLContext) -> None:
    """Where TLS fails for the certificate, the failure names the variable for its authority."""
    with http_server(200, certificate) as port:
        endpoint = f"https://{LOOPBACK}:{port}"
        failed = said_of(by_http(endpoint), endpoint)
    assert "TLS fails (unable to get local issuer certificate)" in failed.said
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in failed.todo


def test_a_certificate_that_is_trusted_is_no_obstacle(
    certificate: ssl.SSLContext, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the authority's file named as OpenTelemetry wants it, the span is taken."""
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(trusted))
    for name in exporter.OF_REQUESTS:
        monkeypatch.delenv(name, raising=False)
    with http_server(200, certificate) as port:
        endpoint = f"https://{LOOPBACK}:{port}"
        taken = said_of(by_http(endpoint), endpoint)
    assert taken.state == "ok"
    assert f"http/protobuf to {endpoint}/v1/traces took a span" in taken.said


def test_a_bundle_that_goes_before_opentelemetrys_is_told(
    certificate: ssl.SSLContext, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE beats OpenTelemetry's variable: the failure names it."""
    trusted, other = tmp_path / "authority.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(trusted)
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(trusted))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    with http_server(200, certificate) as port:
        delivery = by_http(f"https://{LOOPBACK}:{port}", TWICE_SECONDS)
    asked = answered({"REQUESTS_CA_BUNDLE": str(other)}, canary={"deliveries": [delivery]})
    failed = next(iter(exporter.exporter(asked)))
    assert "its certificate is not trusted: REQUESTS_CA_BUNDLE goes before" in failed.said


def test_a_certificate_that_cannot_be_read_is_told(
    certificate: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not there is named, with the variables that may name it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "missing.pem"))
    with http_server(200, certificate) as port:
        endpoint = f"https://{LOOPBACK}:{port}"
        failed = said_of(by_http(endpoint), endpoint)
    assert f"{tmp_path}/missing.pem: No such file" in failed.said
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in failed.todo


def test_tls_that_nobody_asked_for_is_explained() -> None:
    """An endpoint without http:// makes gRPC take TLS: against a plain server the failure says so."""
    with http_server(200) as port:
        endpoint = f"{LOOPBACK}:{port}"
        made = GrpcExporter(endpoint=endpoint, timeout=0.2)
        failed = said_of(_through(made), endpoint)
    assert f"gRPC to {endpoint} with TLS: TLS fails" in failed.said
    assert f"write http://{endpoint}" in failed.todo


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that waits for longer than it may is left behind, and that is told."""
    released = threading.Event()
    made = HttpExporter(endpoint=f"http://{LOOPBACK}:{free_port()}")
    monkeypatch.setattr(made, "export", lambda _: released.wait())
    facts = {**facts_of(None, made), "kind": "other"}
    delivery = deliver(made, facts, canary_span(Resource({})), 0.05)  # type: ignore[arg-type]  # the same facts
    released.set()
    made.shutdown()  # type: ignore[no-untyped-call]  # untyped there
    assert (delivery["stage"], delivery["detail"]) == ("export", "no answer")
    assert "no answer within" in said_of(delivery, "").said


def test_an_exporter_that_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody's exporter raises is told, and breaks nothing."""
    made = HttpExporter(endpoint=f"http://{LOOPBACK}:{free_port()}")

    def raising(_: object) -> None:
        raise KeyError("theirs")

    monkeypatch.setattr(made, "export", raising)
    facts = {**facts_of(None, made), "kind": "other"}
    delivery = deliver(made, facts, canary_span(Resource({})), SECONDS)  # type: ignore[arg-type]  # the same facts
    made.shutdown()  # type: ignore[no-untyped-call]  # untyped there
    assert "KeyError: 'theirs'" in said_of(delivery, "").said


def test_a_server_of_the_other_protocol_is_told() -> None:
    """Real gRPC to a server of HTTP and the other way round: the failure names the protocol to set."""
    with http_server(200) as port:
        failed = said_of(by_grpc(f"http://{LOOPBACK}:{port}"), "http://x")
    assert "it does not speak gRPC, perhaps http/protobuf" in failed.said
    assert failed.todo.startswith("set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or")
    with grpc_server(None) as port:
        failed = said_of(by_http(f"http://{LOOPBACK}:{port}", TWICE_SECONDS), "http://x")
    assert "it does not speak http/protobuf, perhaps gRPC" in failed.said
    assert failed.todo.startswith("set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or")


@pytest.mark.parametrize(
    ("chosen", "state", "said"),
    [
        ("none", "failure", "spans go nowhere: OTEL_TRACES_EXPORTER=none"),
        ("", "failure", "OpenTelemetry has made no exporter: spans go nowhere"),
        ("console", "note", "spans are printed on the console and sent nowhere"),
    ],
)
def test_spans_that_go_nowhere_are_told(chosen: str, state: str, said: str) -> None:
    """No exporter at all is a failure, unless spans are printed on purpose."""
    told = only(exporter.exporter(answered({"OTEL_TRACES_EXPORTER": chosen})))
    assert (told.state, told.said) == (state, said)


def test_a_proxy_is_not_gone_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy stands between, only the exporter itself says how far it gets."""
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{free_port()}")
    delivery = by_http("http://collector.invalid:4318", TWICE_SECONDS)
    assert delivery["stage"] == "export"
    assert "roxy" in delivery["detail"]
