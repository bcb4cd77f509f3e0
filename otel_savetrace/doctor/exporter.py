"""Whether the exporter is reachable: where it sends, and what it is told there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_savetrace.analysis.words import duration
from otel_savetrace.doctor.circumstances import Circumstances
from otel_savetrace.doctor.facts import Delivery, ExporterFacts
from otel_savetrace.doctor.findings import Finding, failure, note, ok

PROTOCOLS: Mapping[str, str] = {"grpc": "gRPC", "http": "http/protobuf"}

SIGNS_OF_THE_OTHER: Mapping[str, str] = {"grpc": "Failed parsing HTTP/2", "http": "Connection aborted"}
"""What an exporter says of a server that speaks the other protocol."""

OF_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables of the library requests, which the exporter over HTTP sends with."""

REFUSALS: Mapping[str, tuple[str, str]] = {
    "400": ("it does not understand what it gets", "see that an OTLP receiver stands at this address"),
    "401": ("it wants to know who we are", "put its token into OTEL_EXPORTER_OTLP_HEADERS"),
    "403": ("it does not let us in", "put the right token into OTEL_EXPORTER_OTLP_HEADERS"),
    "404": (
        "it knows no such path",
        "OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/traces added, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT does not",
    ),
    "405": ("it takes no POST there", "see that an OTLP receiver stands at this address"),
    "413": ("the batch is too large for it", "lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or raise its limit"),
    "415": ("it takes another protocol", "set OTEL_EXPORTER_OTLP_PROTOCOL to what it takes"),
    "429": ("it says: later", "it is short of memory or quota: look at its log"),
    "UNAUTHENTICATED": ("it wants to know who we are", "put its token into OTEL_EXPORTER_OTLP_HEADERS"),
    "PERMISSION_DENIED": ("it does not let us in", "put the right token into OTEL_EXPORTER_OTLP_HEADERS"),
    "UNIMPLEMENTED": (
        "it speaks gRPC and takes no traces",
        "give it an OTLP receiver in a pipeline of traces",
    ),
    "RESOURCE_EXHAUSTED": ("it says: later", "it is short of memory or quota: look at its log"),
    "DEADLINE_EXCEEDED": (
        "it did not answer in time",
        "look at its log; OTEL_EXPORTER_OTLP_TIMEOUT says how long it may take",
    ),
}
"""What an answer means, by HTTP status or gRPC code, and what to do."""


def exporter(asked: Circumstances) -> Iterator[Finding]:
    """Tell of each exporter whether it took the span that was sent through it."""
    deliveries = asked.canary["deliveries"]
    if not deliveries:
        yield _nowhere(asked)
    for delivery in deliveries:
        yield _delivery(delivery, asked)


def _nowhere(asked: Circumstances) -> Finding:
    if not asked.loading["takes_processors"]:
        return note("exporter", "there is none, since OpenTelemetry makes no spans")
    chosen = asked.given("OTEL_TRACES_EXPORTER")
    if chosen == "console":
        return note("exporter", "spans are printed on the console and sent nowhere")
    said = (
        f"spans go nowhere: OTEL_TRACES_EXPORTER={chosen}"
        if chosen
        else "OpenTelemetry has made no exporter: spans go nowhere"
    )
    return failure(
        "exporter", said, "name a Collector in OTEL_EXPORTER_OTLP_ENDPOINT, or a file in OTEL_SAVETRACE_FILE"
    )


def described(exporter: ExporterFacts) -> str:
    """Return an exporter in words: ``gRPC to collector:4317 with TLS``."""
    if exporter["kind"] == "file":
        return f"file {exporter['endpoint']}"
    protocol = PROTOCOLS.get(exporter["kind"], exporter["class_name"])
    secure = " with TLS" if exporter["kind"] == "grpc" and exporter["secure"] else ""
    return f"{protocol} to {exporter['endpoint']}{secure}"


def _delivery(delivery: Delivery, asked: Circumstances) -> Finding:
    exporter = delivery["exporter"]
    where = described(exporter)
    if delivery["stage"] == "delivered":
        return ok("exporter", f"{where} took a span in {duration(delivery['seconds'])}")
    reasons = {"name": _no_name, "connect": _no_connection, "tls": _no_tls, "certificate": _no_certificate}
    said, todo = reasons.get(delivery["stage"], _no_answer)(delivery, asked)
    return failure("exporter", f"{where}: {said}", todo)


def _no_name(delivery: Delivery, asked: Circumstances) -> tuple[str, str]:
    return (
        f"its name is not found ({delivery['detail']})",
        f"correct the host in {_variable(asked)}, or the machine's DNS",
    )


def _no_connection(delivery: Delivery, asked: Circumstances) -> tuple[str, str]:
    said = f"no connection ({delivery['detail']})"
    variable = _variable(asked)
    if not asked.given(variable):
        return said, f"start a Collector there (OpenTelemetry's default address), or name yours in {variable}"
    return said, f"start the Collector, or correct the address in {variable}"


def _no_tls(delivery: Delivery, asked: Circumstances) -> tuple[str, str]:
    said = f"TLS fails ({delivery['detail']})"
    variable = _variable(asked)
    value = asked.given(variable)
    if "://" not in value:
        return (
            said,
            f"TLS is taken since {variable} does not begin with http://;"
            f" write http://{value} if the Collector has none",
        )
    if "verif" in delivery["detail"] or "cert" in delivery["detail"] or "issuer" in delivery["detail"]:
        return (
            said,
            "name the file of its authority in OTEL_EXPORTER_OTLP_CERTIFICATE,"
            " and see that the host's name is on its certificate",
        )
    return said, f"write http:// in {variable} if the Collector has no TLS"


def _no_certificate(delivery: Delivery, _: Circumstances) -> tuple[str, str]:
    return (
        f"a certificate cannot be read ({delivery['detail']})",
        "correct OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY",
    )


def _no_answer(delivery: Delivery, asked: Circumstances) -> tuple[str, str]:
    kind, status, detail = delivery["exporter"]["kind"], delivery["status"], delivery["detail"]
    bundle = next((name for name in OF_REQUESTS if asked.given(name)), None)
    if bundle and "CERTIFICATE_VERIFY_FAILED" in detail:
        return (
            f"its certificate is not trusted: {bundle} goes before OTEL_EXPORTER_OTLP_CERTIFICATE",
            f"unset {bundle}, or put the Collector's authority into its file",
        )
    if kind == "file":
        return detail, "see that the app may write OTEL_SAVETRACE_FILE"
    if kind in SIGNS_OF_THE_OTHER and SIGNS_OF_THE_OTHER[kind] in detail:
        return _other_protocol(kind)
    if status in REFUSALS:
        meaning, todo = REFUSALS[status]
        return f"{meaning} ({status})", todo
    if detail == "no answer":
        return f"no answer within {duration(delivery['seconds'])}", "look at its log; --wait waits longer"
    return (
        f"it does not take spans ({status or detail})",
        "look at its log, and whether it is what it should be",
    )


def _other_protocol(kind: str) -> tuple[str, str]:
    spoken, other = PROTOCOLS[kind], PROTOCOLS["http" if kind == "grpc" else "grpc"]
    told = f"it does not speak {spoken}, perhaps {other}"
    return told, f"set OTEL_EXPORTER_OTLP_PROTOCOL={other.lower()}, or name its port for {spoken}"


def _variable(asked: Circumstances) -> str:
    """Name the variable from which OpenTelemetry has the endpoint."""
    of_traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    return of_traces if asked.given(of_traces) else "OTEL_EXPORTER_OTLP_ENDPOINT"
